"""Finds the engines, the precision and the number of workers with which this machine analyses the most frames.

First each model runs alone, with every engine that may run it; then both together, as in most frames while all is well:
one pass over the surroundings of a tracked face, and one score. Every candidate has the threads that a station's
workers would be, each with models of its own. Rounds of all candidates follow one another, forwards and backwards, so
that a machine that becomes busy slows all of them alike.
"""

import os
import statistics
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from monitor.config import FaceSettings, ModelSettings
from monitor.config.base import ModelRole
from monitor.errors import EngineError, MonitorError
from monitor.faces.viewport import Viewport
from monitor.inference.bundle import Bundle
from monitor.inference.engine_factory import (
    ENGINES,
    GPU_ENGINES,
    REDUCED_ENGINES,
    describe_engines,
    missing_reason,
    outcome_here,
)
from monitor.inference.manifest import EngineName
from monitor.inference.tensors import first_line
from monitor.pipeline.models import ModelSet, WorkerModels
from monitor.station.workers import BATCHED_WORKERS
from monitor.synthetic import SyntheticBed

CpuPrecision = Literal["fp32", "int8"]
Engines = dict[ModelRole, EngineName]

__all__ = ["Candidate", "Tuning", "tune", "worker_counts"]

_NOTICEABLE = 1.1
"""What is faster by less than this is not worth another setting than the first one."""
_ROLES: tuple[ModelRole, ...] = ("detector", "classifier")


@dataclass(slots=True)
class Candidate:
    """One engine for each model, with one precision and one number of workers.

    Attributes:
        engines: What runs the model of each role; a role that is left out is not measured.
        workers: Threads.
        rates: Frames a second, or runs of a model that is measured alone; one a round.
        cpu_precision: As `models.cpu_precision`.
    """

    engines: Engines
    workers: int
    rates: list[float] = field(default_factory=list)
    cpu_precision: CpuPrecision = "fp32"

    @property
    def name(self) -> str:
        """What to call its models, engines and precision."""
        engines = describe_engines(self.engines)
        if len(self.engines) == 1:
            engines = f"{next(iter(self.engines))} on {engines}"
        return engines if self.cpu_precision == "fp32" else f"{engines} {self.cpu_precision}"

    @property
    def rate(self) -> float:
        """Median of the rounds, a second, of all workers together."""
        return statistics.median(self.rates)

    def gain(self, usual: "Candidate") -> float:
        """Return how many times as fast it is as another one: the median over the rounds, each compared by itself."""
        return statistics.median(own / other for own, other in zip(self.rates, usual.rates, strict=True))


@dataclass(frozen=True, slots=True)
class Tuning:
    """The outcome.

    Attributes:
        best: What to set.
        candidates: All that were measured with both models, in the order of measuring.
        pairs: Each model alone with each engine, in the order of measuring.
        passed_over: Why other engines and precisions were not measured, by their name.
    """

    best: Candidate
    candidates: tuple[Candidate, ...]
    pairs: tuple[Candidate, ...]
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
    full_precision: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> Tuning:
    """Measure every verified pair of model and engine that is here, then what is best with several numbers of workers.

    Args:
        models: Whose bundles are run.
        faces: Detection size.
        rounds: Of every candidate.
        seconds: Of every candidate in every round.
        full_precision: Leave out int8 and bf16.
        progress: Called with one line before each measurement.

    Raises:
        BundleError: A bundle is missing or damaged.
        EngineError: No engine can run them here. One that fails while it is measured is passed over.
    """
    cores = len(os.sched_getaffinity(0))
    pairs, passed_over = _pairs(ModelSet(models, faces), cores, full_precision=full_precision)

    def measure(candidates: list[Candidate]) -> None:
        for number in range(rounds):
            for candidate in list(candidates if number % 2 == 0 else reversed(candidates)):
                progress(f"round {number + 1} of {rounds}: {candidate.name}, {candidate.workers} workers")
                try:
                    candidate.rates.append(_measure(models, faces, candidate, seconds))
                except Exception as error:  # noqa: BLE001 - whatever a library raises, the next engine may run
                    reason = str(error) if isinstance(error, MonitorError) else first_line(error)
                    progress(f"{candidate.name} is passed over: {reason}")
                    passed_over[f"{candidate.name}, {candidate.workers} workers"] = reason
                    candidates[:] = [one for one in candidates if one is not candidate]

    measure(pairs)
    _require_every_role(pairs, passed_over)
    # Both models with what is usual first, so that it is seen what the choice is worth.
    usual = {role: _options(pairs, role, "fp32")[0].engines[role] for role in _ROLES}
    chosen = _choose_engines(pairs, "fp32")
    settings: list[tuple[Engines, CpuPrecision]] = [(usual, "fp32"), (chosen, "fp32")]
    int8 = _choose_engines(pairs, "int8")
    if any(pair.cpu_precision == "int8" and pair.engines.items() <= int8.items() for pair in pairs):
        settings.append((int8, "int8"))
    candidates = [
        Candidate(engines, count, cpu_precision=precision)
        for number, (engines, precision) in enumerate(settings)
        if (engines, precision) not in settings[:number]
        for count in _worker_counts(engines, cores)
    ]
    measure(candidates)
    if not candidates:
        raise EngineError(f"no engines run both models here ({_in_words(passed_over)})")
    mine = [one for one in candidates if (one.engines, one.cpu_precision) == (chosen, "fp32")]
    first = next((one for one in mine if one.workers == cores), (mine or candidates)[0])
    return Tuning(_choose(candidates, first), tuple(candidates), tuple(pairs), passed_over)


def _pairs(models: ModelSet, cores: int, *, full_precision: bool) -> tuple[list[Candidate], dict[str, str]]:
    """Return each model with each engine and precision that may run it here, and why the others may not.

    Raises:
        EngineError: A model has none.
    """
    passed_over: dict[str, str] = {}
    pairs: list[Candidate] = []
    # The first one is what everything is verified with; it stays unless another one is noticeably faster.
    for engine in sorted(ENGINES, key=lambda name: name != "onnxruntime"):
        missing = missing_reason(engine)
        if full_precision and engine in REDUCED_ENGINES:
            missing = "it computes in fewer bits"
        if missing is not None:
            passed_over[engine] = missing
            continue
        workers = BATCHED_WORKERS if engine in GPU_ENGINES else cores
        for role in _ROLES:
            bundle = models.bundle(role)
            reason = _not_verified(bundle, engine)
            if reason is not None:
                passed_over[f"{role} on {engine}"] = reason
                continue
            pairs.append(Candidate({role: engine}, workers))
            if full_precision or engine in GPU_ENGINES | REDUCED_ENGINES:
                continue
            if _has_int8(bundle, engine):
                pairs.append(Candidate({role: engine}, workers, cpu_precision="int8"))
            else:
                passed_over[f"{role} on {engine} int8"] = "no int8 file of its bundle passed `nicu-export verify`"
    _require_every_role(pairs, passed_over)
    return pairs, passed_over


def _require_every_role(pairs: Sequence[Candidate], passed_over: Mapping[str, str]) -> None:
    for role in _ROLES:
        if not _options(pairs, role, "fp32"):
            reasons = _in_words(passed_over)
            raise EngineError(f"no verified engine can run the {role} here ({reasons}); run `nicu-export verify`")


def _in_words(passed_over: Mapping[str, str]) -> str:
    return "; ".join(f"{name}: {reason}" for name, reason in passed_over.items())


def _worker_counts(engines: Engines, cores: int) -> tuple[int, ...]:
    return (BATCHED_WORKERS,) if GPU_ENGINES.intersection(engines.values()) else worker_counts(cores)


def _options(pairs: Sequence[Candidate], role: ModelRole, precision: CpuPrecision) -> list[Candidate]:
    """Return what may run one model, one pair an engine; with int8, engines without an int8 file run fp32."""
    options = {
        pair.engines[role]: pair for pair in pairs if role in pair.engines and pair.cpu_precision in {"fp32", precision}
    }
    return list(options.values())


def _choose_engines(pairs: Sequence[Candidate], precision: CpuPrecision) -> Engines:
    """Return for each model the engine that runs it fastest; the usual one where none is noticeably faster."""
    engines: Engines = {}
    for role in _ROLES:
        options = _options(pairs, role, precision)
        engines[role] = _choose(options, options[0]).engines[role]
    return engines


def _choose(candidates: Sequence[Candidate], usual: Candidate) -> Candidate:
    """Return the fastest one, or the usual one where none is noticeably faster."""
    fastest = max(candidates, key=lambda one: one.gain(usual))
    return fastest if fastest.gain(usual) >= _NOTICEABLE else usual


def _not_verified(bundle: Bundle, engine: EngineName) -> str | None:
    """Return why an engine may not be chosen for a bundle; None where `nicu-export verify` passed it."""
    precision = "fp16" if engine in GPU_ENGINES else "fp32"
    variants = [variant for variant in bundle.manifest.variants if variant.precision == precision]
    outcomes = {outcome_here(bundle, variant, engine) for variant in variants or bundle.manifest.variants}
    if "failed" in outcomes:
        return f"bundle {bundle.name} failed its verification with it"
    if outcomes != {"passed"}:
        return f"bundle {bundle.name} is not verified with it (nicu-export verify {bundle.path} --engine {engine})"
    return None


def _has_int8(bundle: Bundle, engine: EngineName) -> bool:
    """Return whether a model would run in int8 with an engine: what is not compared is not chosen."""
    return any(
        variant.precision == "int8" and outcome_here(bundle, variant, engine) == "passed"
        for variant in bundle.manifest.variants
    )


def _measure(models: ModelSettings, faces: FaceSettings, candidate: Candidate, seconds: float) -> float:
    """Return the frames, or runs of the one model of a pair, that one candidate does a second.

    Raises:
        MonitorError: It cannot be opened, or failed and another engine answered in its place.
        Exception: Another error of its library.
    """
    engines = candidate.engines
    settings = models.model_copy(
        update={
            "engine": "onnxruntime",
            "detector_engine": engines.get("detector"),
            "classifier_engine": engines.get("classifier"),
            "cpu_precision": candidate.cpu_precision,
            "on_missing_engine": "refuse",
        }
    )
    model_set = ModelSet(settings, faces)
    workers: list[WorkerModels] = []
    analyses: list[Callable[[], None]] = []
    counts = [0] * candidate.workers
    failures: list[Exception] = []
    stopping = threading.Event()
    image = SyntheticBed(3, "calm", width_px=640, height_px=360).frame(0.0)[0]

    def work(number: int) -> None:
        try:
            while True:  # once at least: a rate is never zero
                analyses[number]()
                counts[number] += 1
                if stopping.is_set():
                    return
        except Exception as error:  # noqa: BLE001 - it is raised below, on the thread that measures
            failures.append(error)

    try:
        workers += [model_set.open() for _ in range(candidate.workers)]
        analyses += [_analysis(worker, frozenset(engines), image) for worker in workers]
        threads = [threading.Thread(target=work, args=(number,)) for number in range(candidate.workers)]
        began = time.monotonic()
        for thread in threads:
            thread.start()
        stopping.wait(seconds)
        stopping.set()
        for thread in threads:
            thread.join()
        lasted = time.monotonic() - began
        if failures:
            raise failures[0]
        if model_set.degraded is not None:
            raise EngineError(model_set.degraded)
    finally:
        for worker in workers:
            worker.close()
    return sum(counts) / lasted


def _analysis(worker: WorkerModels, roles: frozenset[ModelRole], image: NDArray[np.uint8]) -> Callable[[], None]:
    """Return what runs the models of these roles once."""
    view = Viewport(worker.detector.track_size_px, 320.0, 180.0, 0.8, 0.0)
    crops = np.zeros((1, worker.classifier.size_px, worker.classifier.size_px, 3), np.uint8)

    def analyse() -> None:
        if "detector" in roles:
            worker.detector.detect(image, view, 0.5)
        if "classifier" in roles:
            worker.classifier.scores(crops)

    return analyse
