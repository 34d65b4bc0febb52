"""What a training run reports while it runs."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

__all__ = ["EpochReport", "Listener", "MakeListener", "NullListener", "no_progress"]


@dataclass(frozen=True, slots=True)
class EpochReport:
    """One finished epoch.

    Attributes:
        attempt: From 0; grows when a dead network is restarted with another seed.
        epoch: From 0.
        learning_rate: That was used.
        train_loss: Mean over the epoch's batches, with dropout, smoothing and augmentation as trained.
        validation_loss: Mean cross-entropy of the plain validation crops.
        validation_accuracy: At probability 0.5.
        logit_spread: Standard deviation of the logits of some training crops; about 0 in a dead network.
        seconds: Wall time of the epoch.
        constant_loss: The lowest `train_loss` that one answer to all pictures could have had; 0 where it is not known.
    """

    attempt: int
    epoch: int
    learning_rate: float
    train_loss: float
    validation_loss: float
    validation_accuracy: float
    logit_spread: float
    seconds: float
    constant_loss: float = 0.0


class Listener(Protocol):
    """Is notified how far a training run has come: a progress bar, a TensorBoard writer."""

    def batch_done(self, epoch: int, done: int, total: int) -> None:
        """One batch of an epoch was trained on."""
        ...

    def epoch_done(self, report: EpochReport) -> None:
        """One epoch was finished and stored."""
        ...

    def note(self, message: str) -> None:
        """Something happened that a person should know: one sentence."""
        ...


class NullListener:
    """A listener that ignores everything; a context manager, as a progress bar is."""

    def __enter__(self) -> Self:
        """Do nothing."""
        return self

    def __exit__(self, *_: object) -> None:
        """Do nothing."""

    def batch_done(self, epoch: int, done: int, total: int) -> None:
        """Do nothing."""

    def epoch_done(self, report: EpochReport) -> None:
        """Do nothing."""

    def note(self, message: str) -> None:
        """Do nothing."""


MakeListener = Callable[[str, int, Path], AbstractContextManager[Listener]]
"""Makes the listener to a fold's progress: title, planned epochs, folder of the fold."""


def no_progress(title: str, epochs: int, folder: Path) -> AbstractContextManager[Listener]:  # noqa: ARG001 - a MakeListener
    """Return a listener that ignores everything."""
    return NullListener()
