"""Trains one network: epochs, the best weights, early stopping, resuming, and restarts of a dead network.

A network is dead when it answers the same to every picture: in N-CNN the eight units before the output can all fall
below zero, after which no gradient reaches anything before them and the loss stays at 0.693 indefinitely. That is
noticed after two epochs in a row, said, and the training restarts with another seed. A network whose training loss is
below that of the best constant answer does distinguish pictures: with few steps an epoch, batch normalisation's running
means are still those of the start, and its answers in evaluation lie close together for some epochs.
"""

import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from trainer.errors import TrainingError
from trainer.networks import PainNetwork
from trainer.training.allocator import retain_freed_memory
from trainer.training.determinism import pinned_threads, reproducible, seed_torch
from trainer.training.device import autocast, resolve_device
from trainer.training.objective import batch_loss, constant_loss, mix, positive_weight, smoothed
from trainer.training.optimisation import learning_rate
from trainer.training.prediction import predict_logits
from trainer.training.progress import EpochReport, Listener, NullListener
from trainer.training.samples import Samples, batches
from trainer.training.training_attempt import RunState, TrainingAttempt, TrainingJob, begin

__all__ = ["TrainedNetwork", "train"]

_DEAD_SPREAD = 1e-5
_DEAD_EPOCHS = 2
_DEAD_GAIN = 0.01
"""A loss that is lower than a constant's by less than this, in nats a picture, may be one."""


@dataclass(slots=True)
class TrainedNetwork:
    """The outcome: the network with its best weights, on the CPU, in evaluation mode.

    Attributes:
        network: With the weights of the best epoch.
        history: One report an epoch, of the attempt that succeeded.
        best_epoch: From 0.
        attempts: 1, or more where a dead network was restarted.
    """

    network: PainNetwork
    history: list[EpochReport]
    best_epoch: int
    attempts: int


def train(job: TrainingJob, checkpoint: Path | None = None, listener: Listener | None = None) -> TrainedNetwork:
    """Train a network, or go on where a killed run stopped.

    Args:
        job: What is to be trained.
        checkpoint: File that is written after every epoch and from which a killed run resumes; None stores nothing.
        listener: Receives the progress.

    Raises:
        TrainingError: A class is missing, the loss is not finite, or the network stayed dead after all restarts.
        CheckpointError: The checkpoint is damaged, belongs to another run, or cannot be written.
        SettingsError: The device or precision is not available.
    """
    listener = listener or NullListener()
    _check_labels("training", job.train.labels)
    _check_labels("validation", job.validation.labels, both=False)
    device = resolve_device(job.settings.device)
    with retain_freed_memory(), pinned_threads(job.settings.threads), reproducible(strict=job.settings.deterministic):
        state, run = begin(job, device, checkpoint, listener)
        while not _finished(job, state):
            if _is_dead(job, state.history):
                state, run = _restart(job, device, state, listener)
            _epoch(job, run, state, listener)
            if checkpoint is not None:
                run.store(checkpoint, state)
            listener.epoch_done(state.history[-1])
        network = run.network.to("cpu").to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
        network.load_state_dict(state.best_weights)
        network.eval()
    return TrainedNetwork(network, state.history, state.best_epoch, state.attempt + 1)


def _check_labels(what: str, labels: NDArray[np.float32], *, both: bool = True) -> None:
    if len(labels) == 0:
        raise TrainingError(f"there is no {what} picture")
    if both and (labels.max() < 0.5 or labels.min() > 0.5):
        only = "pain" if labels.min() > 0.5 else "no pain"
        raise TrainingError(f"all {len(labels)} {what} pictures are labelled {only!r}; both classes are needed")


def _finished(job: TrainingJob, state: RunState) -> bool:
    done = len(state.history)
    if _is_dead(job, state.history):
        return False
    return done >= job.settings.epochs or done - 1 - state.best_epoch >= job.settings.patience_epochs


def _is_dead(job: TrainingJob, history: list[EpochReport]) -> bool:
    """Return whether the last epochs' answers are alike and their training loss is that of a constant."""
    # While the steps still grow a network may be slow; in the last epoch it is not asked again.
    if len(history) < min(_DEAD_EPOCHS + job.settings.schedule.warmup_epochs, job.settings.epochs):
        return False
    last = history[-_DEAD_EPOCHS:]
    return len(last) == _DEAD_EPOCHS and all(
        report.logit_spread < _DEAD_SPREAD and report.train_loss > report.constant_loss - _DEAD_GAIN for report in last
    )


def _restart(
    job: TrainingJob, device: torch.device, state: RunState, listener: Listener
) -> tuple[RunState, TrainingAttempt]:
    attempt = state.attempt + 1
    died = (
        f"the network is dead: it gives the same answer to every picture (spread {state.history[-1].logit_spread:.1e})"
    )
    if attempt > job.settings.maximum_restarts:
        raise TrainingError(
            f"{died}, also after {job.settings.maximum_restarts} restarts with other seeds; lower the learning rate "
            f"(now {job.settings.optimiser.learning_rate:g}) or look at the pictures"
        )
    listener.note(f"{died}; restarting with another seed (attempt {attempt + 1})")
    return RunState(attempt=attempt), TrainingAttempt(job, device, attempt)


def _epoch(job: TrainingJob, run: TrainingAttempt, state: RunState, listener: Listener) -> None:
    """Train for one epoch, evaluate, and note it in `state`."""
    settings, epoch, began = job.settings, len(state.history), time.monotonic()
    rate = learning_rate(epoch, settings.epochs, settings.optimiser.learning_rate, settings.schedule)
    for group in run.optimiser.param_groups:
        group["lr"] = rate * group["share"]
    train_loss, constant = _steps(job, run, state.attempt, epoch, listener)
    validation_loss, accuracy, spread = _validate(job, run)
    if not (math.isfinite(train_loss) and math.isfinite(validation_loss)):
        raise TrainingError(
            f"the loss is not a number in epoch {epoch + 1} (training {train_loss}, validation {validation_loss}); "
            f"lower the learning rate (now {rate:g}) or use float32"
        )
    if validation_loss < state.best_loss - settings.least_gain:
        state.best_loss, state.best_epoch, state.best_weights = validation_loss, epoch, run.weights()
    seconds = time.monotonic() - began
    state.history.append(
        EpochReport(state.attempt, epoch, rate, train_loss, validation_loss, accuracy, spread, seconds, constant)
    )


def _steps(job: TrainingJob, run: TrainingAttempt, attempt: int, epoch: int, listener: Listener) -> tuple[float, float]:
    """Train on all batches and return the mean loss, and the lowest one that a constant answer could have had."""
    settings, samples = job.settings, job.train
    seed_torch(settings.seed, attempt, epoch, 0x44524F50)  # dropout of this epoch
    weight = positive_weight(torch.from_numpy(samples.labels)) if settings.balance_classes else 1.0
    total = math.ceil(len(samples.labels) / settings.batch_size)
    order_seed = settings.seed * 1009 + attempt
    run.network.train()
    losses = positive = negative = 0.0
    for step, batch in enumerate(batches(samples, size=settings.batch_size, epoch=epoch, shuffle_seed=order_seed)):
        labels = torch.from_numpy(batch.labels).to(run.device)
        crops = run.network.prepare(torch.from_numpy(batch.crops).to(run.device), job.contract)
        crops, labels = mix(crops, labels, settings, settings.seed, attempt, epoch, step)
        with autocast(run.device, settings):
            logits = run.network(crops)
        loss = batch_loss(logits, labels, settings, weight)
        run.optimiser.zero_grad(set_to_none=True)
        run.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]  # torch has no type for it
        if settings.optimiser.gradient_clip is not None:
            run.scaler.unscale_(run.optimiser)
            torch.nn.utils.clip_grad_norm_(run.network.parameters(), settings.optimiser.gradient_clip)
        run.scaler.step(run.optimiser)
        run.scaler.update()
        if run.average:
            run.average.update(run.network.state_dict().items())
        losses += float(loss.detach()) * len(batch.labels)
        targets = float(smoothed(labels, settings).sum())
        positive, negative = positive + weight * targets, negative + len(batch.labels) - targets
        listener.batch_done(epoch, step + 1, total)
    return losses / len(samples.labels), constant_loss(positive, negative) / len(samples.labels)


def _validate(job: TrainingJob, run: TrainingAttempt) -> tuple[float, float, float]:
    """Return validation loss and accuracy of the weights to be saved, and the spread of the newest ones' logits.

    Averaged weights answer nearly the same to all pictures in the first epochs, and that is no sign of death.
    """
    with run.evaluated_weights():
        logits = predict_logits(run.network, job.validation, job.contract, run.device)
    seen = predict_logits(run.network, _Some(job.train), job.contract, run.device)
    if not (np.isfinite(logits).all() and np.isfinite(seen).all()):
        return math.nan, math.nan, math.nan
    labels = job.validation.labels.astype(np.float64)
    losses = np.logaddexp(0.0, logits) - labels * logits
    accuracy = float(np.mean((logits >= 0.0) == (labels >= 0.5)))
    return float(losses.mean()), accuracy, float(seen.std())


class _Some:
    """At most 64 samples of many, evenly spread: enough to see whether a network still distinguishes pictures."""

    def __init__(self, samples: Samples) -> None:
        self._samples = samples
        count = len(samples.labels)
        self._items = np.unique(np.linspace(0, count - 1, min(count, 64)).astype(np.int64))

    @property
    def labels(self) -> NDArray[np.float32]:
        return self._samples.labels[self._items]

    def crops(self, items: NDArray[np.int64], epoch: int) -> NDArray[Any]:
        return self._samples.crops(self._items[items], epoch)
