"""A plan of the benchmark and results of it, as a station of plain round numbers would give them."""

from dataclasses import replace
from pathlib import Path

from monitor.bench.machine import describe_machine
from monitor.bench.pure import PureCosts
from monitor.bench.result import BedResult, RunResult
from monitor.bench.run import Plan
from monitor.config import BedSettings, CameraSettings, StationConfig

MACHINE = describe_machine()
PLAN = Plan(
    Path("main.mp4"),
    2,
    5.0,
    "rtsp",
    StationConfig(beds=(BedSettings(id="bed-1", camera=CameraSettings(url="main.mp4")),)),
    PureCosts(0.01, 0.05, 0.01, 0.005, 0.001, (1280, 720)),
)
BED = BedResult(5.0, {"p50": 0.05, "p95": 0.1, "p99": 0.1}, {}, 25, 25, 150, 0)
_SECONDS = 5.0


def run_result(cameras=2, rate=5.0, p99=0.1, megabytes=200.0, **changes) -> RunResult:
    """Return the result of a run in which all beds are alike.

    Args:
        cameras: How many.
        rate: Analysed frames a second of each bed.
        p99: Age of results in seconds.
        megabytes: Of the process at the end.
        changes: Other fields of the result.
    """
    analysed = round(rate * _SECONDS)
    bed = replace(
        BED,
        frames_per_second=rate,
        age_seconds={"p50": p99 / 2, "p95": p99, "p99": p99},
        analysed_frames=analysed,
        faces=analysed,
    )
    fields = {
        "machine": MACHINE,
        "cameras": cameras,
        "source": "rtsp",
        "clip": "main.mp4",
        "size_px": (1280, 720),
        "wanted_frames_per_second": 5.0,
        "seconds": _SECONDS,
        "engine": "onnxruntime",
        "redis": True,
        "total": replace(bed, frames_per_second=cameras * rate, analysed_frames=cameras * analysed),
        "beds": {f"bed-{number}": bed for number in range(1, cameras + 1)},
        "cpu_seconds": {"decode": 0.5, "detect": 1.0},
        "cpu_seconds_total": 2.0,
        "cores_used": 0.4,
        "cameras_cores_used": 0.1,
        "cpu_seconds_per_frame": 0.04,
        "kernel_seconds_per_bed": 0.1,
        "kernel_share": 0.1,
        "context_switches_per_bed": {"voluntary": 500.0, "involuntary": 10.0},
        "detector_passes_full": 1,
        "detector_passes_face": 4,
        "detector_passes_track": 20,
        "detector_passes_scan": 2,
        "frames_from_mesh": 0,
        "face_px": 120.0,
        "resident_megabytes": megabytes,
        "resident_megabytes_before": 50.0,
        "resident_megabytes_per_bed": (megabytes - 50.0) / cameras,
        "efficiency": None,
    }
    return RunResult(**{**fields, **changes})
