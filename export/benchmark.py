"""Times engines, batches and thread counts in one run, as ratios to ONNX Runtime fp32 with one thread and batch 1.

Absolute times hold for one machine and one moment; ratios of a common run travel better. Rounds go through all settings
in turn, so that a busy moment of the machine falls on all of them, and medians are compared.
"""

import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from monitor.errors import EngineError
from monitor.inference.bundle import Bundle
from monitor.inference.cuda import probe_cuda
from monitor.inference.engine import Engine
from monitor.inference.engine_factory import GPU_ENGINES, open_variant
from monitor.inference.manifest import EngineName, Precision, Variant
from monitor.inference.processor import describe_processor

__all__ = ["Benchmark", "Machine", "Timing", "run_benchmark"]

_WARM_UP = 3
_REFERENCE: EngineName = "onnxruntime"


class Machine(BaseModel):
    """Where it ran."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    processor: str
    cores: int
    load: float
    gpu: str | None
    system: str
    python: str


class Timing(BaseModel):
    """One setting's outcome.

    Attributes:
        file: The model file.
        precision: Its precision.
        size_px: Side of its input.
        engine: Which implementation.
        threads: Threads within one operator; meaningless on a GPU.
        batch: Pictures a run.
        median_milliseconds: Of one run.
        p95_milliseconds: Of one run.
        pictures_per_second: Batch by median.
        time_ratio: Time a picture over that of ONNX Runtime fp32, one thread, batch 1, same input; below 1 is faster.
        error: Why it could not run; the measurements are None then.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: str
    precision: Precision
    size_px: int
    engine: EngineName
    threads: int
    batch: int
    median_milliseconds: float | None = None
    p95_milliseconds: float | None = None
    pictures_per_second: float | None = None
    time_ratio: float | None = None
    error: str | None = None


class Benchmark(BaseModel):
    """All of one run."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bundle: str
    bundle_sha256: str
    machine: Machine
    rounds: int
    timings: tuple[Timing, ...]


@dataclass(slots=True)
class _Candidate:
    timing: Timing
    engine: Engine | None
    pictures: NDArray[np.uint8]
    seconds: list[float]


def run_benchmark(
    bundle: Bundle,
    engines: Sequence[EngineName],
    *,
    batches: Sequence[int],
    threads: Sequence[int],
    rounds: int,
    progress: Callable[[str], None] = lambda _: None,
) -> Benchmark:
    """Time every model file of a bundle with every engine, batch and thread count.

    Args:
        bundle: What to time.
        engines: Which must be present; ONNX Runtime is timed in any case, for the ratios.
        batches: Pictures a run.
        threads: Threads within one operator.
        rounds: How often every setting is timed.
        progress: Called with one line now and then.
    """
    names = list(dict.fromkeys((_REFERENCE, *engines)))
    candidates = [
        _open(bundle, variant, name, batch, count)
        for variant in bundle.manifest.variants
        for name in names
        for count in _thread_counts(name, threads, variant)
        for batch in dict.fromkeys((1, *batches))
    ]
    for turn in range(-_WARM_UP, rounds):
        progress(f"round {max(turn, 0) + 1} of {rounds}")
        for candidate in candidates:
            _time(bundle.manifest.input.tensor, candidate, keep=turn >= 0)
    for candidate in candidates:
        if candidate.engine is not None:
            candidate.engine.close()
    return Benchmark(
        bundle=bundle.name,
        bundle_sha256=bundle.sha256,
        machine=_machine(),
        rounds=rounds,
        timings=tuple(_with_ratios([_summary(candidate) for candidate in candidates])),
    )


def _thread_counts(name: EngineName, threads: Sequence[int], variant: Variant) -> list[int]:
    if name in GPU_ENGINES:
        return [] if variant.precision == "int8" else [1]
    return list(dict.fromkeys((1, *threads)))


def _open(bundle: Bundle, variant: Variant, name: EngineName, batch: int, threads: int) -> _Candidate:
    timing = Timing(
        file=variant.file,
        precision=variant.precision,
        size_px=variant.size_px,
        engine=name,
        threads=threads,
        batch=batch,
    )
    shape = (batch, variant.size_px, variant.size_px, 3)
    pictures = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    try:
        return _Candidate(timing, open_variant(bundle, variant, name, threads=threads), pictures, [])
    except EngineError as error:
        return _Candidate(timing.model_copy(update={"error": str(error)}), None, pictures, [])


def _time(input_name: str, candidate: _Candidate, *, keep: bool) -> None:
    if candidate.engine is None:
        return
    started = time.perf_counter()
    try:
        candidate.engine.run({input_name: candidate.pictures})
    except EngineError as error:
        candidate.engine.close()
        candidate.engine = None
        candidate.timing = candidate.timing.model_copy(update={"error": str(error)})
        return
    if keep:
        candidate.seconds.append(time.perf_counter() - started)


def _summary(candidate: _Candidate) -> Timing:
    if candidate.timing.error is not None or not candidate.seconds:
        return candidate.timing
    median = statistics.median(candidate.seconds)
    return candidate.timing.model_copy(
        update={
            "median_milliseconds": 1000 * median,
            "p95_milliseconds": 1000 * float(np.percentile(candidate.seconds, 95)),
            "pictures_per_second": candidate.timing.batch / median,
        }
    )


def _with_ratios(timings: Sequence[Timing]) -> list[Timing]:
    reference = {
        timing.size_px: timing.median_milliseconds
        for timing in timings
        if (timing.engine, timing.precision, timing.threads, timing.batch) == (_REFERENCE, "fp32", 1, 1)
    }
    completed = []
    for timing in timings:
        base = reference.get(timing.size_px)
        if timing.median_milliseconds is None or base is None:
            completed.append(timing)
            continue
        ratio = timing.median_milliseconds / timing.batch / base
        completed.append(timing.model_copy(update={"time_ratio": ratio}))
    return completed


def _machine() -> Machine:
    gpu = probe_cuda().gpu
    return Machine(
        processor=describe_processor(),
        cores=os.cpu_count() or 1,
        load=os.getloadavg()[0],
        gpu=None if gpu is None else f"{gpu.name} (compute capability {gpu.capability})",
        system=platform.platform(),
        python=platform.python_version(),
    )
