"""Finds the engine, the precision and the number of workers with which this machine analyses the most frames.

What is measured is what a station does with most frames while all is well: one pass over the surroundings of a tracked
face, and one score. Every candidate has the threads that a station's workers would be, each with models of its own.
Rounds of all candidates follow one another, so that a machine that becomes busy slows all of them alike.
"""

import os
import statistics
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from monitor.config import FaceSettings, ModelSettings
from monitor.errors import EngineError
from monitor.faces.viewport import Viewport
from monitor.inference.engine_factory import ENGINES, GPU_ENGINES, REDUCED_ENGINES, missing_reason
from monitor.inference.manifest import EngineName
from monitor.pipeline.models import ModelSet, WorkerModels
from monitor.synthetic import SyntheticBed

CpuPrecision = Literal["fp32", "int8"]

__all__ = ["Candidate", "Tuning", "tune", "worker_counts"]

_NOTICEABLE = 1.1
"""What is faster by less than this is not worth another setting than the first one."""
_BATCHED_WORKERS = 16


@dataclass(slots=True)
class Candidate:
    """One engine with one precision and one number of workers.

    Attributes:
        engine: Which one.
        workers: Threads.
        rates: Frames a second, one a round.
        cpu_precision: As `models.cpu_precision`.
    """

    engine: EngineName
    workers: int
    rates: list[float] = field(default_factory=list)
    cpu_precision: CpuPrecision = "fp32"

    @property
    def name(self) -> str:
        """What to call its engine and precision."""
        return self.engine if self.cpu_precision == "fp32" else f"{self.engine} {self.cpu_precision}"

    @property
    def rate(self) -> float:
        """Median of the rounds, frames a second of all workers together."""
        return statistics.median(self.rates)


@dataclass(frozen=True, slots=True)
class Tuning:
    """The outcome.

    Attributes:
        best: What to set.
        candidates: All that were measured, in the order of measuring.
        passed_over: Why other engines and precisions were not measured, by their name.
    """

    best: Candidate
    candidates: tuple[Candidate, ...]
    passed_over: dict[str, str]


def worker_counts(cores: int) -> tuple[int, ...]:
    """Return the numbers of workers worth measuring on so many cores: half of them, all, and one more."""
    return tuple(sorted({max(1, cores // 2), cores, cores + 1}))


def tune(
    models: ModelSettings,
    faces: FaceSettings,
    *,
    rounds: int = 3,
    seconds: float = 2.0,
    progress: Callable[[str], None] = lambda _: None,
) -> Tuning:
    """Measure every verified engine that is here.

    Args:
        models: Whose bundles are run.
        faces: Detection size.
        rounds: Of every candidate.
        seconds: Of every candidate in every round.
        progress: Called with one line before each measurement.

    Raises:
        BundleError: A bundle is missing or damaged.
        EngineError: No engine can run them here.
    """
    cores = len(os.sched_getaffinity(0))
    passed_over: dict[str, str] = {}
    candidates: list[Candidate] = []
    # The first one is what everything is verified with; it stays unless another one is noticeably faster.
    for engine in sorted(ENGINES, key=lambda name: name != "onnxruntime"):
        reason = missing_reason(engine) or _not_verified(models, faces, engine)
        if reason is not None:
            passed_over[engine] = reason
            continue
        counts = (_BATCHED_WORKERS,) if engine in GPU_ENGINES else worker_counts(cores)
        candidates += [Candidate(engine, count) for count in counts]
        if engine in GPU_ENGINES | REDUCED_ENGINES:
            continue
        if _has_int8(models, faces, engine):
            candidates += [Candidate(engine, count, cpu_precision="int8") for count in counts]
        else:
            passed_over[f"{engine} int8"] = f"no bundle has an int8 file that passed `nicu-export verify` with {engine}"
    if not candidates:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in passed_over.items())
        raise EngineError(f"no verified engine can run these models here ({reasons}); run `nicu-export verify`")
    for number in range(rounds):
        for candidate in candidates:
            progress(f"round {number + 1} of {rounds}: {candidate.name}, {candidate.workers} workers")
            candidate.rates.append(_measure(models, faces, candidate, seconds))
    return Tuning(_choose(candidates, cores), tuple(candidates), passed_over)


def _choose(candidates: list[Candidate], cores: int) -> Candidate:
    """Return the fastest one; what a station does by itself where nothing is noticeably faster."""
    usual = next((one for one in candidates if one.workers == cores), candidates[0])
    fastest = max(candidates, key=lambda one: one.rate)
    return fastest if fastest.rate >= _NOTICEABLE * usual.rate else usual


def _not_verified(models: ModelSettings, faces: FaceSettings, engine: EngineName) -> str | None:
    """Return why an engine may not be chosen for these bundles; None where `nicu-export verify` passed it."""
    opened = ModelSet(models, faces)
    precision = "fp16" if engine in GPU_ENGINES else "fp32"
    for bundle in (opened.detector, opened.classifier):
        variants = [variant for variant in bundle.manifest.variants if variant.precision == precision]
        outcomes = {variant.verification.get(engine) for variant in variants or bundle.manifest.variants}
        if "failed" in outcomes:
            return f"bundle {bundle.name} failed its verification with it"
        if outcomes != {"passed"}:
            return f"bundle {bundle.name} is not verified with it (nicu-export verify {bundle.path} --engine {engine})"
    return None


def _has_int8(models: ModelSettings, faces: FaceSettings, engine: EngineName) -> bool:
    """Return whether a model would run in int8 with an engine: what is not compared is not chosen."""
    opened = ModelSet(models, faces)
    return any(
        variant.precision == "int8" and variant.verification.get(engine) == "passed"
        for bundle in (opened.detector, opened.classifier)
        for variant in bundle.manifest.variants
    )


def _measure(models: ModelSettings, faces: FaceSettings, candidate: Candidate, seconds: float) -> float:
    """Return the frames a second of one candidate."""
    settings = models.model_copy(
        update={"engine": candidate.engine, "cpu_precision": candidate.cpu_precision, "on_missing_engine": "refuse"}
    )
    model_set = ModelSet(settings, faces)
    workers: list[WorkerModels] = []
    counts = [0] * candidate.workers
    failures: list[EngineError] = []
    stopping = threading.Event()
    image = SyntheticBed(3, "calm", width_px=640, height_px=360).frame(0.0)[0]

    def work(number: int) -> None:
        own = workers[number]
        view = Viewport(own.detector.track_size_px, 320.0, 180.0, 0.8, 0.0)
        crops = np.zeros((1, own.classifier.size_px, own.classifier.size_px, 3), np.uint8)
        try:
            while not stopping.is_set():
                own.detector.detect(image, view, 0.5)
                own.classifier.scores(crops)
                counts[number] += 1
        except EngineError as error:
            failures.append(error)

    try:
        workers += [model_set.open() for _ in range(candidate.workers)]
        threads = [threading.Thread(target=work, args=(number,)) for number in range(candidate.workers)]
        began = time.monotonic()
        for thread in threads:
            thread.start()
        stopping.wait(seconds)
        stopping.set()
        for thread in threads:
            thread.join()
        lasted = time.monotonic() - began
    finally:
        for worker in workers:
            worker.close()
    if failures:
        raise failures[0]
    return sum(counts) / lasted
