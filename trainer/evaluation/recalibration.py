"""Recalibration on a new site: how good the same ranking would be if its log-odds were moved and stretched there.

Two updates of a model that stays as it is (Steyerberg 2009, "logistic recalibration"): logit p' = a + logit p, and
logit p' = a + b logit p. What they are worth is cross-fitted: each infant's pictures are recalibrated with an update
that was fitted to other infants, so that no infant measures its own correction.
"""

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.evaluation.bootstrap import RESAMPLES, as_json, cluster_intervals
from trainer.evaluation.intervals import LEAST_INFANTS
from trainer.evaluation.metrics import calibration_in_the_large, calibration_line

__all__ = ["RECALIBRATED", "recalibration"]

Numbers = NDArray[np.float64]

RECALIBRATED = ("loss", "brier", "ece", "calibration_slope", "calibration_in_the_large", "sensitivity", "specificity")
"""Metrics that a recalibration changes; the AUC stays."""
_MOST_PARTS = 10


def recalibration(
    labels: Numbers, logits: Numbers, subjects: NDArray[np.str_], count: int = RESAMPLES
) -> dict[str, Any] | None:
    """Return what moving, and moving and stretching, the log-odds would be worth on infants of this site.

    Args:
        labels: Shape (n,), 0 or 1.
        logits: Shape (n,), log-odds of pain as the model gives them.
        subjects: Shape (n,).
        count: Resamples of the intervals.

    Returns:
        `parts`, into how many the infants were divided, and for `as_it_is`, `moved` and `moved_and_stretched` the
        `intercept` and `slope` fitted to all infants and the cross-fitted metrics of `RECALIBRATED`; None below 5
        infants, or where some part's complement has one class only.
    """
    numbers = _parts(subjects)
    parts = int(numbers.max(initial=-1)) + 1
    if len(np.unique(subjects)) < LEAST_INFANTS or any(len(np.unique(labels[numbers != p])) < 2 for p in range(parts)):
        return None
    found: dict[str, Any] = {"parts": parts}
    for name, fit in _UPDATES.items():
        intercept, slope = fit(labels, logits)
        updated = np.empty_like(logits)
        for part in range(parts):
            a, b = fit(labels[numbers != part], logits[numbers != part])
            updated[numbers == part] = a + b * logits[numbers == part]
        if not np.isfinite(updated).all():
            return None
        metrics = as_json(cluster_intervals(labels, updated, subjects, count))
        found[name] = {
            "intercept": intercept,
            "slope": slope,
            "metrics": {metric: metrics[metric] for metric in RECALIBRATED},
        }
    return found


def _parts(subjects: NDArray[np.str_]) -> NDArray[np.int64]:
    """Return to which part each picture belongs, shape (n,): whole infants, dealt out in the order of their digests."""
    names, owners = np.unique(subjects, return_inverse=True)
    digests = [hashlib.sha256(str(name).encode()).digest() for name in names]
    part = np.empty(len(names), np.int64)
    part[sorted(range(len(names)), key=digests.__getitem__)] = np.arange(len(names)) % _MOST_PARTS
    return part[owners]


def _none(labels: Numbers, logits: Numbers) -> tuple[float, float]:
    del labels, logits
    return 0.0, 1.0


def _moved(labels: Numbers, logits: Numbers) -> tuple[float, float]:
    return calibration_in_the_large(labels, logits), 1.0


def _moved_and_stretched(labels: Numbers, logits: Numbers) -> tuple[float, float]:
    slope, intercept = calibration_line(labels, logits)
    return intercept, slope


_UPDATES: dict[str, Callable[[Numbers, Numbers], tuple[float, float]]] = {
    "as_it_is": _none,
    "moved": _moved,
    "moved_and_stretched": _moved_and_stretched,
}
