"""Probabilities that mean what they say: temperature scaling, and how far off a model is.

Guo et al., "On Calibration of Modern Neural Networks", 2017 (temperature). Cox 1958 (slope and intercept).
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

__all__ = ["fit_temperature", "negative_log_likelihood", "probabilities"]

_LARGEST_LOG_TEMPERATURE = float(np.log(20.0))
_LOG_TEMPERATURE_DEVIATION = 0.5


def negative_log_likelihood(logits: NDArray[np.float64], labels: NDArray[np.float64]) -> float:
    """Return the mean of -ln p(label), from logits (n,) and labels (n,) of 0 and 1."""
    return float(np.mean(np.logaddexp(0.0, logits) - labels * logits))


def fit_temperature(logits: NDArray[np.float64], labels: NDArray[np.float64]) -> float:
    """Return the temperature T > 0 by which logits are divided so that sigmoid(logit / T) means what it says.

    Fitted in log T, so that it stays positive, and limited to 1/20 to 20. A network is stopped on a few dozen pictures
    of a few infants, often all answered rightly: the most likely temperature is then 0, that is certainty, and else it
    is mostly chance. So a picture of each class is counted as answered wrongly, by targets of (n+ + 1) / (n+ + 2) for
    pain and 1 / (n- + 2) for no pain (Platt, "Probabilistic Outputs for Support Vector Machines", 1999), and ln T is
    taken as normal about 0 with deviation 1/2 beforehand: a network that was stopped at its best loss is seldom far
    off. Both vanish as the set grows; what they do is in docs/experiments.md.
    The set must be of infants that the model was not trained on, and not the test set.

    Args:
        logits: Shape (n,).
        labels: Shape (n,), 0 or 1.

    Raises:
        ValueError: There is nothing to fit on.
    """
    from scipy.optimize import minimize_scalar

    if len(logits) == 0:
        raise ValueError("a temperature needs at least one picture")
    pain = float(labels.sum())
    targets = np.where(labels >= 0.5, (pain + 1.0) / (pain + 2.0), 1.0 / (len(labels) - pain + 2.0))

    def loss(log_temperature: float) -> float:
        unlikely = 0.5 * (log_temperature / _LOG_TEMPERATURE_DEVIATION) ** 2 / len(logits)
        return negative_log_likelihood(logits / np.exp(log_temperature), targets) + unlikely

    found = minimize_scalar(
        loss,
        bounds=(-_LARGEST_LOG_TEMPERATURE, _LARGEST_LOG_TEMPERATURE),
        method="bounded",
        options={"xatol": 1e-6},
    )
    return float(np.exp(found.x))


def probabilities(logits: NDArray[np.float64], temperature: float = 1.0) -> NDArray[np.float64]:
    """Return sigmoid(logit / temperature), shape (n,)."""
    return np.asarray(expit(logits / temperature), dtype=np.float64)
