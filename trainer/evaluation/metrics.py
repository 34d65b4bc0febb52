"""Metrics of a binary classifier, from labels and calibrated log-odds.

Accuracy, sensitivity, specificity, precision and F1 are taken at probability 0.5. A metric that is not defined (the AUC
of one class) is not a number and is left out of means, never 0.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.metrics import confusion_matrix

from trainer.evaluation.calibration import negative_log_likelihood

__all__ = [
    "METRICS",
    "accuracy",
    "area_under_curve",
    "brier_score",
    "calibration_line",
    "classifier_metrics",
    "confusion",
    "expected_calibration_error",
    "reliability_bins",
]

METRICS = (
    "accuracy",
    "auc",
    "f1",
    "sensitivity",
    "specificity",
    "precision",
    "loss",
    "brier",
    "brier_skill",
    "ece",
    "calibration_slope",
    "calibration_intercept",
)
_MOST_BINS = 10
_LEAST_PER_BIN = 10
_LARGEST_SLOPE = 50.0
_PENALTY = 1e-4
_NEWTON_STEPS = 60
_LARGEST_STEP = 4.0

Numbers = NDArray[np.float64]


def confusion(labels: Numbers, logits: Numbers) -> dict[str, int]:
    """Return the counts tp, fp, fn, tn at probability 0.5."""
    (tn, fp), (fn, tp) = confusion_matrix(labels >= 0.5, logits >= 0.0, labels=[False, True]).tolist()
    return {"tp": tp, "fp": fp, "fn": fn, "tn": tn}


def accuracy(labels: Numbers, logits: Numbers) -> float:
    """Return the share of right answers at probability 0.5; not a number without pictures."""
    return float(np.mean((logits >= 0.0) == (labels >= 0.5))) if len(labels) else float("nan")


def brier_score(labels: Numbers, logits: Numbers) -> float:
    """Return the mean of (p - y)^2, in [0, 1]: low where answers are right and as sure as they may be (Brier 1950)."""
    return float(np.mean((expit(logits) - labels) ** 2)) if len(labels) else float("nan")


def area_under_curve(labels: Numbers, logits: Numbers) -> float:
    """Return the area under the ROC curve, as the share of pairs in the right order (Mann-Whitney), ties counted half.

    Not a number with one class only. scikit-learn's function gives the same; this one is quick enough for thousands of
    resamples.
    """
    positive = labels >= 0.5
    pain, calm = logits[positive], np.sort(logits[~positive])
    if len(pain) == 0 or len(calm) == 0:
        return float("nan")
    below = np.searchsorted(calm, pain, side="left") + np.searchsorted(calm, pain, side="right")
    return float(below.sum() / (2.0 * len(pain) * len(calm)))


def reliability_bins(labels: Numbers, probabilities: Numbers) -> list[tuple[float, float, int]]:
    """Return (mean predicted, observed share of pain, pictures) of each bin of a reliability diagram.

    The probability of pain is binned, not the confidence, into at most 10 bins of equal size of at least 10 pictures.
    """
    count = len(labels)
    if count == 0:
        return []
    bins = int(np.clip(count // _LEAST_PER_BIN, 1, _MOST_BINS))
    parts = np.array_split(np.argsort(probabilities, kind="stable"), bins)
    return [(float(probabilities[part].mean()), float(labels[part].mean()), len(part)) for part in parts]


def expected_calibration_error(labels: Numbers, probabilities: Numbers) -> float:
    """Return the mean gap between the predicted and the observed share of pain over `reliability_bins`."""
    bins = reliability_bins(labels, probabilities)
    if not bins:
        return float("nan")
    return float(sum(size / len(labels) * abs(observed - predicted) for predicted, observed, size in bins))


def calibration_line(labels: Numbers, logits: Numbers) -> tuple[float, float]:
    """Return slope and intercept of the labels' logistic regression on the logits; 1 and 0 are ideal (Cox 1958).

    Newton's method, because intervals ask for thousands of lines. Perfectly separated labels want an infinite slope; a
    penalty too small to be seen otherwise stops it at about 50.
    """
    if len(np.unique(labels)) < 2 or float(np.ptp(logits)) < 1e-9:
        return float("nan"), float("nan")
    slope, intercept = 0.0, 0.0
    for _ in range(_NEWTON_STEPS):
        chance = expit(slope * logits + intercept)
        weight = np.maximum(chance * (1.0 - chance), 1e-12)
        error = labels - chance
        gradient_slope = float((error * logits).sum()) - _PENALTY * slope
        gradient = float(error.sum())
        a, b, c = (
            float((weight * logits * logits).sum()) + _PENALTY,
            float((weight * logits).sum()),
            float(weight.sum()),
        )
        determinant = a * c - b * b
        if determinant <= 0.0:
            break
        step_slope = (c * gradient_slope - b * gradient) / determinant
        step = (a * gradient - b * gradient_slope) / determinant
        shrink = min(1.0, _LARGEST_STEP / max(abs(step_slope), abs(step), 1e-12))
        slope, intercept = slope + shrink * step_slope, intercept + shrink * step
        if max(abs(step_slope), abs(step)) < 1e-8:
            break
    return float(np.clip(slope, -_LARGEST_SLOPE, _LARGEST_SLOPE)), intercept


def classifier_metrics(labels: Numbers, logits: Numbers, *, with_line: bool = True) -> dict[str, float]:
    """Return all of `METRICS`.

    Args:
        labels: Shape (n,), 0 or 1.
        logits: Shape (n,), calibrated log-odds of pain.
        with_line: False leaves out the calibration slope and intercept, which take most of the time.
    """
    if len(labels) == 0:
        return dict.fromkeys(METRICS, float("nan"))
    pain, predicted = labels >= 0.5, logits >= 0.0
    tp, fp = int((pain & predicted).sum()), int((~pain & predicted).sum())
    fn, tn = int((pain & ~predicted).sum()), int((~pain & ~predicted).sum())
    chance = np.asarray(expit(logits), np.float64)
    brier, prior = brier_score(labels, logits), float(labels.mean())
    found = {
        "accuracy": (tp + tn) / len(labels),
        "auc": area_under_curve(labels, logits),
        "f1": _ratio(2 * tp, 2 * tp + fp + fn),
        "sensitivity": _ratio(tp, tp + fn),
        "specificity": _ratio(tn, tn + fp),
        "precision": _ratio(tp, tp + fp),
        "loss": negative_log_likelihood(logits, labels),
        "brier": brier,
        "brier_skill": 1.0 - brier / (prior * (1.0 - prior)) if 0.0 < prior < 1.0 else float("nan"),
        "ece": expected_calibration_error(labels, chance),
    }
    if with_line:
        found["calibration_slope"], found["calibration_intercept"] = calibration_line(labels, logits)
    return found


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
