#!/usr/bin/env bash
# Packs what a station needs, for a hospital without internet: wheels, models, Debian packages, the installer.
# Run it in a checkout after `make setup`, on the same distribution, Python and processor as the station's.
set -euo pipefail

usage() {
    cat <<'TEXT'
Usage: deploy/offline-bundle.sh [--no-debs] [DIRECTORY]      (default: build/nicu-offline)

  --no-debs   write only the list of Debian packages (debs.txt), for hospitals with a mirror of their own

Then carry DIRECTORY to the station and run there, as root: DIRECTORY/install-station.sh
TEXT
}

say() { printf '==> %s\n' "$*"; }
fail() { printf 'error: %s\n' "$*" >&2; exit 3; }

debs=yes target=
while [ $# -gt 0 ]; do
    case $1 in
        --no-debs) debs=no ;;
        -h | --help) usage; exit 0 ;;
        -*) usage >&2; exit 2 ;;
        *) target=$1 ;;
    esac
    shift
done
target=$(realpath -m "${target:-build/nicu-offline}")
[ -z "$(ls -A "$target" 2>/dev/null)" ] || fail "$target is not empty; remove it, or name another directory"
cd "$(dirname "$0")/.."
readonly VENV=${VENV:-.venv}
readonly MODELS=$VENV/share/nicu-pain-monitor/models
[ -x "$VENV/bin/python" ] || fail "there is no $VENV; run: make setup"
[ -e "$MODELS/retinaface/bundle.json" ] ||
    fail "the detector's bundle is missing; run: $VENV/bin/nicu-export detector --from retinaface"
[ -e "$MODELS/face-actions/bundle.json" ] ||
    fail "the classifier's bundle is missing; run: $VENV/bin/nicu-export actions"
if [ "$debs" = yes ]; then
    command -v apt-ftparchive >/dev/null || fail "apt-ftparchive is missing; run: sudo apt-get install apt-utils"
fi

# The installer knows which system packages a station needs.
mapfile -t packages < <(deploy/install-station.sh --list-packages)

say "wheels"
mkdir -p "$target/wheels" "$target/models" "$target/debs"
"$VENV/bin/python" -m pip wheel --quiet --disable-pip-version-check --wheel-dir "$target/wheels" \
    --constraint deploy/constraints.txt ".[web]"
"$VENV/bin/python" -c 'import sys; print("%d.%d" % sys.version_info[:2])' >"$target/python-version"

say "models"
cp -r "$MODELS/." "$target/models/"

printf '%s\n' "${packages[@]}" >"$target/debs.txt"
if [ "$debs" = yes ]; then
    say "Debian packages"
    # With an empty list of what is installed, apt fetches every dependency, whatever this machine has already.
    : >"$target/debs/status"
    mkdir -p "$target/debs/partial"
    apt-get --quiet=2 --yes --no-install-recommends --download-only \
        -o Dir::State::status="$target/debs/status" -o Dir::Cache::archives="$target/debs" \
        -o Debug::NoLocking=1 -o APT::Sandbox::User=root install "${packages[@]}" >/dev/null
    rm -rf "$target/debs/status" "$target/debs/partial" "$target/debs/lock"
    (cd "$target/debs" && apt-ftparchive packages . >Packages)
fi

cp deploy/install-station.sh deploy/systemd/nicu-monitor.service configs/example.yaml "$target/"
sums=$(cd "$target" && find . -type f ! -name SHA256SUMS -print0 | sort -z | xargs -0 sha256sum)
printf '%s\n' "$sums" >"$target/SHA256SUMS"
say "$target holds $(du -sh "$target" | cut -f1)B; check it on the station with: sha256sum --check --quiet SHA256SUMS"
