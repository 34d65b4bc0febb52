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

    Fitted in log T, so that it stays positive, and kept within 1/20 to 20: a perfectly separated set would ask for 0.
    The set must be of infants that the model was not trained on, and not the test set.

    Args:
        logits: Shape (n,).
        labels: Shape (n,), 0 or 1.

    Raises:
        ValueError: There is nothing to fit on.
    """
    if len(logits) == 0:
        raise ValueError("a temperature needs at least one picture")
    found = minimize_scalar(
        lambda log_temperature: negative_log_likelihood(logits / np.exp(log_temperature), labels),
        bounds=(-_LARGEST_LOG_TEMPERATURE, _LARGEST_LOG_TEMPERATURE),
        method="bounded",
        options={"xatol": 1e-6},
    )
    return float(np.exp(found.x))


def probabilities(logits: NDArray[np.float64], temperature: float = 1.0) -> NDArray[np.float64]:
    """Return sigmoid(logit / temperature), shape (n,)."""
    return np.asarray(expit(logits / temperature), dtype=np.float64)
