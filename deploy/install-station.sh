#!/usr/bin/env bash
# Installs a station as a service, from a checkout or from the directory that offline-bundle.sh made. Releases lie side by
# side, so that a station can go back; configuration and state are left alone.
set -euo pipefail
# The service runs as a user of its own, who must be able to read what root installs, whatever root's own umask.
umask 022

# Another root is for trials: then neither packages nor users of this machine are touched.
readonly ROOT=${NICU_ROOT:-}
readonly PREFIX=$ROOT/opt/nicu-monitor # a link to the release in use; where the service looks for it
readonly RELEASES=$ROOT/opt/nicu-monitor-releases
readonly PREVIOUS=$RELEASES/previous
readonly CONFIG=$ROOT/etc/nicu/station.yaml
readonly UNIT=$ROOT/etc/systemd/system/nicu-monitor.service
readonly LINK=$ROOT/usr/local/bin/nicu-monitor
readonly COMPLETION=$ROOT/etc/bash_completion.d/nicu-monitor
readonly UNIT_COPY=share/nicu-pain-monitor/nicu-monitor.service # in a release
readonly KEPT=3
readonly PACKAGES=(
    python3 python3-venv python3-gst-1.0 gir1.2-gst-plugins-base-1.0 gir1.2-gst-rtsp-server-1.0
    gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad
    gstreamer1.0-plugins-ugly gstreamer1.0-libav glib-networking ca-certificates
)

usage() {
    cat <<'TEXT'
Usage: install-station.sh [--upgrade | --rollback | --uninstall | --list-packages]

As root, on Debian 12, Ubuntu 24.04 or later. Without an option it installs the program in /opt/nicu-monitor, a user `nicu`,
/etc/nicu/station.yaml (an example, if there is none) and the service nicu-monitor; where a station is installed already, it
upgrades. Without internet: run the copy in the directory that offline-bundle.sh made.

  --upgrade    install beside the release in use, check the configuration with it, switch and restart; where the service does
               not come up, go back by itself
  --rollback   go back to the release before, and restart
  --uninstall  stop the service and remove the program; /etc/nicu and /var/lib/nicu stay
TEXT
}

say() { printf '==> %s\n' "$*"; }
fail() { printf 'error: %s\n' "$*" >&2; exit 3; }

action=install
case ${1:-} in
    '') ;;
    --upgrade | --rollback | --uninstall) action=${1#--} ;;
    --list-packages) printf '%s\n' "${PACKAGES[@]}"; exit 0 ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
esac

need_root() { [ "$(id -u)" -eq 0 ] || [ -n "$ROOT" ] || fail "only root can do this; run: sudo $0 $*"; }

has_service() { [ -d "$ROOT/run/systemd/system" ]; }

# Ends once the station has said that it watches (Type=notify), or with an error where it does not.
restart() { ! has_service || systemctl restart nicu-monitor; }

switch_to() {
    ln -sfn "$1" "$PREFIX.new"
    mv -T "$PREFIX.new" "$PREFIX"
}

# The service's unit belongs to its release, and is switched with it. One that an administrator changed stays as it is.
use_unit_of() {
    local wanted=$1/$UNIT_COPY
    if [ ! -e "$UNIT" ] || is_unit_of_a_release; then
        [ ! -e "$wanted" ] || install -m 644 "$wanted" "$UNIT"
    else
        say "$UNIT was changed here and stays; compare it with $wanted"
        say "own settings belong into \`systemctl edit nicu-monitor\`, which no upgrade touches"
    fi
    if has_service; then systemctl daemon-reload; fi
}

is_unit_of_a_release() {
    local each
    for each in "$RELEASES"/*/"$UNIT_COPY"; do
        if cmp --silent "$UNIT" "$each"; then return 0; fi
    done
    return 1
}

# Of a release from before units were kept with them; nobody knows whether its unit was changed here.
keep_unit_of() {
    [ -e "$UNIT" ] && [ ! -e "$1/$UNIT_COPY" ] || return 0
    install -D -m 644 "$UNIT" "$1/$UNIT_COPY"
    cmp --silent "$UNIT" "$unit" ||
        say "the unit is replaced; if you changed it, move your settings from $1/$UNIT_COPY to \`systemctl edit nicu-monitor\`"
}

# The service runs another release from here on: its program and its unit.
go_back_to() {
    say "back to $(basename "$1")"
    "$1/bin/nicu-monitor" check "$CONFIG" || say "the older program names mistakes in $CONFIG; see above"
    switch_to "$1"
    use_unit_of "$1"
}

rollback() {
    local back now
    back=$(readlink "$PREVIOUS") || fail "there is no release before this one in $RELEASES"
    [ -x "$back/bin/nicu-monitor" ] || fail "the release before this one is gone: $back"
    now=$(readlink "$PREFIX")
    go_back_to "$back"
    ln -sfn "$now" "$PREVIOUS"
    restart || fail "this release does not come up: the station does NOT run; see journalctl -u nicu-monitor, and go to the
other release again with --rollback"
}

uninstall() {
    if has_service; then
        systemctl disable --now --quiet nicu-monitor || say "the service was not there"
    fi
    rm -rf "$RELEASES" "$PREFIX"
    rm -f "$UNIT" "$LINK" "$COMPLETION"
    if has_service; then systemctl daemon-reload; fi
    say "removed; configuration, users and state stay: $(dirname "$CONFIG"), $ROOT/var/lib/nicu"
}

case $action in
    rollback | uninstall)
        need_root "--$action"
        [ -e "$PREFIX" ] || fail "no station is installed in $PREFIX"
        "$action"
        exit 0
        ;;
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
need_root ""
[ "$action" = install ] || [ -e "$PREFIX" ] || fail "no station is installed in $PREFIX; run it without --upgrade"
[ -e "$models/retinaface/bundle.json" ] ||
    fail "the detector's bundle is missing; run \`make setup\` in the checkout first"
[ -e "$models/face-actions/bundle.json" ] ||
    fail "the classifier's bundle is missing; run \`make setup\` in the checkout first"

install_packages() {
    [ -z "$ROOT" ] || return 0
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

# Of a station that was installed before there were releases: a directory where the link belongs.
adopt_old_layout() {
    [ -d "$PREFIX" ] && [ ! -L "$PREFIX" ] || return 0
    local old=$RELEASES/before-releases
    mv "$PREFIX" "$old"
    # The programs of a virtual environment name its interpreter by its path.
    grep -rlI "^#!$PREFIX/bin/" "$old/bin" | xargs -r sed -i "1s#^\#!$PREFIX/bin/#\#!$old/bin/#"
    ln -sfn "$old" "$PREFIX"
}

install_program() {
    local release=$1
    local pip=("$release/bin/python" -m pip install --quiet --disable-pip-version-check)
    if [ "$bundle" = yes ]; then
        local here_version there_version
        here_version=$(/usr/bin/python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        there_version=$(cat "$here/python-version")
        [ "$here_version" = "$there_version" ] ||
            fail "the bundle is for Python $there_version, here is $here_version; make it on the same distribution"
    fi
    /usr/bin/python3 -m venv "$release"
    if [ "$bundle" = yes ]; then
        "${pip[@]}" --isolated --no-index --find-links "$here/wheels" "nicu-pain-monitor[web]"
    else
        (cd "$here/.." && "${pip[@]}" --constraint deploy/constraints.txt ".[web]")
    fi
    # GStreamer's Python binding belongs to the distribution; one link lets the virtual environment see it.
    ln -sfn /usr/lib/python3/dist-packages/gi \
        "$("$release/bin/python" -c 'import sysconfig; print(sysconfig.get_path("platlib"))')/gi"
    mkdir -p "$release/share/nicu-pain-monitor/models"
    cp -r --no-preserve=mode "$models/." "$release/share/nicu-pain-monitor/models/"
    install -m 644 "$unit" "$release/$UNIT_COPY"
}

configure() {
    if [ -z "$ROOT" ]; then
        getent passwd nicu >/dev/null ||
            useradd --system --user-group --home-dir /var/lib/nicu --shell /usr/sbin/nologin nicu
        install -d -m 750 -g nicu "$(dirname "$CONFIG")"
    else
        install -d -m 750 "$(dirname "$CONFIG")"
    fi
    [ -e "$CONFIG" ] || {
        sed 's#^  directory: state .*#  directory: /var/lib/nicu/state#' "$example" >"$CONFIG"
        [ -n "$ROOT" ] || chgrp nicu "$CONFIG"
        chmod 640 "$CONFIG"
    }
    "$1/bin/nicu-monitor" check "$CONFIG"
}

# The release in use and the newest others stay.
remove_old_releases() {
    local each
    while read -r each; do
        case $RELEASES/$each in
            "$(readlink "$PREFIX")" | "$(readlink "$PREVIOUS" || true)") ;;
            *) rm -rf "${RELEASES:?}/$each" ;;
        esac
    done < <(cd "$RELEASES" && find . -mindepth 1 -maxdepth 1 -type d -printf '%T@ %f\n' | sort -rn | tail -n +$((KEPT + 1)) | cut -d ' ' -f 2)
}

install -d "$RELEASES" "$(dirname "$UNIT")" "$(dirname "$LINK")" "$(dirname "$COMPLETION")"
adopt_old_layout
say "system packages"
install_packages
release=$RELEASES/$(date -u +%Y%m%dT%H%M%S.%N)
say "program in $release"
before=$(readlink "$PREFIX" || true)
trap 'rm -rf "$release"' EXIT # a release that is not whole is none
install_program "$release"
say "user and configuration"
configure "$release"
say "service"
ln -sfn "$PREFIX/bin/nicu-monitor" "$LINK"
"$release/bin/nicu-monitor" completion bash >"$COMPLETION"
if [ -n "$before" ]; then keep_unit_of "$before"; else rm -f "$UNIT"; fi
[ -z "$before" ] || trap 'use_unit_of "$before" || true; rm -rf "$release"' EXIT
use_unit_of "$release"
if has_service && [ -z "$before" ]; then systemctl enable --quiet nicu-monitor; fi
# Only now is a station installed: a first installation that was cut off before is again the first one, and is enabled.
previous=$(readlink "$PREVIOUS" || true)
[ -z "$before" ] || ln -sfn "$before" "$PREVIOUS"
trap - EXIT
switch_to "$release"
if ! has_service; then
    say "systemd does not run here; start it with: $PREFIX/bin/nicu-monitor run --config $CONFIG"
elif [ -z "$before" ]; then
    say "edit $CONFIG, then: systemctl restart nicu-monitor"
else
    restart || {
        say "the new release does not come up; see: journalctl -u nicu-monitor"
        go_back_to "$before"
        # Not the one that has just failed: --rollback shall not end there.
        if [ -n "$previous" ]; then ln -sfn "$previous" "$PREVIOUS"; else rm -f "$PREVIOUS"; fi
        restart || fail "the release before does not come up either: the station does NOT run; see journalctl -u nicu-monitor"
        rm -rf "$release"
        fail "the upgrade was undone; the station runs as before"
    }
fi
remove_old_releases
