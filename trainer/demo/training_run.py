"""Trains the demo model: split by infant, early stopping and temperature on infants that it did not learn from."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from monitor.inference.manifest import Metric
from trainer.checkpoint import MODEL_NAME, ModelRecord, Provenance, write_model
from trainer.crops import AUGMENTATION_PRESETS, ExactSamples, VariedSamples
from trainer.demo.dataset import DemoDataset
from trainer.evaluation.calibration import fit_temperature, probabilities
from trainer.networks import architectures
from trainer.training import Listener, TrainingJob, TrainingSettings, predict_logits, resolve_device, train

__all__ = ["DemoOutcome", "demo_settings", "train_demo"]

_INTENDED_USE = (
    "To show that the software works, on synthetic infants. Not for infants: it was trained on synthetic faces only "
    "and says nothing about pain."
)
# As published, the 8 units before the output fall silent for some faces, and the answer to these is a constant.
_NETWORK = {"head_leak": 0.01}


@dataclass(frozen=True, slots=True)
class DemoOutcome:
    """What came of it, on infants that were used neither to train nor to calibrate.

    Attributes:
        model: The file.
        mean_score: State to the mean score of its crops.
        metrics: As stored in the model.
    """

    model: Path
    mean_score: dict[str, float]
    metrics: tuple[Metric, ...]


def demo_settings(epochs: int, seed: int, precision: str) -> TrainingSettings:
    """Return how the demo model is trained: averaged weights and a falling rate get much out of few epochs."""
    return TrainingSettings.model_validate(
        {
            "epochs": epochs,
            "patience_epochs": epochs,
            "batch_size": 32,
            "optimiser": {"name": "adamw", "learning_rate": 1e-3, "weight_decay": 1e-2},
            "schedule": {"name": "cosine", "warmup_epochs": min(1, epochs - 1)},
            "average_decay": 0.99,
            "label_smoothing": 0.02,
            "precision": precision,
            "seed": seed,
        }
    )


def train_demo(
    dataset: DemoDataset,
    splits: tuple[list[int], list[int], list[int]],
    folder: Path,
    settings: TrainingSettings,
    listener: Listener,
) -> DemoOutcome:
    """Train N-CNN on synthetic infants and write the model.

    Args:
        dataset: Crops of all infants.
        splits: Seeds of the infants to learn from, to calibrate on, and to report on.
        folder: Where the checkpoint and the model are written.
        settings: How to train.
        listener: Receives the progress.
    """
    crops = dataset.crops
    learn, calibrate, report = (_items(crops.subjects, seeds) for seeds in splits)
    job = TrainingJob(
        architecture=architectures()["ncnn"],
        network_settings=_NETWORK,
        contract=crops.contract,
        settings=settings,
        train=VariedSamples(crops, learn, AUGMENTATION_PRESETS["camera"], settings.seed),
        validation=ExactSamples(crops, calibrate),
        identity=f"demo {splits}",
    )
    trained = train(job, folder / "last.pt", listener)
    device = resolve_device("cpu")
    logits = predict_logits(trained.network, ExactSamples(crops, calibrate), crops.contract, device)
    temperature = fit_temperature(logits, crops.labels[calibrate].astype(np.float64))
    unseen = predict_logits(trained.network, ExactSamples(crops, report), crops.contract, device)
    scores, states = probabilities(unseen, temperature), dataset.states[report]
    metrics = _metrics(scores, states, len(splits[2]))
    record = ModelRecord(
        name="ncnn-demo",
        architecture="ncnn",
        network_settings=_NETWORK,
        contract=crops.contract,
        temperature=temperature,
        training_prior=float(crops.labels[learn].mean()),
        generation="demo",
        intended_use=_INTENDED_USE,
        metrics=metrics,
        provenance=Provenance(
            source=f"{len(learn)} crops of {len(splits[0])} synthetic infants (nicu-trainer demo-model)",
            licence="Apache-2.0",
            data_manifest_sha256=hashlib.sha256(crops.wide.tobytes() + crops.labels.tobytes()).hexdigest(),
            fold_map_sha256=hashlib.sha256(repr(splits).encode()).hexdigest(),
        ).completed(),
    )
    write_model(folder / MODEL_NAME, record, trained.network)
    means = {str(state): float(scores[states == state].mean()) for state in np.unique(states)}
    return DemoOutcome(folder / MODEL_NAME, means, metrics)


def _items(subjects: NDArray[np.str_], seeds: list[int]) -> NDArray[np.int64]:
    return np.flatnonzero(np.isin(subjects, [f"synthetic/{seed}" for seed in seeds])).astype(np.int64)


def _metrics(scores: NDArray[np.float64], states: NDArray[np.str_], infants: int) -> tuple[Metric, ...]:
    """Return, of unseen synthetic infants, sensitivity and the share of each other state that is taken for pain."""
    from sklearn.metrics import roc_auc_score

    data = "synthetic infants that were not trained on; says nothing about real ones"
    pain = states == "pain"
    measured = [("auc", float(roc_auc_score(pain, scores)), len(states))]
    measured.append(("sensitivity", float((scores[pain] >= 0.5).mean()), int(pain.sum())))
    for state in sorted(set(states.tolist()) - {"pain"}):
        chosen = scores[states == state]
        measured.append((f"false positive rate, {state}", float((chosen >= 0.5).mean()), len(chosen)))
    return tuple(
        Metric(name=name, value=value, subjects=infants, samples=samples, data=data)
        for name, value, samples in measured
    )
