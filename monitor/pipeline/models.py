"""The detector and the classifier of a station: bundles read once, engines opened once a worker."""

import logging
import os
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass

from monitor.config import FaceSettings, ModelSettings
from monitor.config.base import ModelRole
from monitor.errors import EngineError
from monitor.faces.crop import CropSpec
from monitor.faces.detector import FACE_INPUT_PX, TRACK_INPUT_PX, FaceDetector
from monitor.inference.batching import Batcher
from monitor.inference.bundle import Bundle, read_bundle
from monitor.inference.bundle_backup import BundleBackup
from monitor.inference.classifier import Classifier
from monitor.inference.engine import Engine
from monitor.inference.engine_factory import (
    ENGINES,
    GPU_ENGINES,
    RESERVE_ENGINE,
    EngineChoice,
    OnMissing,
    describe_engines,
    open_engine,
)
from monitor.inference.lazy_rows import Cutter
from monitor.inference.manifest import EngineName
from monitor.inference.padded_engine import BATCH_SIZES, BatchSizes, PaddedEngine, warm_up
from monitor.inference.recovering_engine import EngineHealth, RecoveringEngine
from monitor.inference.tensors import first_line
from monitor.pipeline.crop_choice import CUDA_CROPS, CropChoice, CropDevices

__all__ = ["ModelSet", "WorkerModels"]

_log = logging.getLogger(__name__)

_BUSY_MODELS = 2
"""The detector of faces that are tracked, and the classifier, run for nearly every frame; the others seldom."""


@dataclass(frozen=True, slots=True)
class WorkerModels:
    """What one worker thread runs.

    Attributes:
        detector: Finds faces.
        classifier: Scores crops.
        crop: How the classifier's crops are cut.
        engines: Which implementation runs the model of each role.
        training_prior: Share of pain among the classifier's training crops.
        cutter: What cuts views and crops on the engines' own device; None where the processor does.
    """

    detector: FaceDetector
    classifier: Classifier
    crop: CropSpec
    engines: Mapping[ModelRole, str]
    training_prior: float
    _opened: ExitStack
    cutter: Cutter | None = None

    @property
    def engine(self) -> str:
        """Which implementations run the models, in words."""
        return describe_engines(self.engines)

    def close(self) -> None:
        """Free the engines; safe to call twice."""
        self._opened.close()


class ModelSet:
    """Both bundles, checked; opens the engines of each worker.

    Args:
        models: Which bundles and engines.
        faces: Detection size and threshold.
        backup: Copies of the bundles that ran last, to fall back on; None to do without.
        crop_devices: Where views and crops may be cut but by the processor.

    Raises:
        BundleError: A bundle is missing, damaged or of the wrong kind, and no copy of it is stored; or the classifier
            recognises something else than `models.positive_class`.
    """

    def __init__(
        self,
        models: ModelSettings,
        faces: FaceSettings,
        backup: BundleBackup | None = None,
        crop_devices: CropDevices = CUDA_CROPS,
    ) -> None:
        self._models = models
        self._faces = faces
        self._backup = backup
        why_detector = why_classifier = None
        if backup is None:
            self.detector: Bundle = read_bundle(models.detector, kind="detector")
            self.classifier: Bundle = read_bundle(models.classifier, kind="classifier")
        else:
            self.detector, why_detector = backup.read(models.detector, "detector")
            self.classifier, why_classifier = backup.read(models.classifier, "classifier")
        self.classifier.require_positive(models.positive_class)
        # An engine that fails is opened again, however long ago what is on the disk now was replaced.
        self._opened_from = {"detector": self.detector.remembering(), "classifier": self.classifier.remembering()}
        self._health = EngineHealth()
        self._crops = CropChoice(models, self._health, crop_devices)
        self._batchers: dict[tuple[str, int | None], Batcher] = {}
        self._said: set[str] = set()
        self._copied: str | None = " ".join(filter(None, (why_detector, why_classifier))) or None

    @property
    def degraded(self) -> str | None:
        """Why a copy of a bundle is used, or another engine instead of one that failed; None where neither is."""
        return self._copied or self._health.degraded

    def bundle(self, role: ModelRole) -> Bundle:
        """Return the bundle of one role."""
        return self.detector if role == "detector" else self.classifier

    def save_backup(self) -> None:
        """Store copies of the bundles that run now."""
        if self._backup is not None:
            self._backup.save(self.detector, self._models.detector, "detector")
            self._backup.save(self.classifier, self._models.classifier, "classifier")

    def open(self, threads: int = 1) -> WorkerModels:
        """Open engines for one more worker.

        Args:
            threads: Threads within one detection pass; one is best where there is a worker for every core.

        Raises:
            EngineError: No allowed engine can run a model here.
        """
        size_px = self._faces.detection_size_px
        with ExitStack() as opened:

            def open_one(role: ModelRole, size_px: int | None) -> Engine:
                engine = self._open_one(role, size_px, threads)
                opened.callback(engine.close)
                return engine

            whole = open_one("detector", size_px)
            cutter = self._crops.open(whole.name)
            opened.callback(self._crops.release)
            # The surroundings of one face need no larger picture than this.
            face = open_one("detector", FACE_INPUT_PX) if size_px > FACE_INPUT_PX else whole
            # Bundles of earlier versions have no such model; tracked faces then get passes at full detail.
            sizes = {variant.size_px for variant in self.detector.manifest.variants}
            track = open_one("detector", TRACK_INPUT_PX) if TRACK_INPUT_PX in sizes else face
            scoring = open_one("classifier", None)
            classifier = Classifier(self.classifier, scoring)
            return WorkerModels(
                detector=FaceDetector(whole, face, track, cutter),
                classifier=classifier,
                crop=CropSpec(size_px=classifier.size_px, margin=classifier.margin),
                engines={"detector": whole.name, "classifier": scoring.name},
                training_prior=self.classifier.classifier.training_prior,
                _opened=opened.pop_all(),
                cutter=cutter,
            )

    @property
    def is_batched(self) -> bool:
        """Whether the models that are open run the requests of all workers together, so that many workers pay."""
        return any(batcher.is_open for batcher in self._batchers.values())

    def _say_once(self, level: int, line: str) -> None:
        """Log what holds for every file and every worker alike when it is first met."""
        if line not in self._said:
            self._said.add(line)
            _log.log(level, "%s", line)

    def _open_one(self, role: ModelRole, size_px: int | None, threads: int) -> Engine:
        """Open one model for one more worker: a handle of the batches where they are run, else an engine of its own."""
        bundle = self.bundle(role)
        key = (bundle.sha256, size_px)
        batcher = self._batchers.get(key)
        if batcher is None or not batcher.is_open:
            engine, sizes = self._open_recovering(role, size_px, threads)
            batching = self._models.batching
            if not (batching == "on" or (batching == "auto" and engine.name in GPU_ENGINES)):
                return engine
            batcher = self._batchers[key] = Batcher(engine, f"{bundle.name} {size_px or ''}".strip(), sizes=sizes)
        return batcher.open()

    def _open_recovering(self, role: ModelRole, size_px: int | None, threads: int) -> tuple[Engine, BatchSizes | None]:
        """Open the engine of one model, with the CPU's as its reserve where it is another one.

        Returns:
            The engine, and the sizes of its batches where it has few.
        """
        models, bundle = self._models, self._opened_from[role]
        sizes: BatchSizes | None = None

        def open_this(
            choice: EngineChoice,
            on_missing: OnMissing,
            threads: int = threads,
            prepare: Callable[[Engine], Engine] = lambda engine: engine,
        ) -> Engine:
            return open_engine(
                bundle,
                size_px=size_px,
                threads=threads,
                cuda_api=models.cuda_api,
                choice=choice,
                on_missing=on_missing,
                prefer_int8=models.cpu_precision == "int8",
                prepare=prepare,
                say=self._say_once,
            )

        def prepare_first(engine: Engine) -> Engine:
            nonlocal sizes
            sizes = None
            if engine.name in GPU_ENGINES and models.batching != "off":
                sizes = BatchSizes(getattr(engine, "largest_batch", BATCH_SIZES[-1]))
            try:
                return self._prepare(engine, sizes, bundle.name)
            except EngineError as error:
                _log.warning("bundle %s: %s", bundle.name, error)
                raise

        engine = open_this(models.engines[role], models.on_missing_engine, prepare=prepare_first)
        # The same one again, and not what would be chosen now.
        name: EngineName = next(name for name in ENGINES if name == engine.name)
        reserve: Engine | None = None
        if name != RESERVE_ENGINE:
            try:
                # Where requests run together one session answers for all beds, and no other one stands beside it.
                cores = len(os.sched_getaffinity(0)) // _BUSY_MODELS
                count = threads if sizes is None else max(threads, cores)
                reserve = open_this(RESERVE_ENGINE, "fall_back", threads=count)
            except EngineError as error:
                _log.warning("nothing can run instead of %s when it fails: %s", name, error)

        def reopen() -> Engine:
            return open_this(name, "refuse", prepare=lambda engine: self._prepare(engine, sizes, bundle.name))

        return RecoveringEngine(engine, reopen, reserve, self._health), sizes

    def _prepare(self, engine: Engine, sizes: BatchSizes | None, label: str) -> Engine:
        """Have a GPU run what it will be asked to, before live frames need it; other engines stay as they are.

        Raises:
            EngineError: It opens and does not run; it is closed then.
        """
        if engine.name not in GPU_ENGINES:
            return engine
        try:
            seconds = warm_up(engine, (1,) if sizes is None else sizes.sizes, in_place=self._models.crops != "cpu")
        except Exception as error:
            with suppress(Exception):  # what is left on a GPU that fails; the reason is the error before
                engine.close()
            raise EngineError(f"{engine.name} opens and does not run: {first_line(error)}") from error
        _log.info("%s on %s takes %s", label, engine.name, _describe(seconds))
        if sizes is None:
            return engine
        sizes.note(seconds)
        return PaddedEngine(engine, sizes)


def _describe(seconds: Mapping[int, float]) -> str:
    return ", ".join(f"{1000 * one:.1f} ms for {size} rows" for size, one in sorted(seconds.items()))
