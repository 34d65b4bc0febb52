"""One attempt at training a network: what it is about, its state, and how that is stored and taken up again."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from trainer.errors import CheckpointError
from trainer.networks import Architecture, InputContract
from trainer.training.determinism import seed_torch
from trainer.training.device import loss_scaler
from trainer.training.optimisation import WeightAverage, build_optimiser
from trainer.training.progress import EpochReport, Listener
from trainer.training.samples import Samples
from trainer.training.settings import TrainingSettings
from trainer.training.storage import read_checkpoint, write_checkpoint

__all__ = ["RunState", "TrainingAttempt", "TrainingJob", "begin"]


@dataclass(frozen=True, slots=True)
class TrainingJob:
    """What is to be trained, on what.

    Attributes:
        architecture: The network.
        network_settings: Its settings.
        contract: Its input.
        settings: How it is trained.
        train: Crops to learn from.
        validation: Crops that decide when to stop and which epoch is saved; never the test crops.
        initial_state: Weights to start from, where a network is not trained from scratch.
        identity: Anything that a resumed run must agree with (hashes of the data, the fold).
    """

    architecture: Architecture
    network_settings: dict[str, Any]
    contract: InputContract
    settings: TrainingSettings
    train: Samples
    validation: Samples
    initial_state: dict[str, torch.Tensor] | None = None
    identity: str = ""


@dataclass(slots=True)
class RunState:
    """How far a run has come.

    Attributes:
        attempt: From 0.
        history: One report an epoch of this attempt.
        best_loss: Lowest validation loss so far.
        best_epoch: Where it was reached, from 0; -1 before the first epoch.
        best_weights: The weights that reached it.
    """

    attempt: int = 0
    history: list[EpochReport] = field(default_factory=list)
    best_loss: float = math.inf
    best_epoch: int = -1
    best_weights: dict[str, torch.Tensor] = field(default_factory=dict)


class TrainingAttempt:
    """One attempt's network, optimiser and average, and their storage.

    Args:
        job: What is to be trained.
        device: Where.
        attempt: From 0; decides the random start.
    """

    def __init__(self, job: TrainingJob, device: torch.device, attempt: int) -> None:
        self.job, self.device = job, device
        seed_torch(job.settings.seed, attempt)
        self.network = job.architecture.create(job.network_settings)
        if job.initial_state is not None:
            self.network.load_state_dict(job.initial_state)
        self.network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # stub lacks it
        self.optimiser = build_optimiser(self.network, job.settings.optimiser)
        self.scaler = loss_scaler(device, job.settings)
        decay = job.settings.average_decay
        self.average = WeightAverage(self.network.state_dict(), decay) if decay > 0.0 else None

    @contextmanager
    def evaluated_weights(self) -> Iterator[None]:
        """Let the network have, within, the weights that would be saved: the average where there is one."""
        if self.average is None:
            yield
            return
        current = {name: tensor.clone() for name, tensor in self.network.state_dict().items()}
        self.network.load_state_dict(self.average.state)
        try:
            yield
        finally:
            self.network.load_state_dict(current)

    def weights(self) -> dict[str, torch.Tensor]:
        """Return the weights that are evaluated and saved."""
        state = self.average.state if self.average else self.network.state_dict()
        return {name: tensor.detach().cpu().clone() for name, tensor in state.items()}

    def store(self, path: Path, state: RunState) -> None:
        """Write everything that resuming needs, atomically."""
        content: dict[str, Any] = {
            "identity": _identity(self.job),
            "attempt": state.attempt,
            "history": [asdict(report) for report in state.history],
            "best_loss": state.best_loss,
            "best_epoch": state.best_epoch,
            "best_weights": state.best_weights,
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "scaler": self.scaler.state_dict(),
        }
        if self.average:
            content["average"] = {"steps": self.average.steps, "state": self.average.state}
        write_checkpoint(path, content)

    def restore(self, content: dict[str, Any]) -> None:
        """Take over what `store` wrote."""
        self.network.load_state_dict(content["network"])
        self.optimiser.load_state_dict(content["optimiser"])
        self.scaler.load_state_dict(content["scaler"])
        if self.average:
            self.average.steps = content["average"]["steps"]
            for name, tensor in content["average"]["state"].items():
                self.average.state[name].copy_(tensor)


def _identity(job: TrainingJob) -> str:
    """Return what must not change between a killed run and the one that resumes it."""
    parts = [
        job.architecture.name,
        repr(sorted(job.network_settings.items())),
        job.contract.model_dump_json(),
        job.settings.model_dump_json(exclude={"threads", "device"}),
        f"{len(job.train.labels)} for training, {len(job.validation.labels)} for validation",
        job.identity,
    ]
    return "|".join(parts)


def begin(
    job: TrainingJob, device: torch.device, checkpoint: Path | None, listener: Listener
) -> tuple[RunState, TrainingAttempt]:
    """Start the first attempt, or take up the one that a checkpoint holds.

    Raises:
        CheckpointError: The checkpoint is damaged or belongs to another run.
    """
    if checkpoint is None or not checkpoint.exists():
        return RunState(), TrainingAttempt(job, device, 0)
    content = read_checkpoint(checkpoint)
    if content.get("identity") != _identity(job):
        raise CheckpointError(
            f"{checkpoint} belongs to a run with other settings or data; give another output folder or delete it"
        )
    state = RunState(
        attempt=content["attempt"],
        history=[EpochReport(**report) for report in content["history"]],
        best_loss=content["best_loss"],
        best_epoch=content["best_epoch"],
        best_weights=content["best_weights"],
    )
    run = TrainingAttempt(job, device, state.attempt)
    run.restore(content)
    listener.note(f"resuming after epoch {len(state.history)} from {checkpoint}")
    return state, run
