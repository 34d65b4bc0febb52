"""Fits a network, or an ensemble of them, to one fold."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from trainer.crops import CropSet, ExactSamples, Study, VariedSamples
from trainer.crops.expansion import ExpandedSamples
from trainer.evaluation.calibration import fit_temperature
from trainer.models.fitted import Prediction
from trainer.models.frozen import FEATURES_FOLDER, FrozenTrunk, frozen_trunk
from trainer.models.plan import NetworkPlan
from trainer.networks import PainNetwork, mutual_information
from trainer.protocols import AS_IT_IS, Fold, Items
from trainer.training import (
    Listener,
    Samples,
    TrainedNetwork,
    TrainingJob,
    predict_logits,
    resolve_device,
    resolve_precision,
    train,
)
from trainer.training.determinism import pinned_threads

__all__ = ["FittedNetworks", "fit_networks"]


class FittedNetworks:
    """One network or several, with one temperature.

    Args:
        plan: What was trained.
        crops: Where pictures come from.
        trained: The networks.
        temperature: By which every logit is divided.
        validation: Labels and logits of the validation pictures, all members' together.
    """

    def __init__(
        self,
        plan: NetworkPlan,
        crops: CropSet,
        trained: list[TrainedNetwork],
        temperature: float,
        validation: tuple[NDArray[np.float64], NDArray[np.float64]],
    ) -> None:
        self.plan, self.temperature = plan, temperature
        self.networks: list[PainNetwork] = [member.network for member in trained]
        self._crops = crops
        labels, logits = validation
        losses = np.logaddexp(0.0, logits) - labels * logits
        self.details: dict[str, Any] = {
            "temperature": temperature,
            "validation_accuracy": float(np.mean((logits >= 0.0) == (labels >= 0.5))),
            "validation_loss": float(losses.mean()),
            "validation_pictures": len(labels),
            "epochs": [len(member.history) for member in trained],
            "best_epochs": [member.best_epoch + 1 for member in trained],
            "attempts": [member.attempts for member in trained],
            "precision": resolve_precision(resolve_device(plan.training.device), plan.training.precision),
            "training_seconds": float(sum(report.seconds for member in trained for report in member.history)),
        }

    def predict(self, rows: NDArray[np.int64]) -> Prediction:
        """Return the log-odds of the members' mean probability, and their mutual information."""
        samples = ExactSamples(self._crops, rows)
        logits = np.stack([_logits(network, samples, self.plan) for network in self.networks])
        logits = logits / self.temperature
        if len(self.networks) == 1:
            return Prediction(logits[0], np.zeros(len(rows)))
        mean = np.clip(1.0 / (1.0 + np.exp(-logits)).astype(np.float64), 1e-9, 1.0 - 1e-9).mean(axis=0)
        disagreement = mutual_information(torch.from_numpy(logits)).numpy()
        return Prediction(np.log(mean) - np.log1p(-mean), disagreement.astype(np.float64))


def _logits(network: PainNetwork, samples: Samples, plan: NetworkPlan) -> NDArray[np.float64]:
    device = resolve_device(plan.training.device)
    network.to(device)
    try:
        with pinned_threads(plan.training.threads):  # with other threads the sums differ in their last digits
            return predict_logits(network, samples, plan.contract, device)
    finally:
        network.to("cpu")


def fit_networks(plan: NetworkPlan, study: Study, fold: Fold, folder: Path, listener: Listener) -> FittedNetworks:
    """Train one network for each inner division of a fold and calibrate them together.

    Every network is stopped on the infants that it did not learn from, and the temperature is fitted on all of these
    answers at once. In the dissertation protocol validation pictures are copies of training pictures, so neither means
    much there; that is the protocol's flaw, and it is repeated.

    Args:
        plan: What to train.
        study: The pictures.
        fold: Which to learn from.
        folder: Where checkpoints are stored; an interrupted fit goes on from them.
        listener: Receives the progress.

    Raises:
        TrainingError: A class is missing, or the network stayed dead.
        CheckpointError: A checkpoint is damaged or cannot be written.
    """
    crops = study.crop_set(plan.contract)
    trained: list[TrainedNetwork] = []
    labels: list[NDArray[np.float64]] = []
    logits: list[NDArray[np.float64]] = []
    device = resolve_device(plan.training.device)
    for member, split in enumerate(fold.splits):
        seed = plan.training.seed + 101 * fold.index + 7919 * member
        precision = resolve_precision(device, plan.training.precision)
        training = plan.training.model_copy(update={"seed": seed % 2**31, "precision": precision})
        job, frozen = _job(replace(plan, training=training), crops, split, study.folder / FEATURES_FOLDER, listener)
        job = replace(
            job,
            identity=f"fold {fold.index} member {member} copies {plan.copies} {plan.expansion} {plan.augmentation!r}",
        )
        outcome = train(job, folder / f"member{member}.pt", listener)
        labels.append(job.validation.labels.astype(np.float64))
        logits.append(_logits(outcome.network, job.validation, plan))
        trained.append(outcome if frozen is None else replace(outcome, network=frozen.with_head(outcome.network)))
    every_label, every_logit = np.concatenate(labels), np.concatenate(logits)
    return FittedNetworks(plan, crops, trained, fit_temperature(every_logit, every_label), (every_label, every_logit))


def _job(
    plan: NetworkPlan, crops: CropSet, split: tuple[Items, Items], features: Path, listener: Listener
) -> tuple[TrainingJob, FrozenTrunk | None]:
    """Return what is trained: a whole network on crops, or dense layers on what a frozen trunk makes of them."""
    learn, hold = split
    frozen = frozen_trunk(plan, crops, learn, features, listener)
    if frozen is not None:
        job = TrainingJob(
            architecture=frozen.head_architecture(),
            network_settings=plan.settings,
            contract=plan.contract,
            settings=plan.training,
            train=frozen.samples(learn, plan, vary=True),
            validation=frozen.samples(hold, plan, vary=False),
        )
        return job, frozen
    job = TrainingJob(
        architecture=plan.architecture,
        network_settings=plan.settings,
        contract=plan.contract,
        settings=plan.training,
        train=_samples(crops, learn, plan, vary=True),
        validation=_samples(crops, hold, plan, vary=False),
        initial_state=plan.initial_state,
    )
    return job, None


def _samples(crops: CropSet, items: Items, plan: NetworkPlan, *, vary: bool) -> Samples:
    if len(items.variants) and items.variants[0] != AS_IT_IS:
        return ExpandedSamples(crops, items.rows, items.variants, plan.expansion)
    if vary:
        return VariedSamples(crops, items.rows, plan.augmentation, plan.training.seed, plan.copies_of(len(items.rows)))
    return ExactSamples(crops, items.rows)
