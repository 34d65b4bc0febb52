"""The measurements as a person reads them."""

from collections.abc import Iterator

from monitor.bench.result import BedResult, Capacity, Growth, Rounds, RunResult, Spread, Step
from monitor.cameras.profiles import ENOUGH_FACE_PX

__all__ = ["capacity_lines", "face_line", "growth_lines", "round_line", "rounds_lines", "run_lines", "step_line"]

_STAGES = (
    *("receive", "decode", "convert", "copy", "schedule", "detect", "classify", "filter", "publish"),
    *("supervise", "page", "other", "bench"),
)
_BUSY_LOAD_PER_CORE = 1.5
_SHOWN_FIGURES = (
    ("slowest_bed_frames_per_second", "slowest bed, frames/s", 1.0),
    ("age_p50_seconds", "age p50, ms", 1e3),
    ("age_p99_seconds", "age p99, ms", 1e3),
    ("cores_used", "cores in use", 1.0),
    ("kernel_share", "kernel, %", 1e2),
    ("voluntary_switches_per_bed_and_second", "waits of a bed a second", 1.0),
    ("involuntary_switches_per_bed_and_second", "lost cores of a bed a second", 1.0),
    ("resident_megabytes", "memory, MB", 1.0),
    ("efficiency", "efficiency", 1.0),
    *((f"cpu_seconds_per_frame_{stage}", f"{stage}, CPU ms/frame", 1e3) for stage in _STAGES),
    ("cpu_seconds_per_frame", "all, CPU ms/frame", 1e3),
)


def run_lines(result: RunResult) -> Iterator[str]:
    """Yield the lines of one run."""
    machine = result.machine
    width, height = result.size_px
    yield (
        f"{machine.model}, {machine.cores} cores, load {machine.load_average:.1f}; "
        f"Python {machine.python}, engine {result.engine}"
    )
    if machine.load_average > _BUSY_LOAD_PER_CORE * machine.cores:
        yield "The machine is busy with other work: trust ratios and CPU seconds, not ages and frame rates."
    yield (
        f"{result.cameras} cameras ({result.source}, {result.clip}, {width} x {height} px), "
        f"{result.wanted_frames_per_second:g} frames/s wanted of each, {result.seconds:.1f} s"
    )
    yield ""
    yield f"{'bed':<10} {'frames/s':>8} {'p50 ms':>7} {'p95 ms':>7} {'p99 ms':>7}  dropped"
    for name, bed in result.beds.items():
        yield _bed_line(name, bed)
    yield _bed_line("all", result.total)
    yield ""
    yield f"{'stage':<10} {'CPU s':>8} {'share':>7} {'ms/analysed frame':>18}"
    analysed = result.total.analysed_frames
    for stage in _STAGES:
        seconds = result.cpu_seconds.get(stage, 0.0)
        frame = f"{1000 * seconds / analysed:18.2f}" if analysed else f"{'-':>18}"
        yield f"{stage:<10} {seconds:8.2f} {100 * seconds / result.cpu_seconds_total:6.1f}% {frame}"
    beside = "" if result.cameras_cores_used is None else f"; the cameras beside it use {result.cameras_cores_used:.2f}"
    yield f"{'all':<10} {result.cpu_seconds_total:8.2f}, which is {result.cores_used:.2f} cores{beside}"
    switches = result.context_switches_per_bed
    yield (
        f"{100 * result.kernel_share:.0f} % of it in the kernel; a bed makes a thread wait "
        f"{switches['voluntary'] / result.seconds:.0f} times a second and loses a core "
        f"{switches['involuntary'] / result.seconds:.0f} times"
    )
    yield (
        f"{result.detector_passes_full + result.detector_passes_scan} passes over whole pictures, "
        f"{result.detector_passes_face} over faces, "
        f"{result.detector_passes_track} over tracked faces, {result.frames_from_mesh} frames followed by the mesh, "
        f"{result.total.faces} of {analysed} frames with the patient's face"
    )
    if result.face_px is not None:
        yield face_line(result)
    yield (
        f"memory {result.resident_megabytes:.0f} MB, {result.resident_megabytes_before:.0f} MB before the station: "
        f"{result.resident_megabytes_per_bed:.1f} MB a bed, models included"
    )
    if result.efficiency is not None:
        parts = result.efficiency
        yield (
            f"efficiency {parts.share:.2f}: {parts.pure_cpu_seconds:.2f} CPU s for decoder and models alone "
            f"of {parts.used_cpu_seconds:.2f} used"
        )


def rounds_lines(rounds: Rounds) -> Iterator[str]:
    """Yield the lines of a run that was repeated: its round in the middle, and how far the rounds lie apart."""
    yield from run_lines(rounds.middle)
    if len(rounds.rounds) > 1:
        yield ""
        yield f"{f'of {len(rounds.rounds)} rounds':<30} {'median':>9} {'least':>9} {'largest':>9}"
        for name, words, factor in _SHOWN_FIGURES:
            if name in rounds.medians:
                spread = rounds.medians[name]
                values = (spread.median, spread.least, spread.largest)
                yield f"{words:<30} " + " ".join(f"{factor * value:9.2f}" for value in values)


def round_line(number: int, result: RunResult) -> str:
    """Return one line about one round."""
    cost = result.cpu_seconds_per_frame
    frame = "no analysed frame" if cost is None else f"{1000 * cost:.2f} ms of CPU an analysed frame"
    return (
        f"round {number}, {result.clip}: {frame}, {result.cores_used:.2f} cores, load {result.machine.load_average:.1f}"
    )


def face_line(result: RunResult) -> str:
    """Return one line about the size of the face in this stream."""
    if result.face_px is None:
        return f"no face was seen in {result.clip}"
    width, height = result.size_px
    verdict = "enough" if result.face_px >= ENOUGH_FACE_PX else "too small: take a larger stream or a nearer camera"
    return (
        f"the face's shorter side has {result.face_px:.0f} px in {width} x {height} px, "
        f"{ENOUGH_FACE_PX:.0f} are wanted: {verdict}"
    )


def step_line(step: Step) -> str:
    """Return one line about one number of cameras."""
    ages = step.result.total.age_seconds
    p99 = "-" if ages is None else f"{1000 * ages['p99']:.0f} ms"
    rate = min(bed.frames_per_second for bed in step.result.beds.values())
    load = step.result.machine.load_average
    return (
        f"{step.cameras:3d} cameras: p99 {p99}, slowest bed {rate:.2f} frames/s, {step.result.cores_used:.2f} cores, "
        f"{step.result.resident_megabytes:.0f} MB, load {load:.1f}: {step.reason or 'enough'}"
    )


def capacity_lines(capacity: Capacity) -> Iterator[str]:
    """Yield the conclusion of a search."""
    reason = f"; one more is too many: {capacity.reason}" if capacity.reason else ""
    found = ", ".join(str(search.cameras) for search in capacity.searches)
    if capacity.agrees:
        yield f"capacity: {capacity.cameras} cameras{reason}"
        yield f"searches found {found}"
    else:
        yield f"capacity: does not agree with itself: from {capacity.least} to {capacity.largest} cameras{reason}"
        yield f"searches found {found}; something else may be using the machine"
    if capacity.comfortable is not None:
        yield f"at four fifths of it: {step_line(capacity.comfortable).strip()}"
    if capacity.resident_megabytes_per_further_bed is not None:
        yield f"memory for each further bed: {capacity.resident_megabytes_per_further_bed:.1f} MB"


def growth_lines(growth: Growth) -> Iterator[str]:
    """Yield what further beds cost."""
    for step, medians in zip(growth.steps, growth.medians.steps, strict=True):
        spread = f" (cores {_range(medians['cores_used'], 2)})" if len(growth.rounds) > 1 else ""
        yield step_line(step) + spread
    for name, words, digits in (
        ("cores_per_further_bed", "cores", 3),
        ("resident_megabytes_per_further_bed", "MB", 1),
    ):
        if name in growth.medians.slopes:
            slope = growth.medians.slopes[name]
            spread = f" ({_range(slope, digits)} in {len(growth.rounds)} rounds)" if len(growth.rounds) > 1 else ""
            yield f"each further bed: {slope.median:.{digits}f} {words}{spread}"


def _range(spread: Spread, digits: int) -> str:
    return f"{spread.least:.{digits}f} to {spread.largest:.{digits}f}"


def _bed_line(name: str, bed: BedResult) -> str:
    ages = bed.age_seconds
    shown = " ".join(f"{'-':>7}" if ages is None else f"{1000 * ages[rank]:7.0f}" for rank in ("p50", "p95", "p99"))
    drops = ", ".join(f"{count} {cause}" for cause, count in bed.drops.items() if count) or "none"
    return f"{name:<10} {bed.frames_per_second:8.2f} {shown}  {drops}"
