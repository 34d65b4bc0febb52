"""Intervals that respect that pictures of one infant are not independent: whole infants are resampled.

Percentile intervals over 2,000 resamples of infants with replacement. A test of 77 pictures of 20 infants knows less
than 77 independent pictures would, and these intervals say so.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainer.evaluation.metrics import classifier_metrics

__all__ = [
    "CONFIDENCE",
    "RESAMPLES",
    "Answers",
    "Interval",
    "as_json",
    "cluster_intervals",
    "gap_between",
    "interval_of",
    "paired_difference",
    "resamples",
]

RESAMPLES = 2_000
CONFIDENCE = 0.95

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Interval:
    """A metric with its 95 % interval; the ends are not numbers where it is not defined in most resamples."""

    value: float
    low: float
    high: float

    def as_json(self) -> dict[str, float | None]:
        """Return plain values; JSON has no not-a-number."""
        return {name: _plain(getattr(self, name)) for name in ("value", "low", "high")}


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


def _plain(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


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


def interval_of(value: float, resampled: list[float]) -> Interval:
    """Return a metric with the percentile interval of its resampled values; none if most of them are not defined."""
    finite = np.array([number for number in resampled if np.isfinite(number)])
    if len(finite) < len(resampled) / 2:
        return Interval(value, float("nan"), float("nan"))
    tail = (1.0 - CONFIDENCE) / 2.0
    low, high = np.quantile(finite, [tail, 1.0 - tail])
    return Interval(value, float(low), float(high))


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
    return {name: interval_of(value[name], resampled[name]) for name in value}


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
    return interval_of(value, resampled)


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
    for rows in resamples(np.concatenate([first.subjects, second.subjects]), count):
        ours, theirs = rows[rows < own], rows[rows >= own] - own
        resampled.append(
            metric(second.labels[theirs], second.logits[theirs]) - metric(first.labels[ours], first.logits[ours])
        )
    return interval_of(value, resampled)


def as_json(intervals: Mapping[str, Interval]) -> dict[str, dict[str, float | None]]:
    """Return intervals as plain values."""
    return {name: interval.as_json() for name, interval in intervals.items()}
