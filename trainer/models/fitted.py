"""What every fitted model answers."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["FittedModel", "Prediction", "Validation"]


@dataclass(frozen=True, slots=True)
class Prediction:
    """Answers for some pictures.

    Attributes:
        logits: Shape (k,): calibrated log-odds of pain.
        uncertainty: Shape (k,): mutual information of an ensemble in nats; 0 for a single model.
    """

    logits: NDArray[np.float64]
    uncertainty: NDArray[np.float64]


class FittedModel(Protocol):
    """A model after training."""

    @property
    def details(self) -> dict[str, Any]:
        """What a reader of the results wants to know: temperature, epochs, restarts, validation metrics."""
        ...

    def predict(self, rows: NDArray[np.int64]) -> Prediction:
        """Return calibrated answers for rows of the study."""
        ...


@dataclass(frozen=True, slots=True)
class Validation:
    """How a model did on its own validation pictures, which it was stopped and calibrated on.

    Attributes:
        accuracy: At the logit 0.
        loss: Mean cross-entropy before calibration.
        pictures: How many.
    """

    accuracy: float
    loss: float
    pictures: int
