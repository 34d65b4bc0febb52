"""Makes the tables of docs/performance.md from runs of the benchmarks.

    python tests/bench/tables.py record build/bench                 # every run, an hour on 2 cores
    python tests/bench/tables.py record build/bench peer startup    # only these
    python tests/bench/tables.py write build/bench docs/performance.md

`record` stores the JSON of each run in a file of its name; `write` replaces what stands between the markers
`<!-- NAME -->` and `<!-- /NAME -->` of every run that was recorded, and leaves the rest of the page alone.
"""

import argparse
import json
import os
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
BENCH = [sys.executable, "-c", "from monitor.cli import main; main()", "bench", "--json"]


def trial_clips():
    """Return the recorded clips with faces that are at hand; they are no part of this project."""
    media = Path(os.environ.get("NICU_SHARED", HERE.parents[2] / "shared")) / "media"
    return [path for name in ("evm_*.mp4", "intel_asl_*.mkv") for path in sorted(media.glob(name))]


ROUNDS = ("--cameras", "4", "--seconds", "20", "--rounds", "3")
SEARCH = ("--find-capacity", "--cameras", "4", "--seconds", "12")
GROWTH = ("--rate", "1", "--seconds", "8", "--rounds", "3")
RUNS = {
    "stages-720": [*BENCH, *ROUNDS],
    "stages-1080": [*BENCH, *ROUNDS, "--size", "1080"],
    "stages-720-camera-like": [*BENCH, *ROUNDS, "--camera-like"],
    "stages-1080-camera-like": [*BENCH, *ROUNDS, "--size", "1080", "--camera-like"],
    "sub-stream": [*BENCH, *ROUNDS, "--sub-stream"],
    "capacity": [*BENCH, *SEARCH],
    "capacity-camera-like": [*BENCH, *SEARCH, "--camera-like"],
    "capacity-camera-like-10": [*BENCH, *SEARCH, "--camera-like", "--picture-rate", "10"],
    "capacity-calm-2": [*BENCH, *SEARCH, "--calm-rate", "2"],
    "capacity-bf16": [*BENCH, *SEARCH, "--engine", "openvino-bf16"],
    "capacity-one-process": [*BENCH, *SEARCH, "--camera-processes", "0"],
    "capacity-sub-stream": [*BENCH, *SEARCH, "--sub-stream"],
    "growth": [*BENCH, "--growth", "1,2,4,8,16", *GROWTH],
    "growth-1080": [*BENCH, "--growth", "2,4,8", "--size", "1080", *GROWTH],
    "peer": [sys.executable, str(HERE / "peer.py"), "--cameras", "2", "--seconds", "15", "--rounds", "3"],
    "quality": [sys.executable, str(HERE / "quality.py"), *map(str, trial_clips())],
    "startup": [sys.executable, str(HERE / "startup.py")],
}
STAGES = (
    *("receive", "decode", "convert", "copy", "schedule", "detect", "classify", "filter", "publish"),
    *("supervise", "page", "other"),
)


def row(*cells):
    """Return one line of a table."""
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def table(head, rows):
    """Return the lines of a table."""
    return [row(*head), row(*["---"] + ["---:"] * (len(head) - 1)), *(row(*cells) for cells in rows)]


def machine_line(machine):
    """Return what the run was made on."""
    return (
        f"{machine['model']}, {machine['cores']} cores, {machine['memory_megabytes'] / 1000:.0f} GB, load average "
        f"{machine['load_average']:.1f} at the end, {machine['kernel']}, Python {machine['python']}, ONNX Runtime "
        f"{machine['onnxruntime']}, GStreamer {machine['gstreamer']}, OpenCV {machine['opencv']}."
    )


def milliseconds(ages, rank):
    """Return one percentile of ages."""
    return "-" if ages is None else f"{1000 * ages[rank]:.0f}"


def stages(found):
    """Return the CPU time by stage of a run's rounds, and what came of them."""
    medians = found["medians"]
    rows = [(name, *three(medians.get(f"cpu_seconds_per_frame_{name}", NOTHING), 1000, 2)) for name in STAGES]
    yield from (machine_line(found["machine"]), "")
    yield from table(
        ("stage", "CPU ms an analysed frame", "least", "largest"),
        [*rows, ("all", *three(medians["station_cpu_seconds_per_frame"], 1000, 2))],
    )
    yield ""
    ages = ", ".join(
        f"{rank} {three(medians[f'age_{rank}_seconds'], 1000, 0)[0]} ms"
        for rank in ("p50", "p95", "p99")
        if f"age_{rank}_seconds" in medians
    )
    waits, losses = (medians[f"{kind}_switches_per_bed_and_second"]["median"] for kind in ("voluntary", "involuntary"))
    yield (
        f"{found['cameras']} cameras of {found['size_px'][0]} x {found['size_px'][1]} px, medians of "
        f"{len(found['rounds'])} rounds of {found['seconds']:.0f} s: "
        f"{medians['frames_per_second_per_bed']['median']:.2f} frames/s a bed; frame age {ages}; "
        f"{medians['cores_used']['median']:.2f} cores in use; {100 * medians['kernel_share']['median']:.0f} % of the "
        f"CPU time in the kernel; a bed waits {waits:.0f} times a second and loses a core {losses:.0f} times; one "
        f"picture costs {1000 * medians['decoder_seconds_per_picture']['median']:.2f} ms to decode alone; efficiency "
        f"{medians['efficiency']['median']:.2f}."
    )


NOTHING = {"median": 0.0, "least": 0.0, "largest": 0.0}


def three(spread, factor, digits):
    """Return median, least and largest of a figure as text."""
    return [f"{factor * spread[which]:.{digits}f}" for which in ("median", "least", "largest")]


def sub_stream(found):
    """Return what a camera's sub-stream costs beside its main stream."""
    yield from (machine_line(found["main"]["machine"]), "")
    yield from table(
        (
            *("stream", "px", "the face's shorter side, px", "decoding a picture alone, ms", "CPU ms a frame"),
            *("least", "largest", "cores in use", "memory MB"),
        ),
        [
            (
                name,
                "{} x {}".format(*one["size_px"]),
                f"{one['medians']['face_px']['median']:.0f}" if "face_px" in one["medians"] else "-",
                f"{1000 * one['medians']['decoder_seconds_per_picture']['median']:.2f}",
                *three(one["medians"]["cpu_seconds_per_frame"], 1000, 1),
                f"{one['medians']['cores_used']['median']:.2f}",
                f"{one['medians']['resident_megabytes']['median']:.0f}",
            )
            for name, one in found.items()
        ],
    )
    yield ""
    yield f"{found['main']['cameras']} cameras, medians of {len(found['main']['rounds'])} rounds in turn."


def steps_table(steps):
    """Return a table of runs with different numbers of cameras."""
    return table(
        ("beds", "cores in use", "of the cameras", "memory MB", "slowest bed frames/s", "age p99 ms", "load", "enough"),
        [
            (
                step["cameras"],
                f"{step['result']['cores_used']:.2f}",
                _cores_of_cameras(step["result"]),
                f"{step['result']['resident_megabytes']:.0f}",
                f"{min(bed['frames_per_second'] for bed in step['result']['beds'].values()):.2f}",
                milliseconds(step["result"]["total"]["age_seconds"], "p99"),
                f"{step['result']['machine']['load_average']:.1f}",
                "yes" if step["reason"] is None else "no",
            )
            for step in steps
        ],
    )


def _cores_of_cameras(result):
    used = result.get("cameras_cores_used")
    return "-" if used is None else f"{used:.2f}"


def capacity(found):
    """Return the search for the capacity."""
    yield from (machine_line(found["steps"][-1]["result"]["machine"]), "")
    yield from steps_table(found["steps"])
    yield ""
    comfortable = found["comfortable"]
    at = "" if comfortable is None else milliseconds(comfortable["result"]["total"]["age_seconds"], "p99")
    four_fifths = (
        "" if comfortable is None else f" At {comfortable['cameras']} beds, four fifths of it, p99 is {at} ms."
    )
    numbers = ", ".join(str(search["cameras"]) for search in found["searches"])
    if found["agrees"]:
        yield f"Capacity: {found['cameras']} beds; the searches found {numbers}.{four_fifths}"
    else:
        yield f"The capacity does not agree with itself: the searches found {numbers}.{four_fifths}"


def capacity_sub_stream(found):
    """Return the searches on a camera's two streams."""
    for name, one in found.items():
        face = one["steps"][0]["result"]["face_px"]
        yield f"On the {name} stream" + ("" if face is None else f", where the face has {face:.0f} px") + ":"
        yield ""
        yield from capacity(one)
        yield ""


def growth(found):
    """Return what further beds cost."""
    yield from (machine_line(found["steps"][-1]["result"]["machine"]), "")
    yield from steps_table(found["steps"])
    yield ""
    slopes, parts = found["medians"]["slopes"], []
    for name, unit, digits in (
        ("cores_per_further_bed", "cores", 3),
        ("resident_megabytes_per_further_bed", "MB", 1),
    ):
        if name in slopes:
            median, least, largest = three(slopes[name], 1, digits)
            parts.append(f"{median} {unit} ({least} to {largest})")
    rate = found["steps"][0]["result"]["wanted_frames_per_second"]
    yield f"Each further bed at {rate:g} frames/s, median of {len(found['rounds'])} rounds: {', '.join(parts)}."


def peer(found):
    """Return the station beside the peer."""
    yield from (machine_line(found["machine"]), "")
    rounds = zip(found["station"], found["peer"], found["streams_per_core_ratio"]["rounds"], strict=True)
    yield from table(
        ("round", "station: streams per core", "achieved rate", "peer: streams per core", "achieved rate", "ratio"),
        [
            (
                number,
                f"{one['streams_per_core']:.2f}",
                f"{one['achieved_rate']:.2f}",
                f"{other['streams_per_core']:.2f}",
                f"{other['achieved_rate']:.2f}",
                f"{ratio:.2f}",
            )
            for number, (one, other, ratio) in enumerate(rounds, 1)
        ],
    )
    yield ""
    detections = found["detections"]
    yield (
        f"Median ratio {found['streams_per_core_ratio']['median']:.2f}. Of {detections['frames']} frames the station "
        f"found a face in {detections['station']}, the peer in {detections['peer']}; agreement "
        f"{detections['agreement']:.2f}."
    )


def quality(found):
    """Return cost and quality of the ways of detecting."""
    yield from table(
        ("way", "frames", "recall", "landmark error mean", "p95", "CPU ms a frame", "share of cost"),
        [
            (
                way,
                metrics["frames"],
                f"{metrics['recall']:.3f}",
                f"{metrics['landmark_error_percent']:.2f} %",
                f"{metrics['landmark_error_p95_percent']:.2f} %",
                f"{metrics['cpu_ms_per_frame']:.1f}",
                f"{metrics['cost_share']:.2f}",
            )
            for way, metrics in found["synthetic"].items()
        ],
    )
    if found["recorded"]:
        yield ""
        yield from table(
            ("recorded clip", "way", "frames", "recall", "ambiguous", "points from the usual ones"),
            [
                (
                    clip if number == 0 else "",
                    way,
                    metrics["frames"],
                    f"{metrics['recall']:.3f}",
                    metrics["ambiguous"],
                    f"{metrics['points_from_usual_percent']:.2f} %",
                )
                for clip, ways in found["recorded"].items()
                for number, (way, metrics) in enumerate(ways.items())
            ],
        )


def startup(found):
    """Return how long the programs take to answer."""
    rows = [(f"`{name} --help`", f"{seconds:.2f}", "") for name, seconds in found["help_cpu_seconds"].items()]
    first = found["first_result"]
    rows.append(("station, to its first analysed frame", f"{first['cpu_seconds']:.2f}", f"{first['wall_seconds']:.2f}"))
    yield from table(("what", "CPU s", "wall s"), rows)


WRITERS = {
    "stages-720": stages,
    "stages-1080": stages,
    "stages-720-camera-like": stages,
    "stages-1080-camera-like": stages,
    "sub-stream": sub_stream,
    "capacity": capacity,
    "capacity-camera-like": capacity,
    "capacity-camera-like-10": capacity,
    "capacity-calm-2": capacity,
    "capacity-bf16": capacity,
    "capacity-one-process": capacity,
    "capacity-sub-stream": capacity_sub_stream,
    "growth": growth,
    "growth-1080": growth,
    "peer": peer,
    "quality": quality,
    "startup": startup,
}


def record(directory, names):
    """Run benchmarks and store what they print."""
    directory.mkdir(parents=True, exist_ok=True)
    for unknown in set(names) - set(RUNS):
        sys.exit(f"there is no run {unknown!r}; there are {', '.join(RUNS)}")
    for name in names or RUNS:
        print(f"{name} ...", file=sys.stderr)
        ended = subprocess.run(RUNS[name], stdout=subprocess.PIPE, text=True, check=True)
        (directory / f"{name}.json").write_text(ended.stdout, encoding="utf-8")


def write(directory, page):
    """Put the tables of what was recorded into a page, and the plot beside it."""
    text = page.read_text(encoding="utf-8")
    for name, lines in WRITERS.items():
        source = directory / f"{name}.json"
        if not source.exists():
            continue
        found = json.loads(source.read_text(encoding="utf-8"))
        block = "\n".join((f"<!-- {name} -->", "", *lines(found), "", f"<!-- /{name} -->"))
        text, count = re.subn(
            rf"<!-- {name} -->.*?<!-- /{name} -->", lambda _, block=block: block, text, flags=re.DOTALL
        )
        if count != 1:
            sys.exit(f"{page} has {count} pairs of markers for {name}; there must be one")
        if name == "growth":
            plot(found, page.parent / "performance-growth.svg")
    page.write_text(text, encoding="utf-8")


def plot(found, path):
    """Draw cores and memory over the number of beds."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "growth"
    from matplotlib import pyplot as plt

    beds = [step["cameras"] for step in found["steps"]]
    figure, axes = plt.subplots(1, 2, figsize=(8, 3), layout="constrained")
    for axis, key, label in zip(
        axes, ("cores_used", "resident_megabytes"), ("cores in use", "memory, MB"), strict=True
    ):
        axis.plot(beds, [step["result"][key] for step in found["steps"]], marker="o")
        axis.set(xlabel="beds", ylabel=label, ylim=(0, None))
        axis.grid(visible=True, alpha=0.3)
    figure.savefig(path, metadata={"Date": None})


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    verbs = parser.add_subparsers(dest="verb", required=True)
    recording = verbs.add_parser("record", help="run the benchmarks")
    recording.add_argument("directory", type=Path)
    recording.add_argument("names", nargs="*", metavar="NAME", help=", ".join(RUNS))
    writing = verbs.add_parser("write", help="write the tables")
    writing.add_argument("directory", type=Path)
    writing.add_argument("page", type=Path)
    options = parser.parse_args()
    if options.verb == "record":
        record(options.directory, options.names)
    else:
        write(options.directory, options.page)


if __name__ == "__main__":
    main()
