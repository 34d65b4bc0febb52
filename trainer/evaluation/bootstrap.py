"""Intervals that respect that pictures of one infant are not independent: whole infants are resampled.

The standard error comes from 2,000 resamples of infants with replacement, the interval is Student's t on the scale of
the metric (`trainer.evaluation.intervals`). A test of 77 pictures of 20 infants knows less than 77 independent pictures
would, and these intervals say so; with fewer than 5 infants there is none. Only infants count that a metric rests on.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, ndtr, ndtri, stdtrit

from trainer.evaluation.intervals import CONFIDENCE, LEAST_INFANTS, Interval, Scale, t_interval
from trainer.evaluation.metrics import SCALES, area_under_curve, classifier_metrics, debiased_calibration_gap

__all__ = [
    "CONFIDENCE",
    "RESAMPLES",
    "Answers",
    "Interval",
    "as_json",
    "cluster_intervals",
    "gap_between",
    "infants_behind",
    "infants_of_both",
    "interval_of",
    "paired_difference",
    "resamples",
]

RESAMPLES = 2_000
_ONE_SIGMA = float(ndtr(1.0))
_ROUNDING = 1e-12  # to which sums in another order agree

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Answers:
    """Answers to pictures.

    Attributes:
        labels: Shape (n,), 0 or 1.
        logits: Shape (n,).
        subjects: Shape (n,).
    """

    labels: Numbers
    logits: Numbers
    subjects: NDArray[np.str_]


def resamples(subjects: NDArray[np.str_], count: int = RESAMPLES, seed: int = 0) -> Iterator[NDArray[np.int64]]:
    """Yield the rows of each resample of the infants.

    Args:
        subjects: Shape (n,): whose picture each row is.
        count: How many resamples.
        seed: The same seed gives the same resamples.
    """
    random = np.random.default_rng(seed)
    names = np.unique(subjects)
    rows = [np.flatnonzero(subjects == name) for name in names]
    for _ in range(count):
        yield np.concatenate([rows[index] for index in random.integers(0, len(names), len(names))])


def interval_of(value: float, resampled: list[float], infants: int, scale: Scale = "share") -> Interval:
    """Return a metric with its 95 % interval; none if most resamples do not define it, or infants are few.

    There is none either where the resamples have one value: infants that are alike so far, as with a model that always
    answers the same, are not known to be alike always. Only a share of 0 or 1 has an interval there (`t_interval`).

    The standard error of few infants' bootstrap is too small by sqrt((n - 1) / n), which is put right. Where values
    have no bounds a few wild resamples would rule a standard deviation, so half the distance between the quantiles at
    plus and minus one sigma is taken.

    Args:
        value: On all infants.
        resampled: On each resample of the infants.
        infants: How many there are.
        scale: What values are possible.
    """
    finite = np.array([number for number in resampled if np.isfinite(number)])
    if len(finite) < max(2, len(resampled) / 2):
        return Interval(value, float("nan"), float("nan"))
    if scale == "real":
        low, high = np.quantile(finite, [1.0 - _ONE_SIGMA, _ONE_SIGMA])
        error = float(high - low) / 2.0
    else:
        error = float(finite.std(ddof=1))
    is_at_an_edge = scale == "share" and not 0.0 < value < 1.0
    if error <= _ROUNDING * float(np.abs(finite).max()) and not is_at_an_edge:
        return Interval(value, float("nan"), float("nan"))
    return t_interval(value, error * np.sqrt(infants / max(1, infants - 1)), infants, scale)


def _difference_interval(value: float, resampled: list[float], infants: int) -> Interval:
    """Return a difference with its 95 % interval: percentiles, drawn away from their middle as Student's t asks.

    There is none where all resamples have one value: models that answered alike so far are not known to do so always.
    """
    finite = np.array([number for number in resampled if np.isfinite(number)])
    if infants < LEAST_INFANTS or len(finite) < max(2, len(resampled) / 2) or float(np.ptp(finite)) <= _ROUNDING:
        return Interval(value, float("nan"), float("nan"))
    tail = (1.0 - CONFIDENCE) / 2.0
    low, high = np.quantile(finite, [tail, 1.0 - tail])
    wider = float(stdtrit(infants - 1, 1.0 - tail) / ndtri(1.0 - tail)) * np.sqrt(infants / (infants - 1))
    return Interval(value, float(value + wider * min(0.0, low - value)), float(value + wider * max(0.0, high - value)))


def cluster_intervals(
    labels: Numbers, logits: Numbers, subjects: NDArray[np.str_], count: int = RESAMPLES
) -> dict[str, Interval]:
    """Return every metric with its interval over infants.

    Args:
        labels: Shape (n,), 0 or 1.
        logits: Shape (n,).
        subjects: Shape (n,).
        count: How many resamples.
    """
    value = classifier_metrics(labels, logits)
    resampled: dict[str, list[float]] = {name: [] for name in value}
    for rows in resamples(subjects, count):
        for name, number in classifier_metrics(labels[rows], logits[rows]).items():
            resampled[name].append(number)
    infants = infants_behind(labels, logits, subjects)
    return {
        name: _calibration_error(labels, logits, subjects)
        if name == "ece"
        else interval_of(value[name], resampled[name], infants[name], SCALES[name])
        for name in value
    }


def _calibration_error(labels: Numbers, logits: Numbers, subjects: NDArray[np.str_]) -> Interval:
    """Return the calibration error with its interval, from leaving out one infant after the other (the jackknife).

    Resamples repeat infants' pictures, which looks like a calibration that is off: an interval from them would leave
    out the truth, 0, of most calibrated models. It is Student's t about the gap before it is cut off at 0, and cut off
    there itself.
    """
    chance, infants = np.asarray(expit(logits), np.float64), np.unique(subjects)
    gap = debiased_calibration_gap(labels, chance)
    left = [debiased_calibration_gap(labels[rows], chance[rows]) for rows in (subjects != name for name in infants)]
    error = float(np.std(left)) * np.sqrt(max(0, len(infants) - 1))
    found = t_interval(gap, error if error > _ROUNDING else float("nan"), len(infants), "real")
    return Interval(*(float(np.clip(end, 0.0, 1.0)) for end in (gap, found.low, found.high)))


def infants_behind(labels: Numbers, logits: Numbers, subjects: NDArray[np.str_]) -> dict[str, int]:
    """Return how many infants each metric rests on: those with a picture in its denominator.

    Infants without a picture of pain say nothing of the sensitivity, however many they are.

    Args:
        labels: Shape (n,), 0 or 1.
        logits: Shape (n,).
        subjects: Shape (n,).
    """
    pain, predicted = labels >= 0.5, logits >= 0.0
    parts = {"sensitivity": pain, "specificity": ~pain, "precision": predicted, "f1": pain | predicted}
    counts = dict.fromkeys(SCALES, len(np.unique(subjects)))
    counts |= {name: len(np.unique(subjects[rows])) for name, rows in parts.items()}
    return {**counts, "auc": infants_of_both(labels, subjects)}


def infants_of_both(labels: Numbers, subjects: NDArray[np.str_]) -> int:
    """Return how many infants an AUC rests on: those with pictures of the class that fewer have.

    Args:
        labels: Shape (n,), 0 or 1.
        subjects: Shape (n,).
    """
    return min(len(np.unique(subjects[labels >= 0.5])), len(np.unique(subjects[labels < 0.5])))


def paired_difference(
    labels: Numbers,
    first: Numbers,
    second: Numbers,
    subjects: NDArray[np.str_],
    metric: Callable[[Numbers, Numbers], float],
    count: int = RESAMPLES,
) -> Interval:
    """Return how much higher a metric is for the second model, on the same pictures and the same resampled infants.

    Args:
        labels: Shape (n,).
        first: Logits of the first model, shape (n,).
        second: Logits of the second model, shape (n,).
        subjects: Shape (n,).
        metric: Of labels and logits.
        count: How many resamples.
    """
    value = metric(labels, second) - metric(labels, first)
    resampled = [
        metric(labels[rows], second[rows]) - metric(labels[rows], first[rows]) for rows in resamples(subjects, count)
    ]
    return _difference_interval(value, resampled, _infants(metric, labels, subjects))


def gap_between(
    first: Answers, second: Answers, metric: Callable[[Numbers, Numbers], float], count: int = RESAMPLES
) -> Interval:
    """Return how much higher a metric is in the second set of answers, over infants that are resampled once for both.

    Args:
        first: Of some infants.
        second: Of the same infants, or most of them; the pictures may be others.
        metric: Of labels and logits.
        count: How many resamples.
    """
    own = len(first.labels)
    value = metric(second.labels, second.logits) - metric(first.labels, first.logits)
    resampled = []
    subjects = np.concatenate([first.subjects, second.subjects])
    for rows in resamples(subjects, count):
        ours, theirs = rows[rows < own], rows[rows >= own] - own
        resampled.append(
            metric(second.labels[theirs], second.logits[theirs]) - metric(first.labels[ours], first.logits[ours])
        )
    return _difference_interval(
        value, resampled, _infants(metric, np.concatenate([first.labels, second.labels]), subjects)
    )


def _infants(metric: Callable[[Numbers, Numbers], float], labels: Numbers, subjects: NDArray[np.str_]) -> int:
    return infants_of_both(labels, subjects) if metric is area_under_curve else len(np.unique(subjects))


def as_json(intervals: Mapping[str, Interval]) -> dict[str, dict[str, float | None]]:
    """Return intervals as plain values."""
    return {name: interval.as_json() for name, interval in intervals.items()}
