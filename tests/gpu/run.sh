#!/bin/bash
# Measures on a GPU machine that has no network, step by step; every step is bounded, and the others go on after it.
#   tests/gpu/run.sh pack DIR       here: packs what such a machine needs into DIR, in parts of at most 48 MiB
#   tests/gpu/run.sh pack310 DIR    here: the same for step f: $NICU_PYTHON310 with TensorRT 8.6, 1 GB
#   tests/gpu/run.sh unpack DIR     there: joins the parts, and installs them beside its own Python packages
#   tests/gpu/run.sh unpack310 DIR  there: joins those parts; prints what to set
#   tests/gpu/run.sh run [a b ...]  there: runs the steps; $OUT/results.tgz has a JSON file and a log for each
#   tests/gpu/run.sh rehearse       here, without a GPU: every step rehearses, or says in one line why not
#   tests/gpu/run.sh record         writes the dated record of $OUT/results.tgz into docs/engines.md; what did not run is left out
# A part and a checkout of this project together stay below 64 MiB, and $OUT holds one file: what carries them has limits.
# OUT (where results go), PYTHON, NICU_PYTHON310, NICU_BUNDLES (folder of bundles), NICU_CLIP (H.264) may be set.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit
PYTHON=${PYTHON:-python3}
# A step that watches stations opens each of them, with every model and batch size, before it measures.
STATION_SECONDS=${STEP_SECONDS:-80}
STEP_SECONDS=${STEP_SECONDS:-40}
PART=48m
OUT=${OUT:-$PWD/build/gpu}
export NICU_BUNDLES=${NICU_BUNDLES:-}
export NICU_CLIP=${NICU_CLIP:-}
export PYTHONPATH=$PWD:$PWD/tests/gpu:$PWD/tests/support${PYTHONPATH:+:$PYTHONPATH}

run_steps() {
    local name script python code results limit
    results=$(mktemp -d)
    mkdir -p "$OUT"
    for script in tests/gpu/[a-f]_*.py; do
        name=$(basename "$script" .py)
        [[ $# -eq 0 || " $* " == *" ${name%%_*} "* ]] || continue
        python=$PYTHON
        [[ $name == f_* && -n ${NICU_PYTHON310:-} ]] && python=$NICU_PYTHON310
        limit=$STEP_SECONDS
        [[ $name == e_beds || $name == e_crops ]] && limit=$STATION_SECONDS
        OUT=$results timeout --kill-after=3 "$limit" "$python" "$script" >"$results/$name.log" 2>&1
        code=$?
        if [[ $code -eq 124 || $code -eq 137 ]]; then
            echo "$name: cut short after $limit s; what it measured until then is in its JSON file"
        elif [[ $code -gt 128 ]]; then
            echo "$name: ended by signal $((code - 128)); what it measured until then is in its JSON file"
        else
            tail -n 1 "$results/$name.log"
        fi
        # After every step: this script may be ended at any moment as well.
        tar -C "$results" -czf "$OUT/results.tgz" .
    done
    rm -rf "$results"
}

record() {
    local results
    results=$(mktemp -d)
    tar -C "$results" -xzf "$OUT/results.tgz" && "$PYTHON" tests/gpu/record.py "$results" docs/engines.md
    rm -rf "$results"
}

pack() {
    local target=$1 wheels bundles
    mkdir -p "$target"
    wheels=$(mktemp -d)
    # The wheels of the GPU machine's Python, without what it has (torch, numpy, cuda-bindings, CuPy).
    "$PYTHON" -m pip download --quiet --dest "$wheels" --python-version 3.12 --only-binary=:all: --no-deps \
        --constraint deploy/constraints.txt \
        onnxruntime-gpu flatbuffers opencv-python-headless pydantic pydantic-core annotated-types typing-extensions \
        typing-inspection PyYAML click rich markdown-it-py mdurl Pygments redis prometheus-client python-json-logger \
        tzdata PyNvVideoCodec \
        || echo "pack: some wheels could not be had; their steps will say so" >&2
    mkdir -p "$wheels/bundles"
    bundles=${NICU_BUNDLES:-$("$PYTHON" -c 'import sys; print(sys.prefix)')/share/nicu-pain-monitor/models}
    [[ -d $bundles ]] && cp -r "$bundles"/. "$wheels/bundles/"
    [[ -f $wheels/bundles/retinaface/bundle.json && -f $wheels/bundles/face-actions/bundle.json ]] \
        || echo "pack: $bundles has no retinaface and face-actions; step e will not run; set NICU_BUNDLES" >&2
    cp -r monitor/bundles/. "$wheels/bundles/"
    "$PYTHON" -c "import sys; from pathlib import Path; from monitor.bench.clips import draw_clip
draw_clip(Path(sys.argv[1]), 720, 5.0)" "$wheels/clip.mp4" || echo "pack: no clip could be made" >&2
    tar -C "$wheels" -cf - . | split -b "$PART" -d - "$target/part-"
    rm -rf "$wheels"
    ls -l "$target"
}

unpack() {
    local target=$1/unpacked
    mkdir -p "$target"
    cat "$1"/part-* | tar -C "$target" -xf -
    "$PYTHON" -m pip install --quiet --no-index --no-deps "$target"/*.whl
    echo "export NICU_BUNDLES=$target/bundles NICU_CLIP=$target/clip.mp4"
}

pack310() {
    local target=$1 prefix
    [[ -x ${NICU_PYTHON310:-} ]] || { echo "pack310: NICU_PYTHON310 names no Python 3.10" >&2; exit 2; }
    mkdir -p "$target/python310/stand-ins"
    prefix=$("$NICU_PYTHON310" -c 'import sys; print(sys.base_prefix)')
    tar -C "$prefix" --exclude=test --exclude=__pycache__ --exclude='*.a' --exclude=site-packages -cf - bin lib \
        | tar -C "$target/python310" -xf -
    "$NICU_PYTHON310" -m pip install --quiet --no-compile --target "$target/python310/packages" --only-binary=:all: \
        numpy'<2' pydantic typing-extensions onnxruntime cuda-bindings
    "$NICU_PYTHON310" -m pip install --quiet --no-compile --target "$target/python310/packages" --no-deps tensorrt==8.6.0
    stand_ins "$target/python310"
    tar -C "$target" -cf - python310 | split -b "$PART" -d -a 3 - "$target/python310-part-"
    rm -rf "$target/python310"
    ls -l "$target"
}

# TensorRT 8.6 is linked with these libraries and, as step f builds, calls none of them: every name is enough.
stand_ins() {
    local name names script
    script=$(mktemp)
    for name in libcublas.so.12 libcublasLt.so.12 libcudnn.so.8; do
        names=$(nm -D --undefined-only "$1"/packages/tensorrt/*.so* | grep -o "[A-Za-z0-9_]*@$name\$" | sed 's/@.*//' | sort -u)
        echo "$name { global: $(for one in $names; do printf '%s; ' "$one"; done) };" >"$script"
        for one in $names; do echo "void *$one(void) { return 0; }"; done \
            | cc -shared -fPIC -x c -Wl,-soname,"$name" -Wl,--version-script="$script" -o "$1/stand-ins/$name" -
    done
    rm -f "$script"
}

unpack310() {
    local target=$1/unpacked/python310
    mkdir -p "$1/unpacked"
    cat "$1"/python310-part-* | tar -C "$1/unpacked" -xf -
    cat >"$target/python" <<END
#!/bin/sh
export PYTHONHOME=$target LD_LIBRARY_PATH=$target/stand-ins:$target/lib PYTHONPATH=$target/packages:\$PYTHONPATH
exec $target/bin/python3.10 "\$@"
END
    chmod +x "$target/python"
    echo "export NICU_PYTHON310=$target/python"
}

case ${1:-} in
pack | pack310 | unpack | unpack310) [[ $# -eq 2 ]] || { echo "usage: tests/gpu/run.sh $1 DIR" >&2; exit 2; }; "$1" "$2" ;;
run) shift; run_steps "$@" ;;
rehearse) shift; NICU_GPU_REHEARSE=1 run_steps "$@" ;;
record) record ;;
*) sed -n '2,11p' "$0" | sed 's/^# \{0,1\}//'; exit 2 ;;
esac
