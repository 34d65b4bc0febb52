"""What a model is worth: when it may abstain, and against treating all or none.

Risk-coverage: Geifman and El-Yaniv 2017. Net benefit: Vickers and Elkin 2006, NB(t) = TP/n - FP/n * t / (1 - t).
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

__all__ = ["net_benefit", "risk_coverage"]

Numbers = NDArray[np.float64]

_COVERAGES = tuple(round(0.1 * step, 1) for step in range(1, 11))
_THRESHOLDS = tuple(round(0.05 * step, 2) for step in range(1, 20))


def risk_coverage(labels: Numbers, logits: Numbers, uncertainty: Numbers | None = None) -> dict[str, object]:
    """Return the error among the pictures that are answered, when the least certain ones are not.

    Args:
        labels: Shape (n,).
        logits: Shape (n,).
        uncertainty: Shape (n,), such as the mutual information; closeness of the probability to 0.5 when absent.

    Returns:
        `aurc`, the mean error over all coverages, and `points` of coverage and error.
    """
    if len(labels) == 0:
        return {"aurc": None, "points": []}
    doubt = -np.abs(logits) if uncertainty is None else uncertainty
    order = np.argsort(doubt, kind="stable")
    wrong = ((logits >= 0.0) != (labels >= 0.5))[order]
    risk = np.cumsum(wrong) / np.arange(1, len(wrong) + 1)
    points = []
    for coverage in _COVERAGES:
        answered = max(1, round(coverage * len(wrong)))
        points.append({"coverage": coverage, "error": float(risk[answered - 1]), "pictures": answered})
    return {"aurc": float(risk.mean()), "points": points}


def net_benefit(labels: Numbers, logits: Numbers) -> list[dict[str, float]]:
    """Return the net benefit of acting on the model at each threshold, beside acting on all and on none (0)."""
    if len(labels) == 0:
        return []
    chance, prior = expit(logits), float(labels.mean())
    found = []
    for threshold in _THRESHOLDS:
        predicted = chance >= threshold
        odds = threshold / (1.0 - threshold)
        model = float(np.mean(predicted & (labels >= 0.5)) - np.mean(predicted & (labels < 0.5)) * odds)
        found.append({"threshold": threshold, "model": model, "all": prior - (1.0 - prior) * odds, "none": 0.0})
    return found
