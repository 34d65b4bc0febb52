"""What every fitted model answers."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["FittedModel", "HeldAnswers", "Outcome", "Prediction"]


@dataclass(frozen=True, slots=True)
class Prediction:
    """Answers for some pictures.

    Attributes:
        logits: Shape (k,): calibrated log-odds of pain.
        uncertainty: Shape (k,): mutual information of an ensemble in nats; 0 for a single model.
        silent: Shape (k,): which answers are the constant of networks whose last hidden units were silent; None where
            no network answered.
    """

    logits: NDArray[np.float64]
    uncertainty: NDArray[np.float64]
    silent: NDArray[np.bool_] | None = None


@dataclass(frozen=True, slots=True)
class HeldAnswers:
    """Answers to the pictures of the inner infants, which stopped and calibrated a model.

    Attributes:
        rows: Shape (k,): rows of the study.
        logits: Shape (k,): calibrated; each of a single network that did not learn from the picture.
    """

    rows: NDArray[np.int64]
    logits: NDArray[np.float64]


class FittedModel(Protocol):
    """A model after training."""

    @property
    def held(self) -> HeldAnswers | None:
        """Its answers to inner infants; None where validation pictures are copies of training pictures."""
        ...

    @property
    def details(self) -> dict[str, Any]:
        """What a reader of the results wants to know: temperature, epochs, restarts, validation metrics."""
        ...

    def predict(self, rows: NDArray[np.int64]) -> Prediction:
        """Return calibrated answers for rows of the study."""
        ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a model did on its own training pictures, or on the validation pictures that it was stopped on.

    Attributes:
        accuracy: At the logit 0.
        loss: Mean cross-entropy before calibration.
        pictures: How many.
    """

    accuracy: float
    loss: float
    pictures: int

    @classmethod
    def of(cls, labels: NDArray[np.float64], logits: NDArray[np.float64]) -> "Outcome":
        """Return the outcome of uncalibrated logits, shape (k,), for labels of 0 and 1, shape (k,)."""
        losses = np.logaddexp(0.0, logits) - labels * logits
        return cls(float(np.mean((logits >= 0.0) == (labels >= 0.5))), float(losses.mean()), len(labels))

    def named(self, part: str) -> dict[str, float | int]:
        """Return the values under names such as `training_accuracy`."""
        return {f"{part}_accuracy": self.accuracy, f"{part}_loss": self.loss, f"{part}_pictures": self.pictures}
