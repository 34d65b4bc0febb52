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
    """Return the temperature T > 0 by which logits are divided so that sigmoid(logit / T) means what it says.

    Fitted in log T, so that it stays positive, and kept within 1/20 to 20. A network is stopped on a few dozen pictures
    of a few infants, often all answered rightly, and the most likely temperature is then 0, that is certainty. So half
    a picture of each class is counted as answered wrongly (Jeffreys' prior for a share), by targets of
    (n+ + 1/2) / (n+ + 1) for pain and (1/2) / (n- + 1) for no pain; that vanishes as the set grows. Platt's targets
    ("Probabilistic Outputs for Support Vector Machines", 1999) count a whole picture and made networks more timid than
    they had to be (docs/experiments.md).
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
    targets = np.where(labels >= 0.5, (pain + 0.5) / (pain + 1.0), 0.5 / (len(labels) - pain + 1.0))
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
