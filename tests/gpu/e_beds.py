"""Step (e): a whole station with the GPU's engine and 100 beds: ages of frames, fairness, CPU and GPU memory a bed.

GPU machines seldom have GStreamer, and processors could not decode 100 streams: the beds' pictures come out of the
main memory, and everything after the decoder is the station's own.
"""

import os
import resource
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from step import NotHereError, is_rehearsal, run_step

import monitor.station.station as station_module
from monitor.alerts.record import GenerationMode
from monitor.bench.clock import CostClock
from monitor.bench.recorder import Recorder
from monitor.config import (
    BedSettings,
    CameraSettings,
    HttpSettings,
    ModelSettings,
    RedisSettings,
    SpoolSettings,
    StationConfig,
    WebSettings,
)
from monitor.pipeline.bed_pipeline import BedPipeline, FrameResult
from monitor.synthetic import SyntheticBed
from monitor.video.address import SyntheticRequest
from monitor.video.synthetic_source import PaintPicture

_BEDS = (100, 200)
_FRAMES_PER_SECOND = 5.0
_MEASURE_SECONDS = 7.0
_SETTLE_SECONDS = 3.0
_START_SECONDS = 15.0
_NO_REDIS = "redis://127.0.0.1:9/0"  # nobody listens there: the spool keeps the alerts


def measure(numbers: dict[str, Any]) -> None:
    config = model_settings()
    numbers["pictures"] = hand_out_pictures()
    for beds in (2,) if is_rehearsal() else _BEDS:
        result: dict[str, Any] = {}
        numbers[f"{beds} beds"] = result
        watch(beds, config, result)


def model_settings(crops: Literal["auto", "cpu", "gpu"] = "auto") -> ModelSettings:
    """Return what the stations of a step run; raises NotHereError where a bundle is missing."""
    bundles = _bundles()
    return ModelSettings(
        detector=bundles["detector"],
        classifier=bundles["classifier"],
        engine="onnxruntime" if is_rehearsal() else "onnxruntime-cuda",
        on_missing_engine="refuse",
        batching="on",
        crops=crops,
    )


def hand_out_pictures() -> str:
    """Let every synthetic bed show the same few pictures; return what they are."""
    pictures = _pictures()

    def hand_out(request: SyntheticRequest) -> PaintPicture:
        # A view: what is cut on the GPU goes up again with every picture, as a camera's would.
        return lambda seconds: pictures[(int(seconds * _FRAMES_PER_SECOND) + request.seed) % len(pictures)].view()

    station_module.paint_synthetic_bed = hand_out  # type: ignore[attr-defined] # what the station takes, not what it offers
    return f"{pictures[0].shape[1]} x {pictures[0].shape[0]} px, out of the main memory"


def _bundles() -> dict[str, str]:
    """Return where the detector and the classifier are.

    Raises:
        NotHereError: One of them is missing.
    """
    root = Path(os.environ.get("NICU_BUNDLES", ""))
    found = {"detector": root / "retinaface", "classifier": root / "face-actions"}
    missing = [path.name for path in found.values() if not root.name or not (path / "bundle.json").is_file()]
    if missing:
        raise NotHereError(f"$NICU_BUNDLES has no {' and no '.join(missing)}")
    return {role: str(path) for role, path in found.items()}


def _pictures() -> list[np.ndarray]:
    """Return five seconds of pictures, shape (height, width, 3), uint8, RGB: of $NICU_CLIP, else synthetic ones."""
    clip, count = os.environ.get("NICU_CLIP", ""), 3 if is_rehearsal() else 25
    found: list[np.ndarray] = []
    if clip:
        video = cv2.VideoCapture(clip)
        every = max(1, round(video.get(cv2.CAP_PROP_FPS) / _FRAMES_PER_SECOND))
        number = 0
        while len(found) < count and video.grab():
            if number % every == 0:
                found.append(cv2.cvtColor(video.retrieve()[1], cv2.COLOR_BGR2RGB))
            number += 1
    if not found:
        bed = SyntheticBed(3, "calm", width_px=1280, height_px=720, fps=_FRAMES_PER_SECOND)
        found = [bed.frame(index / _FRAMES_PER_SECOND)[0] for index in range(count)]
    return found


class _Stages:
    """Seconds that the stages of every frame took, beside what the bench's recorder notes."""

    def __init__(self, recorder: Recorder) -> None:
        self.detect_seconds: list[float] = []
        self.recorder = recorder

    def note(self, bed: BedPipeline, result: FrameResult, age_seconds: float) -> None:
        self.recorder.note(bed, result, age_seconds)
        self.detect_seconds.append(result.detect_seconds)


def watch(beds: int, models: ModelSettings, result: dict[str, Any]) -> None:
    """Run a station for some seconds; fills the result."""
    clock = CostClock()
    stages = _Stages(Recorder(clock))
    names = [f"bed-{number}" for number in range(1, beds + 1)]
    with ExitStack() as running:
        directory = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="nicu-gpu-")))
        config = StationConfig(
            beds=tuple(
                BedSettings(id=name, camera=CameraSettings(url=f"synthetic://calm?seed={number}&fps=15"))
                for number, name in enumerate(names)
            ),
            models=models,
            spool=SpoolSettings(directory=directory / "state"),
            redis=RedisSettings.model_validate({"url": _NO_REDIS}),
            http=HttpSettings(port=0),
            web=WebSettings(enabled=False),
        )
        before_bytes = _free_bytes()
        began = time.monotonic()
        station = running.enter_context(
            station_module.Station(config, GenerationMode.TEST, clock, on_result=stages.note)
        )
        _wait_for(names, stages.recorder)
        result["seconds to the first frame of every bed"] = time.monotonic() - began
        time.sleep(_SETTLE_SECONDS / (3 if is_rehearsal() else 1))
        stages.recorder.begin()
        stages.detect_seconds.clear()
        used, began = _cpu_seconds(), time.monotonic()
        time.sleep(_MEASURE_SECONDS / (3 if is_rehearsal() else 1))
        if is_rehearsal():  # on a machine that has other work
            _wait_for(names, stages.recorder)
        records, _ = stages.recorder.take()
        seconds = time.monotonic() - began
        used = _cpu_seconds() - used
        facts = station.board.snapshot().station
        ages = 1000 * np.array([age for record in records.values() for age in record.ages_seconds])
        if not len(ages):
            raise RuntimeError("no picture was analysed")
        counts = [len(records[name].ages_seconds) if name in records else 0 for name in names]
        result |= {
            "engine": None if facts is None else facts.engine,
            "frames per second and bed": len(ages) / seconds / beds,
            "frames per second of the bed that had fewest": min(counts) / seconds,
            "faces": sum(record.faces for record in records.values()) / len(ages),
            "frame age ms p50": float(np.percentile(ages, 50)),
            "frame age ms p99": float(np.percentile(ages, 99)),
            "detection ms p50": 1000 * float(np.median(stages.detect_seconds)),
            "CPU % of a core and bed": 100 * used / seconds / beds,
        }
        if before_bytes is not None:
            result["GPU memory MiB"] = (before_bytes - (_free_bytes() or 0)) / 2**20


def _wait_for(names: list[str], recorder: Recorder) -> None:
    """Wait until a frame of every bed was analysed; on a GPU not for long, for the step has its limit."""
    until = time.monotonic() + (_START_SECONDS if not is_rehearsal() else 10 * _START_SECONDS)
    while set(names) - recorder.beds_with_frames() and time.monotonic() < until:
        time.sleep(0.1)


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _free_bytes() -> int | None:
    """Return the GPU's free memory; None in a rehearsal."""
    if is_rehearsal():
        return None
    from cuda.bindings import runtime

    return int(runtime.cudaMemGetInfo()[1])


if __name__ == "__main__":
    run_step("e_beds", measure)
