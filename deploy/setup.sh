#!/usr/bin/env bash
# Sets up a checkout on a bare Debian or Ubuntu machine: system packages, virtual environment, Python packages, models.
# Safe to run again: each step looks first at what is there. Run it through `make setup`.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly VENV=${VENV:-.venv}
readonly EXTRAS=${EXTRAS:-dev}
readonly SYSTEM_PYTHON=${SYSTEM_PYTHON:-/usr/bin/python3}
# GStreamer's Python binding is built for the distribution's own Python, hence SYSTEM_PYTHON.
readonly SYSTEM_PACKAGES=(
    python3-venv python3-gst-1.0 gir1.2-gst-plugins-base-1.0 gir1.2-gst-rtsp-server-1.0
    gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad
    gstreamer1.0-plugins-ugly gstreamer1.0-libav glib-networking redis-server
)
# What only the tests start.
readonly TEST_PACKAGES=(prometheus prometheus-alertmanager chromium mosquitto libfaketime iproute2 nginx)

say() { printf '\033[1m==>\033[0m %s\n' "$*"; }
fail() { printf 'error: %s\n' "$*" >&2; exit 3; }

missing_packages() {
    local package
    for package in "$@"; do
        [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || printf '%s ' "$package"
    done
}

install_system_packages() {
    local wanted=("${SYSTEM_PACKAGES[@]}") missing as_root=()
    case ",$EXTRAS," in *,dev,*) wanted+=("${TEST_PACKAGES[@]}") ;; esac
    command -v dpkg-query >/dev/null || fail "this script knows Debian and Ubuntu only; see docs/install.md for what is needed elsewhere"
    missing=$(missing_packages "${wanted[@]}")
    [ -n "$missing" ] || return 0
    if [ "$(id -u)" -ne 0 ]; then
        sudo -n true 2>/dev/null || fail "system packages are missing; run this one line, then again what you ran:
    sudo apt-get update && sudo apt-get install --no-install-recommends -y $missing"
        as_root=(sudo -n)
    fi
    say "installing system packages: $missing"
    # A server package must not start a service on this machine: the demo and the tests start their own.
    "${as_root[@]}" apt-get update -qq
    # shellcheck disable=SC2086 # a list of package names
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
        apt-get install -qq -y --no-install-recommends $missing >/dev/null
}

make_environment() {
    "$SYSTEM_PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        fail "$SYSTEM_PYTHON is older than Python 3.11; Debian 12, Ubuntu 24.04 or later have a newer one"
    if [ ! -x "$VENV/bin/python" ]; then
        say "making the virtual environment $VENV"
        "$SYSTEM_PYTHON" -m venv "$VENV"
    fi
    # One link instead of --system-site-packages: the distribution's other Python packages stay out.
    local gi packages
    gi=$("$SYSTEM_PYTHON" -c 'import os, gi; print(os.path.dirname(gi.__file__))') ||
        fail "$SYSTEM_PYTHON cannot import gi; is python3-gst-1.0 installed for this Python?"
    packages=$("$VENV/bin/python" -c 'import sysconfig; print(sysconfig.get_path("platlib"))')
    ln -sfn "$gi" "$packages/gi"
}

install_python_packages() {
    local stamp
    stamp=$VENV/.installed-$(cat pyproject.toml deploy/constraints.txt deploy/setup.sh <(echo "$EXTRAS $PWD") | sha256sum | cut -c1-16)
    [ -e "$stamp" ] && return 0
    say "installing Python packages (extras: $EXTRAS); the first time takes some minutes"
    rm -f "$VENV"/.installed-*
    # Modules are compiled when they are first imported: compiling all takes a minute, and most are never used.
    "$VENV/bin/python" -m pip install -qq --no-compile --disable-pip-version-check --constraint deploy/constraints.txt --editable ".[$EXTRAS]"
    touch "$stamp"
}

import_models() {
    [ -x "$VENV/bin/nicu-export" ] || return 0
    "$VENV/bin/python" -c 'import torch' 2>/dev/null || { say "no torch in $VENV: models are not imported"; return 0; }
    # Beside each other: the detector takes as long as the other two.
    "$VENV/bin/nicu-export" detector --from retinaface &
    local detector=$!
    # It runs in the background, where Ctrl-C does not reach it.
    trap 'kill "$detector" 2>/dev/null; wait; exit 130' INT TERM
    "$VENV/bin/nicu-export" mesh --from mediapipe || { wait; exit 1; }
    "$VENV/bin/nicu-export" actions || { wait; exit 1; }
    wait "$detector"
}

install_system_packages
make_environment
install_python_packages
import_models
