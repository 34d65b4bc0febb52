"""What answers the pictures of an evaluation: a trained model, a bundle as the monitor runs it, or a run's networks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from monitor.inference.bundle import read_bundle
from monitor.inference.classifier import Classifier
from monitor.inference.engine_factory import open_engine
from monitor.inference.manifest import MANIFEST_NAME
from trainer.checkpoint import MODEL_NAME, LearntFrom, TrainedModel, bare_name, name_hash, read_model
from trainer.crops import CropSet, ExactSamples
from trainer.data import PAIN_WORD
from trainer.data.subjects import name_key
from trainer.errors import CheckpointError, DataError
from trainer.experiments.files import RUN_NAME
from trainer.experiments.run import Run, open_run
from trainer.models import Prediction
from trainer.networks import InputContract, PainNetwork
from trainer.training.determinism import pinned_threads

__all__ = ["Answerer", "Learnt", "open_answerer"]

_BATCH = 64
_SMALLEST = 1e-7  # single precision rounds a probability nearer to 0 or 1 than this

Predict = Callable[[CropSet, NDArray[np.int64]], Prediction]


@dataclass(frozen=True, slots=True)
class Learnt:
    """What the networks have seen.

    Attributes:
        is_known: Whether that is recorded.
        pictures: SHA-256 of the files.
        subjects: SHA-256 of the subjects' names.
        bare_names: Likewise without the data set; None where they are not recorded.
        name_keys: Likewise, equal for spellings of one name.
        perceptual_hashes: Of the pictures; None where they are not recorded.
        subjects_are_known: Whether every picture said whose face it is.
        manifest_sha256: Of the manifest that they learnt from; None where it is not recorded.
    """

    is_known: bool
    pictures: frozenset[str]
    subjects: frozenset[str]
    manifest_sha256: str | None
    bare_names: frozenset[str] | None = None
    name_keys: frozenset[str] | None = None
    perceptual_hashes: frozenset[str] | None = None
    subjects_are_known: bool = True


@dataclass(frozen=True, slots=True)
class Answerer:
    """What answers, and what is known about it.

    Attributes:
        kind: What it was opened from.
        model: Name of the recipe of a run, else of the architecture.
        title: In tables.
        sha256: Of the model's file or the run's fold map, or the identity of the bundle's model.
        members: Networks whose probabilities are averaged.
        contract: Their input.
        learnt: What they have seen.
        predict: Answers rows of a crop set; the logit is not a number where there is no answer.
        positive: What the positive class was called in the training labels.
    """

    kind: Literal["model", "bundle", "run"]
    model: str
    title: str
    sha256: str
    members: int
    contract: InputContract
    learnt: Learnt
    predict: Predict
    positive: str


def open_answerer(source: Path) -> Answerer:
    """Open a trained model (`model.pt` or its folder), a run's folder, or a bundle (its folder or its name).

    The networks of a run's folds answer together, by their mean probability: each has seen other infants.

    Raises:
        CheckpointError: The model or a fold's networks cannot be read, or the run is of a baseline.
        BundleError: It is no bundle either, or the bundle is no classifier.
    """
    if (source / RUN_NAME).is_file():
        return _of_run(open_run(source))
    is_name = not source.exists() and len(source.parts) == 1 and source.suffix != ".pt"
    if is_name or ((source / MANIFEST_NAME).is_file() and not (source / MODEL_NAME).is_file()):
        return _of_bundle(str(source) if is_name else source)
    return _of_model(read_model(source))


def _of_model(trained: TrainedModel) -> Answerer:
    from trainer.training import predict_logits, resolve_device

    record = trained.record

    def predict(crops: CropSet, rows: NDArray[np.int64]) -> Prediction:
        with pinned_threads(1):
            logits = predict_logits(trained.network, ExactSamples(crops, rows), record.contract, resolve_device("cpu"))
        return _mean([(trained.network, record.temperature)], logits[None] / record.temperature)

    learnt = _learnt(record.learnt_from, record.provenance.data_manifest_sha256, is_known=record.subjects_are_known)
    return Answerer(
        "model", record.architecture, record.name, trained.sha256, 1, record.contract, learnt, predict, record.positive
    )


def _of_bundle(source: str | Path) -> Answerer:
    bundle = read_bundle(source, kind="classifier")
    margin = bundle.classifier.crop.margin
    contract = InputContract(size_px=min(variant.size_px for variant in bundle.manifest.variants), margin=margin)

    def predict(crops: CropSet, rows: NDArray[np.int64]) -> Prediction:
        classifier = Classifier(bundle, open_engine(bundle, size_px=contract.size_px, choice="onnxruntime"))
        try:
            found: list[float | None] = []
            for start in range(0, len(rows), _BATCH):
                found += classifier.scores(crops.exact(rows[start : start + _BATCH]))
        finally:
            classifier.close()
        chance = np.array([np.nan if score is None else score for score in found], np.float64)
        chance = np.clip(chance, _SMALLEST, 1.0 - _SMALLEST)
        return Prediction(np.log(chance) - np.log1p(-chance), np.zeros(len(rows)))

    learnt = _learnt(None, bundle.manifest.provenance.data_manifest_sha256)
    return Answerer(
        "bundle",
        bundle.manifest.architecture,
        f"bundle {bundle.name}",
        bundle.sha256,
        1,
        contract,
        learnt,
        predict,
        bundle.classifier.positive,
    )


def _of_run(run: Run) -> Answerer:
    from trainer.training import predict_logits, resolve_device

    if "network" not in run.record:
        what = "evaluated a finished model" if run.is_external else "is of a baseline"
        raise CheckpointError(
            f"the run {run.folder} {what} and has no network of its own; "
            "give a model, a bundle or the cross-validation of a network"
        )
    parts = [run.fold_networks(fold) for fold in range(len(run.metrics()["folds"]))]
    pairs = [(network, part.temperature) for part in parts for network in part.networks]
    contract = InputContract.model_validate(run.record["contract"])

    def predict(crops: CropSet, rows: NDArray[np.int64]) -> Prediction:
        samples = ExactSamples(crops, rows)
        with pinned_threads(1):
            logits = np.stack(
                [
                    predict_logits(network, samples, contract, resolve_device("cpu")) / temperature
                    for network, temperature in pairs
                ]
            )
        return _mean(pairs, logits)

    sets = "+".join(run.record["data_sets"])
    return Answerer(
        "run",
        run.config.model,
        f"{run.title}, folds of {sets}",
        run.record["fold_map_sha256"],
        len(pairs),
        contract,
        _learnt_by(run),
        predict,
        str(run.metrics().get("positive", PAIN_WORD)),
    )


def _mean(pairs: Sequence[tuple[PainNetwork, float]], logits: NDArray[np.float64]) -> Prediction:
    """Return the log-odds of the mean probability, and the disagreement, of logits of shape (networks, n).

    Where all networks are silent there is no answer, as in the monitor.

    Args:
        pairs: The networks and their temperatures.
        logits: Divided by these.
    """
    import torch

    from trainer.networks import are_silent, mutual_information

    silent = are_silent([network for network, _ in pairs], [temperature for _, temperature in pairs], logits)
    if len(logits) == 1:
        return Prediction(np.where(silent, np.nan, logits[0]), np.zeros(logits.shape[1]))
    mean = np.clip(1.0 / (1.0 + np.exp(-logits)), 1e-9, 1.0 - 1e-9).mean(axis=0)
    disagreement = mutual_information(torch.from_numpy(logits)).numpy().astype(np.float64)
    return Prediction(np.where(silent, np.nan, np.log(mean) - np.log1p(-mean)), disagreement)


def _set(names: tuple[str, ...] | None) -> frozenset[str] | None:
    return None if names is None else frozenset(names)


def _learnt(found: LearntFrom | None, manifest_sha256: str | None, *, is_known: bool = True) -> Learnt:
    """Return what a model or a run has seen; `is_known` is whether every picture said whose face it is."""
    return Learnt(
        is_known=found is not None,
        pictures=frozenset(found.pictures if found else ()),
        subjects=frozenset(found.subjects if found else ()),
        manifest_sha256=manifest_sha256,
        bare_names=_set(found.bare_names if found else None),
        name_keys=_set(found.name_keys if found else None),
        perceptual_hashes=_set(found.perceptual_hashes if found else None),
        subjects_are_known=is_known,
    )


def _learnt_by(run: Run) -> Learnt:
    """Return what a run's networks have seen: its fold map says it; where its pictures are gone, who was tested."""
    is_known = bool(run.metrics().get("subjects_are_known", True))
    manifest_sha256 = run.record["manifest_sha256"]
    try:
        study = run.study()
        rows = np.unique(np.concatenate([fold.development for fold in run.folds(study).folds]))
        return _learnt(LearntFrom.of(study.records[row] for row in rows), manifest_sha256, is_known=is_known)
    except DataError:
        answers = run.predictions().rows  # every infant of a strict run is tested once, and learnt from in other folds
    subjects = {row.subject for row in answers}
    return Learnt(
        is_known=True,
        pictures=frozenset(row.sha256 for row in answers),
        subjects=frozenset(name_hash(subject) for subject in subjects),
        manifest_sha256=manifest_sha256,
        bare_names=frozenset(name_hash(bare_name(subject)) for subject in subjects),
        name_keys=frozenset(name_hash(name_key(subject)) for subject in subjects),
        subjects_are_known=is_known,
    )
