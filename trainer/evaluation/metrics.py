"""Metrics of a binary classifier, from labels and calibrated log-odds.

Accuracy, sensitivity, specificity, precision and F1 are taken at probability 0.5. A metric that is not defined (the AUC
of one class) is not a number and is left out of means, never 0.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf, expit

from trainer.evaluation.calibration import negative_log_likelihood
from trainer.evaluation.intervals import Scale

__all__ = [
    "METRICS",
    "SCALES",
    "accuracy",
    "area_under_curve",
    "brier_score",
    "calibration_in_the_large",
    "calibration_line",
    "classifier_metrics",
    "confusion",
    "debiased_calibration_gap",
    "expected_calibration_error",
    "reliability_bins",
]

SCALES: Mapping[str, Scale] = {
    "accuracy": "share",
    "auc": "share",
    "f1": "share",
    "sensitivity": "share",
    "specificity": "share",
    "precision": "share",
    "loss": "positive",
    "brier": "share",
    "brier_skill": "skill",
    "ece": "share",
    "calibration_slope": "real",
    "calibration_intercept": "real",
    "calibration_in_the_large": "real",
}
"""What values each metric can have; its interval stays within them."""
METRICS = tuple(SCALES)
_MOST_BINS = 10
_LEAST_PER_BIN = 10
_LARGEST_SLOPE = 50.0
_PENALTY = 1e-4
_NEWTON_STEPS = 60
_HALVINGS = 40
_LARGEST_STEP = 4.0

Numbers = NDArray[np.float64]


def confusion(labels: Numbers, logits: Numbers) -> dict[str, int]:
    """Return the counts tp, fp, fn, tn at probability 0.5."""
    is_pain, says_pain = labels >= 0.5, logits >= 0.0
    counts = {
        "tp": is_pain & says_pain,
        "fp": ~is_pain & says_pain,
        "fn": is_pain & ~says_pain,
        "tn": ~is_pain & ~says_pain,
    }
    return {name: int(np.count_nonzero(where)) for name, where in counts.items()}


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
    Equal answers are in one bin: else the order of the rows would decide which labels meet. There are fewer bins then.
    """
    return [
        (float(probabilities[part].mean()), float(labels[part].mean()), len(part)) for part in _bin_rows(probabilities)
    ]


def _bin_rows(probabilities: Numbers) -> list[NDArray[np.int64]]:
    """Return the rows of each bin."""
    count = len(probabilities)
    if count == 0:
        return []
    bins = int(np.clip(count // _LEAST_PER_BIN, 1, _MOST_BINS))
    order = np.argsort(probabilities, kind="stable")
    ordered = probabilities[order]
    cuts = [part[-1] for part in np.array_split(np.arange(count), bins)]
    ends = np.unique(np.searchsorted(ordered, ordered[cuts], side="right"))
    return np.split(order, ends[:-1])


def expected_calibration_error(labels: Numbers, probabilities: Numbers) -> float:
    """Return the mean gap between the predicted and the observed share of pain over `reliability_bins`, debiased.

    Chance alone makes the observed share of n pictures differ from a right prediction p by a standard deviation of
    s = sqrt(sum p (1 - p)) / n, so that the plain mean of absolute gaps is far above 0 for a perfect model and falls as
    the set grows. A gap g with that noise is seen as E|g + s Z| = s sqrt(2/pi) exp(-g^2 / (2 s^2)) + g erf(g / (s
    sqrt 2)); what that exceeds g by is taken off each gap (the debiased l1 error of Kumar, Liang and Ma, "Verified
    Uncertainty Calibration", 2019). The sum is at least 0.
    """
    found = debiased_calibration_gap(labels, probabilities)
    return max(0.0, found) if np.isfinite(found) else found


def debiased_calibration_gap(labels: Numbers, probabilities: Numbers) -> float:
    """Return `expected_calibration_error` before it is cut off at 0, below which chance may bring it.

    Args:
        labels: Shape (n,), 0 or 1.
        probabilities: Shape (n,), of pain.
    """
    if not len(labels):
        return float("nan")
    total = 0.0
    for part in _bin_rows(probabilities):
        chance = probabilities[part]
        gap = abs(float(labels[part].mean() - chance.mean()))
        noise = max(float(np.sqrt(np.sum(chance * (1.0 - chance)))) / len(part), 1e-12)
        ratio = gap / noise
        seen = noise * np.sqrt(2.0 / np.pi) * np.exp(-(ratio**2) / 2.0) + gap * float(erf(ratio / np.sqrt(2.0)))
        total += len(part) / len(labels) * (2.0 * gap - float(seen))
    return total


def calibration_in_the_large(labels: Numbers, logits: Numbers) -> float:
    """Return by how much all log-odds are too low on the whole: the a of logit p' = a + logit p, the slope being 1.

    0 is ideal; above 0 pain is more frequent than predicted (Steyerberg 2009, "calibration-in-the-large"). Not a number
    with one class only, where it has no limit.
    """
    if len(np.unique(labels)) < 2:
        return float("nan")
    pain, calm = logits[labels >= 0.5], logits[labels < 0.5]
    low, high = -60.0, 60.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2.0
        # What lacks to certainty in pain against what is too much elsewhere: sums of tiny terms that a sum of all
        # probabilities would round away where a model is very sure.
        if float(expit(calm + middle).sum()) < float(expit(-pain - middle).sum()):
            low = middle
        else:
            high = middle
    return (low + high) / 2.0


def calibration_line(labels: Numbers, logits: Numbers) -> tuple[float, float]:
    """Return slope and intercept of the labels' logistic regression on the logits; 1 and 0 are ideal (Cox 1958).

    Newton's method, because intervals ask for thousands of lines. Perfectly separated labels want an infinite slope; a
    penalty too small to be seen otherwise stops it at about 50.
    """
    if len(np.unique(labels)) < 2 or float(np.ptp(logits)) < 1e-9:
        return float("nan"), float("nan")
    # About their mean and in units of their deviation the log-odds of every model look alike: the steps reach the line
    # also where all answers lie far from 0, or near to each other.
    middle, unit = float(logits.mean()), float(logits.std())
    scaled, penalty = (logits - middle) / unit, _PENALTY / unit**2
    slope, intercept = 0.0, 0.0
    for _ in range(_NEWTON_STEPS):
        chance = expit(slope * scaled + intercept)
        weight = np.maximum(chance * (1.0 - chance), 1e-12)
        error = labels - chance
        gradient_slope = float((error * scaled).sum()) - penalty * slope
        gradient = float(error.sum())
        a, b, c = (
            float((weight * scaled * scaled).sum()) + penalty,
            float((weight * scaled).sum()),
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
    slope = float(np.clip(slope / unit, -_LARGEST_SLOPE, _LARGEST_SLOPE))
    return slope, intercept - slope * middle


def classifier_metrics(labels: Numbers, logits: Numbers, *, with_line: bool = True) -> dict[str, float]:
    """Return all of `METRICS`.

    Args:
        labels: Shape (n,), 0 or 1.
        logits: Shape (n,), calibrated log-odds of pain.
        with_line: False leaves out slope, intercept and calibration in the large, which take most of the time.
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
        found["calibration_in_the_large"] = calibration_in_the_large(labels, logits)
    return found


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
