"""Probabilities that mean what they say: temperature scaling, and how far off a model is.

Guo et al., "On Calibration of Modern Neural Networks", 2017 (temperature). Cox 1958 (slope and intercept).
"""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import expit

__all__ = ["fit_temperature", "negative_log_likelihood", "probabilities"]

_LARGEST_LOG_TEMPERATURE = float(np.log(20.0))


def negative_log_likelihood(logits: NDArray[np.float64], labels: NDArray[np.float64]) -> float:
    """Return the mean of -ln p(label), from logits (n,) and labels (n,) of 0 and 1."""
    return float(np.mean(np.logaddexp(0.0, logits) - labels * logits))


def fit_temperature(logits: NDArray[np.float64], labels: NDArray[np.float64]) -> float:
    """Return the temperature T > 0 for which sigmoid(logit / T) is most likely.

    Fitted in log T, so that it stays positive, and kept within 1/20 to 20. A small set that is separated perfectly
    would ask for T = 0, that is for certainty; Platt's targets, (n+ + 1) / (n+ + 2) for pain and 1 / (n- + 2) for no
    pain, keep it from that and vanish as the set grows ("Probabilistic Outputs for Support Vector Machines", 1999).
    The set must be of infants that the model was not trained on, and not the test set.

    Args:
        logits: Shape (n,).
        labels: Shape (n,), 0 or 1.

    Raises:
        ValueError: There is nothing to fit on.
    """
    if len(logits) == 0:
        raise ValueError("a temperature needs at least one picture")
    pain = float(labels.sum())
    targets = np.where(labels >= 0.5, (pain + 1.0) / (pain + 2.0), 1.0 / (len(labels) - pain + 2.0))
    found = minimize_scalar(
        lambda log_temperature: negative_log_likelihood(logits / np.exp(log_temperature), targets),
        bounds=(-_LARGEST_LOG_TEMPERATURE, _LARGEST_LOG_TEMPERATURE),
        method="bounded",
        options={"xatol": 1e-6},
    )
    return float(np.exp(found.x))


def probabilities(logits: NDArray[np.float64], temperature: float = 1.0) -> NDArray[np.float64]:
    """Return sigmoid(logit / temperature), shape (n,)."""
    return np.asarray(expit(logits / temperature), dtype=np.float64)
