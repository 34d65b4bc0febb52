#!/bin/bash
# Build the container image where there is no Docker: with buildah, in a chroot, over a Debian that debootstrap makes.
set -euo pipefail

usage() {
    cat <<'TEXT'
Usage: deploy/build-image.sh [--target cpu|gpu|cuda] [--store DIRECTORY] [--mirror ADDRESS] [--share DIRECTORY]...

Builds nicu-monitor:TARGET from what is committed (HEAD), as root, with buildah and debootstrap, and tries it: the
self-test of the program, and the health check of a running station.

  --target cpu|gpu|cuda Which image; cpu when absent.
  --store DIRECTORY     Where base, layers and images are stored; /var/tmp/nicu-images when absent. Some gigabytes.
  --mirror ADDRESS      Of Debian; debootstrap's own choice when absent.
  --share DIRECTORY     A directory of this machine that pip reads (wheels, an index); may be given several times. pip's own
                        configuration, /etc/pip.conf, and the machine's certificates are always shared.
Push the image with: buildah --root DIRECTORY/storage push localhost/nicu-monitor:TARGET docker://REGISTRY/NAME
TEXT
}

fail() {
    echo "error: $1" >&2
    exit 3
}

target=cpu store=/var/tmp/nicu-images mirror='' shares=()
while [ $# -gt 0 ]; do
    case "$1" in
    --target) target="${2:?}" && shift 2 ;;
    --store) store="${2:?}" && shift 2 ;;
    --mirror) mirror="${2:?}" && shift 2 ;;
    --share) shares+=(--volume "${2:?}:$2:ro") && shift 2 ;;
    -h | --help) usage && exit 0 ;;
    *) usage >&2 && exit 2 ;;
    esac
done
case "$target" in cpu | gpu | cuda) ;; *) usage >&2 && exit 2 ;; esac

repository="$(cd "$(dirname "$0")/.." && pwd)"
[ "$(id -u)" = 0 ] || fail "a chroot needs root; run: sudo $0 $*"
for program in buildah debootstrap git; do
    command -v "$program" >/dev/null || fail "$program is missing; run: apt-get install buildah debootstrap git"
done

mkdir -p "$store"
build() { buildah --root "$store/storage" --runroot "$store/run" --storage-driver vfs "$@"; }
base=localhost/debian:bookworm-slim
if ! build inspect "$base" >/dev/null 2>&1; then
    echo "making the base with debootstrap, some minutes"
    [ -d "$store/root/etc" ] || debootstrap --variant=minbase bookworm "$store/root" ${mirror:+"$mirror"} >"$store/debootstrap.log"
    mirror=$(awk '$1 == "deb" { print $2; exit }' "$store/root/etc/apt/sources.list")
    echo "deb $mirror-security bookworm-security main" >"$store/root/etc/apt/sources.list.d/security.list"
    rm -rf "$store/root/var/cache/apt/archives/"*.deb "$store/root/var/lib/apt/lists/"*
    container="$(build from scratch)"
    build copy --quiet "$container" "$store/root" /
    build commit --quiet --rm "$container" "$base"
fi

rm -rf "$store/context" "$store/pip"
mkdir -p "$store/context" "$store/pip"
git -C "$repository" archive HEAD | tar --extract --directory "$store/context"
# pip reads certificates at a path that the base does not have.
cp /etc/ssl/certs/ca-certificates.crt "$store/pip/ca.crt"
{ if [ -f /etc/pip.conf ]; then sed '/^cert *=/d' /etc/pip.conf; else echo "[global]"; fi } >"$store/pip/pip.conf"
sed -i '0,/^\[global\]/s//[global]\ncert = \/run\/pip\/ca.crt/' "$store/pip/pip.conf"
# --format docker keeps the health check, which OCI's format does not know.
build build --isolation chroot --network host --format docker --layers --build-arg "BASE=$base" \
    --volume "$store/pip/pip.conf:/etc/pip.conf:ro" --volume "$store/pip:/run/pip:ro" "${shares[@]}" \
    --target "$target" --tag "localhost/nicu-monitor:$target" "$store/context"

echo "trying the image"
container="$(build from "localhost/nicu-monitor:$target")"
trap 'build rm "$container" >/dev/null' EXIT
configuration="$(mktemp -d)"
chmod 755 "$configuration"
cat >"$configuration/station.yaml" <<'YAML'
beds: [{id: bed-1, camera: {url: "synthetic://pain?seed=3&fps=10&size=640x360"}}]
spool: {directory: /var/lib/nicu/state}
redis: {url: "redis://127.0.0.1:1/0"}
http: {host: 127.0.0.1, port: 9177}
web: {preview: "off"}
YAML
inside=(build run --isolation chroot --network host --volume "$configuration:/etc/nicu:ro" "$container" --)
"${inside[@]}" nicu-monitor doctor --config /etc/nicu/station.yaml
# As a container engine would: start it, ask until it is healthy, stop it.
"${inside[@]}" sh -c 'timeout --signal=TERM 60 nicu-monitor run --config /etc/nicu/station.yaml || test $? -eq 124' &
for _ in $(seq 40); do
    sleep 1
    if "${inside[@]}" python -c 'import urllib.request as u; u.urlopen("http://127.0.0.1:9177/healthz", timeout=2)' 2>/dev/null; then
        healthy=yes
        break
    fi
done
wait || true
rm -rf "$configuration"
[ "${healthy:-no}" = yes ] || fail "the station in the image did not become healthy within 40 s"
build images "localhost/nicu-monitor:$target"
echo "nicu-monitor:$target is built and was healthy"
