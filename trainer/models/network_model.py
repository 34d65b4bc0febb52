"""Fits a network, or an ensemble of them, to one fold."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from trainer.crops import AugmentationSettings, CropSet, ExactSamples, VariedSamples
from trainer.crops.expansion import ExpandedSamples
from trainer.evaluation.calibration import fit_temperature
from trainer.models.fitted import Prediction
from trainer.networks import Architecture, InputContract, PainNetwork, mutual_information
from trainer.protocols import AS_IT_IS, Fold, Items
from trainer.training import (
    Listener,
    Samples,
    TrainedNetwork,
    TrainingJob,
    TrainingSettings,
    predict_logits,
    resolve_device,
    resolve_precision,
    train,
)

__all__ = ["FittedNetworks", "NetworkPlan", "fit_networks"]


@dataclass(frozen=True, slots=True)
class NetworkPlan:
    """Everything that fitting a network needs but the pictures.

    Attributes:
        architecture: Which network.
        settings: Of the network.
        contract: Its input.
        training: How it is trained.
        augmentation: Random variation of pictures that are not copies already.
        expansion: Preset of the fixed copies (dissertation protocol).
        copies: Random variations of each picture in an epoch (strict protocol).
        initial_state: Weights to start from, or None.
    """

    architecture: Architecture
    settings: dict[str, Any]
    contract: InputContract
    training: TrainingSettings
    augmentation: AugmentationSettings
    expansion: str
    copies: int = 1
    initial_state: dict[str, torch.Tensor] | None = None


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
        device = resolve_device(self.plan.training.device)
        logits = np.stack([_logits(network, samples, self.plan.contract, device) for network in self.networks])
        logits = logits / self.temperature
        if len(self.networks) == 1:
            return Prediction(logits[0], np.zeros(len(rows)))
        mean = np.clip(1.0 / (1.0 + np.exp(-logits)).astype(np.float64), 1e-9, 1.0 - 1e-9).mean(axis=0)
        disagreement = mutual_information(torch.from_numpy(logits)).numpy()
        return Prediction(np.log(mean) - np.log1p(-mean), disagreement.astype(np.float64))


def _logits(
    network: PainNetwork, samples: Samples, contract: InputContract, device: torch.device
) -> NDArray[np.float64]:
    network.to(device)
    try:
        return predict_logits(network, samples, contract, device)
    finally:
        network.to("cpu")


def fit_networks(plan: NetworkPlan, crops: CropSet, fold: Fold, folder: Path, listener: Listener) -> FittedNetworks:
    """Train one network for each inner division of a fold and calibrate them together.

    Every network is stopped on the infants that it did not learn from, and the temperature is fitted on all of these
    answers at once. In the dissertation protocol validation pictures are copies of training pictures, so neither means
    much there; that is the protocol's flaw, and it is repeated.

    Args:
        plan: What to train.
        crops: The pictures.
        fold: Which to learn from.
        folder: Where checkpoints are kept; an interrupted fit goes on from them.
        listener: Is told of the progress.

    Raises:
        TrainingError: A class is missing, or the network stayed dead.
        CheckpointError: A checkpoint is damaged or cannot be written.
    """
    trained: list[TrainedNetwork] = []
    labels: list[NDArray[np.float64]] = []
    logits: list[NDArray[np.float64]] = []
    device = resolve_device(plan.training.device)
    for member, (learn, hold) in enumerate(fold.splits):
        seed = plan.training.seed + 101 * fold.index + 7919 * member
        precision = resolve_precision(device, plan.training.precision)
        training = plan.training.model_copy(update={"seed": seed % 2**31, "precision": precision})
        validation = _samples(crops, hold, plan, seed, vary=False)
        job = TrainingJob(
            architecture=plan.architecture,
            network_settings=plan.settings,
            contract=plan.contract,
            settings=training,
            train=_samples(crops, learn, plan, seed, vary=True),
            validation=validation,
            initial_state=plan.initial_state,
            identity=f"fold {fold.index} member {member} copies {plan.copies} {plan.expansion} {plan.augmentation!r}",
        )
        outcome = train(job, folder / f"member{member}.pt", listener)
        trained.append(outcome)
        labels.append(validation.labels.astype(np.float64))
        logits.append(_logits(outcome.network, validation, plan.contract, device))
    every_label, every_logit = np.concatenate(labels), np.concatenate(logits)
    return FittedNetworks(plan, crops, trained, fit_temperature(every_logit, every_label), (every_label, every_logit))


def _samples(crops: CropSet, items: Items, plan: NetworkPlan, seed: int, *, vary: bool) -> Samples:
    if len(items.variants) and items.variants[0] != AS_IT_IS:
        return ExpandedSamples(crops, items.rows, items.variants, plan.expansion)
    if vary:
        return VariedSamples(crops, items.rows, plan.augmentation, seed, plan.copies)
    return ExactSamples(crops, items.rows)
