"""What one run of the benchmark found. The field names are the keys of `bench --json`."""

from dataclasses import dataclass

from monitor.bench.machine import Machine

__all__ = [
    "BedResult",
    "Capacity",
    "Efficiency",
    "Growth",
    "GrowthMedians",
    "Rounds",
    "RunResult",
    "Search",
    "Spread",
    "Step",
]


@dataclass(frozen=True, slots=True)
class BedResult:
    """One bed over the measured time, or all of them.

    Attributes:
        frames_per_second: Analysed frames; of all beds together in a total.
        age_seconds: `p50`, `p95` and `p99` of the time from a picture's data reaching this machine to its result;
            None without an analysed frame.
        drops: Pictures that were not analysed, by cause.
        analysed_frames: How many frames were analysed.
        faces: Frames in which the patient's face was found.
        decoded: Pictures that came out of the decoder.
        reconnects: How often a camera was lost and opened again.
    """

    frames_per_second: float
    age_seconds: dict[str, float] | None
    drops: dict[str, int]
    analysed_frames: int
    faces: int
    decoded: int
    reconnects: int


@dataclass(frozen=True, slots=True)
class Efficiency:
    """How much of the CPU time went into what cannot be left out.

    Attributes:
        decoder_seconds_per_picture: CPU time of the decoder alone on the same clip.
        full_pass_seconds: CPU time of the detector's engine alone for a pass over a whole picture.
        face_pass_seconds: The same for the surroundings of one face.
        track_pass_seconds: The same for a face that is tracked.
        classifier_seconds: CPU time of the classifier's engine alone for one crop.
        pure_cpu_seconds: What the run's pictures, passes and crops cost at these prices.
        used_cpu_seconds: What the process used, less the benchmark's own part.
        share: The one over the other.
    """

    decoder_seconds_per_picture: float
    full_pass_seconds: float
    face_pass_seconds: float
    track_pass_seconds: float
    classifier_seconds: float
    pure_cpu_seconds: float
    used_cpu_seconds: float
    share: float


@dataclass(frozen=True, slots=True)
class RunResult:
    """One station over the measured time.

    Attributes:
        machine: At the end of the run.
        cameras: How many.
        source: `rtsp` or `file`.
        clip: Name of the file.
        size_px: (width, height) of its pictures.
        wanted_frames_per_second: Of each bed.
        seconds: Length of the measured time.
        engine: What ran the models; None where the station has not reported it yet.
        redis: Whether there was one.
        total: All beds together.
        beds: By id.
        cpu_seconds: By stage.
        cpu_seconds_total: Of the whole process, the benchmark's own part included.
        cores_used: CPU seconds per second of the run.
        cameras_cores_used: The same of the cameras' process, which a station with real cameras has to spare; None where
            they are files or the system does not say.
        cpu_seconds_per_frame: Per analysed frame; None without one.
        kernel_seconds_per_bed: CPU seconds in the kernel during the measured time, over the number of beds.
        kernel_share: The kernel's part of the process's CPU time.
        context_switches_per_bed: `voluntary` (a thread waited) and `involuntary` (its core was taken), likewise.
        detector_passes_full: Detections run on whole pictures.
        detector_passes_face: Detections run on the surroundings of a face.
        detector_passes_track: Smaller ones, run on a face that is tracked.
        detector_passes_scan: Smaller ones, run on whole pictures.
        frames_from_mesh: Frames whose face was followed by its mesh, without a detection of its own.
        face_px: Median of the shorter side of the patient's face; None where none was seen.
        resident_megabytes: Of the process at the end.
        resident_megabytes_before: The same before the station was made.
        resident_megabytes_per_bed: The growth over the number of beds: models and workers are part of it.
        efficiency: None without analysed frames.
    """

    machine: Machine
    cameras: int
    source: str
    clip: str
    size_px: tuple[int, int]
    wanted_frames_per_second: float
    seconds: float
    engine: str | None
    redis: bool
    total: BedResult
    beds: dict[str, BedResult]
    cpu_seconds: dict[str, float]
    cpu_seconds_total: float
    cores_used: float
    cameras_cores_used: float | None
    cpu_seconds_per_frame: float | None
    kernel_seconds_per_bed: float
    kernel_share: float
    context_switches_per_bed: dict[str, float]
    detector_passes_full: int
    detector_passes_face: int
    detector_passes_track: int
    detector_passes_scan: int
    frames_from_mesh: int
    face_px: float | None
    resident_megabytes: float
    resident_megabytes_before: float
    resident_megabytes_per_bed: float
    efficiency: Efficiency | None


@dataclass(frozen=True, slots=True)
class Step:
    """One number of cameras in the search for the capacity.

    Attributes:
        cameras: How many.
        reason: Why they were too many; None where they were not.
        result: What was measured.
    """

    cameras: int
    reason: str | None
    result: RunResult


@dataclass(frozen=True, slots=True)
class Spread:
    """One figure over several rounds."""

    median: float
    least: float
    largest: float


@dataclass(frozen=True, slots=True)
class Rounds:
    """The same run, repeated.

    Attributes:
        middle: The round with the median CPU time in use; of two in the middle, the one with less.
        medians: By figure, as `monitor.bench.rounds.figures_of` names them; what some round lacks is left out.
        rounds: Every round, in order.
    """

    middle: RunResult
    medians: dict[str, Spread]
    rounds: tuple[RunResult, ...]


@dataclass(frozen=True, slots=True)
class Search:
    """One search for the capacity.

    Attributes:
        cameras: The largest number that passed; 0 when not even one did.
        reason: Why the next number did not; None when the search ended at its limit.
        tried: The numbers of cameras of its runs, in order.
    """

    cameras: int
    reason: str | None
    tried: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Capacity:
    """How many beds one machine carries.

    Attributes:
        cameras: The largest number that passed: the smaller one of the two searches that agree, or the smallest of all
            where none agree; 0 when not even one passed.
        agrees: Whether two of the last three searches found the same within 10 % or one bed.
        least: The smallest number that a search found.
        largest: The largest.
        searches: Every search, in order.
        reason: Why the next number did not pass; None when the search ended at its limit.
        resident_megabytes_per_further_bed: Slope of memory over the number of beds; None from fewer than two runs.
        comfortable: The run with four fifths of that number, rounded down; None where not even one bed fits.
        steps: Every run, in order.
    """

    cameras: int
    agrees: bool
    least: int
    largest: int
    searches: tuple[Search, ...]
    reason: str | None
    resident_megabytes_per_further_bed: float | None
    comfortable: Step | None
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class GrowthMedians:
    """What rounds of growth had in the middle, at least and at most.

    Attributes:
        slopes: `cores_per_further_bed` and `resident_megabytes_per_further_bed`, where they are known.
        steps: The figures of each number of cameras, in the order of `Growth.steps`.
    """

    slopes: dict[str, Spread]
    steps: tuple[dict[str, Spread], ...]


@dataclass(frozen=True, slots=True)
class Growth:
    """What further beds cost.

    Attributes:
        cores_per_further_bed: Slope of the cores in use over the number of beds, by least squares; runs in which a bed
            suffered are left out, because a full machine grows no further. None from fewer than two numbers. The median
            of the rounds.
        resident_megabytes_per_further_bed: Slope of memory, over the runs in which every worker had work; likewise.
        steps: One run for each number, in order: of several rounds the one with the median CPU time in use.
        medians: Of the steps' figures and the slopes, over the rounds.
        rounds: Every round's runs, in order.
    """

    cores_per_further_bed: float | None
    resident_megabytes_per_further_bed: float | None
    steps: tuple[Step, ...]
    medians: GrowthMedians
    rounds: tuple[tuple[Step, ...], ...]
