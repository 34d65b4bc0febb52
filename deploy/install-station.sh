#!/usr/bin/env bash
# Installs a station as a service, from a checkout or from the directory that offline-bundle.sh made. Safe to run again:
# it brings the program up to date and leaves configuration and state alone.
set -euo pipefail

readonly PREFIX=/opt/nicu-monitor # where the service looks for it
readonly CONFIG=/etc/nicu/station.yaml
readonly PACKAGES=(
    python3 python3-venv python3-gst-1.0 gir1.2-gst-plugins-base-1.0 gir1.2-gst-rtsp-server-1.0
    gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad
    gstreamer1.0-plugins-ugly gstreamer1.0-libav glib-networking ca-certificates
)

usage() {
    cat <<'TEXT'
Usage: install-station.sh [--list-packages]      as root, on Debian 12, Ubuntu 24.04 or later

Installs the program in /opt/nicu-monitor, a user `nicu`, /etc/nicu/station.yaml (an example, if there is none) and the
service nicu-monitor. Without internet: run the copy in the directory that offline-bundle.sh made.
TEXT
}

say() { printf '==> %s\n' "$*"; }
fail() { printf 'error: %s\n' "$*" >&2; exit 3; }

case ${1:-} in
    '') ;;
    --list-packages) printf '%s\n' "${PACKAGES[@]}"; exit 0 ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
esac

here=$(cd "$(dirname "$0")" && pwd)
if [ -d "$here/wheels" ]; then
    bundle=yes models=$here/models unit=$here/nicu-monitor.service example=$here/example.yaml
elif [ -f "$here/../pyproject.toml" ]; then
    bundle=no models=$here/../${VENV:-.venv}/share/nicu-pain-monitor/models
    unit=$here/systemd/nicu-monitor.service example=$here/../configs/example.yaml
else
    fail "neither a checkout nor an offline bundle: $here"
fi
[ "$(id -u)" -eq 0 ] || fail "only root can install a service; run: sudo $0"
[ -e "$models/retinaface/bundle.json" ] ||
    fail "the detector's bundle is missing; run \`make setup\` in the checkout first"
[ -e "$models/face-actions/bundle.json" ] ||
    fail "the classifier's bundle is missing; run \`make setup\` in the checkout first"

install_packages() {
    local apt=(apt-get --quiet=2 --yes --no-install-recommends)
    export DEBIAN_FRONTEND=noninteractive
    if [ -e "$here/debs/Packages" ]; then
        # Only the directory that was carried here; the lists of this machine stay as they are.
        local scratch
        scratch=$(mktemp -d)
        mkdir "$scratch/lists"
        printf 'deb [trusted=yes] file:%s ./\n' "$here/debs" >"$scratch/sources.list"
        apt+=(-o Dir::Etc::SourceList="$scratch/sources.list" -o Dir::Etc::SourceParts=/dev/null
            -o Dir::State::Lists="$scratch/lists" -o APT::Sandbox::User=root)
        "${apt[@]}" update
        "${apt[@]}" install "${PACKAGES[@]}" >/dev/null
        rm -rf "$scratch"
    else
        "${apt[@]}" update
        "${apt[@]}" install "${PACKAGES[@]}" >/dev/null
    fi
}

install_program() {
    local pip=("$PREFIX/bin/python" -m pip install --quiet --disable-pip-version-check --upgrade)
    if [ "$bundle" = yes ]; then
        local here_version there_version
        here_version=$(/usr/bin/python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        there_version=$(cat "$here/python-version")
        [ "$here_version" = "$there_version" ] ||
            fail "the bundle is for Python $there_version, here is $here_version; make it on the same distribution"
    fi
    [ -x "$PREFIX/bin/python" ] || /usr/bin/python3 -m venv "$PREFIX"
    if [ "$bundle" = yes ]; then
        "${pip[@]}" --isolated --no-index --find-links "$here/wheels" "nicu-pain-monitor[web]"
    else
        (cd "$here/.." && "${pip[@]}" --constraint deploy/constraints.txt ".[web]")
    fi
    # GStreamer's Python binding belongs to the distribution; one link lets the virtual environment see it.
    ln -sfn /usr/lib/python3/dist-packages/gi \
        "$("$PREFIX/bin/python" -c 'import sysconfig; print(sysconfig.get_path("platlib"))')/gi"
    mkdir -p "$PREFIX/share/nicu-pain-monitor/models"
    cp -r "$models/." "$PREFIX/share/nicu-pain-monitor/models/"
    ln -sfn "$PREFIX/bin/nicu-monitor" /usr/local/bin/nicu-monitor
    install -d /etc/bash_completion.d
    "$PREFIX/bin/nicu-monitor" completion bash >/etc/bash_completion.d/nicu-monitor
}

configure() {
    getent passwd nicu >/dev/null ||
        useradd --system --user-group --home-dir /var/lib/nicu --shell /usr/sbin/nologin nicu
    install -d -m 750 -g nicu "$(dirname "$CONFIG")"
    [ -e "$CONFIG" ] || {
        sed 's#^  directory: state .*#  directory: /var/lib/nicu/state#' "$example" >"$CONFIG"
        chgrp nicu "$CONFIG"
        chmod 640 "$CONFIG"
    }
    "$PREFIX/bin/nicu-monitor" check "$CONFIG"
}

say "system packages"
install_packages
say "program in $PREFIX"
install_program
say "user and configuration"
configure
say "service"
install -D -m 644 "$unit" /etc/systemd/system/nicu-monitor.service
if [ -d /run/systemd/system ]; then
    systemctl daemon-reload
    systemctl enable --quiet nicu-monitor
    say "edit $CONFIG, then: systemctl restart nicu-monitor"
else
    say "systemd does not run here; start it with: $PREFIX/bin/nicu-monitor run --config $CONFIG"
fi
