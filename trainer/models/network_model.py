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
from trainer.models.balance import balanced
from trainer.models.fitted import HeldAnswers, Outcome, Prediction
from trainer.models.frozen import FEATURES_FOLDER, FrozenTrunk, frozen_trunk
from trainer.models.plan import NetworkPlan
from trainer.networks import PainNetwork, are_silent, mutual_information
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
        training: How the networks did on their training pictures, all members' together.
        validation: How they did on their validation pictures.
        held: Their answers to these, where they are not copies of training pictures.
    """

    def __init__(
        self,
        plan: NetworkPlan,
        crops: CropSet,
        trained: list[TrainedNetwork],
        temperature: float,
        training: Outcome,
        validation: Outcome,
        held: HeldAnswers | None = None,
    ) -> None:
        self.plan, self.temperature, self.held = plan, temperature, held
        self.networks: list[PainNetwork] = [member.network for member in trained]
        self._crops = crops
        self.details: dict[str, Any] = {
            "temperature": temperature,
            **training.named("training"),
            **validation.named("validation"),
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
        silent = are_silent(self.networks, [self.temperature] * len(self.networks), logits)
        if len(self.networks) == 1:
            return Prediction(logits[0], np.zeros(len(rows)), silent)
        mean = np.clip(1.0 / (1.0 + np.exp(-logits)).astype(np.float64), 1e-9, 1.0 - 1e-9).mean(axis=0)
        disagreement = mutual_information(torch.from_numpy(logits)).numpy()
        return Prediction(np.log(mean) - np.log1p(-mean), disagreement.astype(np.float64), silent)


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
    learnt, held = _Answers(), _Answers()
    device = resolve_device(plan.training.device)
    for member, split in enumerate(fold.splits):
        seed = plan.training.seed + 101 * fold.index + 7919 * member
        precision = resolve_precision(device, plan.training.precision)
        training = plan.training.model_copy(update={"seed": seed % 2**31, "precision": precision})
        own = replace(plan, training=training)
        learn, hold = split
        if plan.balance_data_sets:
            learn = balanced(learn, np.array([record.data_set for record in study.records]), seed)
        # What is learnt may be soft labels; stopping, calibration and every measure are by the labels themselves.
        softened = replace(crops, labels=study.targets)
        job, seen, frozen = _job(own, (crops, softened), (learn, hold), study.folder / FEATURES_FOLDER, listener)
        job = replace(
            job,
            identity=f"fold {fold.index} member {member} copies {plan.copies} {plan.expansion} {plan.augmentation!r}"
            + (" balanced" if plan.balance_data_sets else ""),
        )
        outcome = train(job, folder / f"member{member}.pt", listener)
        learnt.add(outcome.network, seen, plan)
        held.add(outcome.network, job.validation, plan)
        trained.append(outcome if frozen is None else replace(outcome, network=frozen.with_head(outcome.network)))
    labels, logits = held.together()
    temperature = fit_temperature(logits, labels)
    inner = None
    if all((split[1].variants == AS_IT_IS).all() for split in fold.splits):
        inner = HeldAnswers(np.concatenate([split[1].rows for split in fold.splits]), logits / temperature)
    outcomes = Outcome.of(*learnt.together()), Outcome.of(labels, logits)
    return FittedNetworks(plan, crops, trained, temperature, *outcomes, inner)


class _Answers:
    """Labels and uncalibrated logits of several networks, each on its own pictures."""

    def __init__(self) -> None:
        self._labels: list[NDArray[np.float64]] = []
        self._logits: list[NDArray[np.float64]] = []

    def add(self, network: PainNetwork, samples: Samples, plan: NetworkPlan) -> None:
        self._labels.append(samples.labels.astype(np.float64))
        self._logits.append(_logits(network, samples, plan))

    def together(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return np.concatenate(self._labels), np.concatenate(self._logits)


def _job(
    plan: NetworkPlan,
    labelled: tuple[CropSet, CropSet],
    split: tuple[Items, Items],
    features: Path,
    listener: Listener,
) -> tuple[TrainingJob, Samples, FrozenTrunk | None]:
    """Return what is trained: a whole network on crops, or dense layers on what a frozen trunk makes of them.

    The samples beside it are the training pictures for measuring: the fixed copies of the dissertation protocol, else
    the pictures as they are, without random variation. Of the two crop sets the second has the labels to learn.
    """
    learn, hold = split
    crops, softened = labelled
    frozen = frozen_trunk(plan, crops, learn, features, listener)
    if frozen is not None:
        job = TrainingJob(
            architecture=frozen.head_architecture(),
            network_settings=plan.settings,
            contract=plan.contract,
            settings=plan.training,
            train=frozen.samples(learn, plan, vary=True, labels=softened.labels),
            validation=frozen.samples(hold, plan, vary=False),
        )
        return job, frozen.samples(learn, plan, vary=False), frozen
    job = TrainingJob(
        architecture=plan.architecture,
        network_settings=plan.settings,
        contract=plan.contract,
        settings=plan.training,
        train=_samples(softened, learn, plan, vary=True),
        validation=_samples(crops, hold, plan, vary=False),
        initial_state=plan.initial_state,
    )
    return job, _samples(crops, learn, plan, vary=False), None


def _samples(crops: CropSet, items: Items, plan: NetworkPlan, *, vary: bool) -> Samples:
    if len(items.variants) and items.variants[0] != AS_IT_IS:
        return ExpandedSamples(crops, items.rows, items.variants, plan.expansion)
    if vary:
        return VariedSamples(crops, items.rows, plan.augmentation, plan.training.seed, plan.copies_of(len(items.rows)))
    return ExactSamples(crops, items.rows)
