"""Fewer points for a picture of hours, without losing a peak or hiding a gap."""

import numpy as np
from numpy.typing import NDArray

from monitor.history.samples import SAMPLE_SECONDS, SampleSeries

__all__ = ["stretches", "thinned"]


def thinned(series: SampleSeries, every_seconds: float) -> SampleSeries:
    """Return one sample for each stretch of `every_seconds` in which there is any.

    It keeps the highest level (a peak of two seconds stays), the mean coverage, the most urgent state and the highest
    share of each action.

    Args:
        series: Samples, oldest first.
        every_seconds: Two or less returns the series as it is.
    """
    if every_seconds <= SAMPLE_SECONDS or not len(series):
        return series
    numbers = np.floor(series.seconds / every_seconds)
    begins = np.flatnonzero(np.diff(numbers, prepend=numbers[0] - 1))
    return SampleSeries(
        seconds=numbers[begins] * every_seconds,
        level=_highest(series.level, begins),
        coverage=_mean(series.coverage, begins),
        # States are numbered by urgency, the most urgent first.
        state=np.minimum.reduceat(series.state, begins),
        actions=np.fmax.reduceat(series.actions, begins, axis=0),
    )


def stretches(series: SampleSeries, is_within: NDArray[np.bool_], gap_seconds: float) -> list[tuple[float, float]]:
    """Return begin and end, in seconds since 1970, of every stretch of samples that are marked.

    Args:
        series: Samples, oldest first.
        is_within: Which of them are marked, shape (n,).
        gap_seconds: The time from one sample to the next; a longer one ends a stretch.
    """
    found: list[tuple[float, float]] = []
    for seconds in series.seconds[is_within]:
        at = float(seconds)
        if found and at - found[-1][1] <= 0.5 * gap_seconds:
            found[-1] = (found[-1][0], at + gap_seconds)
        else:
            found.append((at, at + gap_seconds))
    return found


def _highest(values: NDArray[np.float64], begins: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return the highest number of each stretch; NaN only where there is no number in it."""
    return np.asarray(np.fmax.reduceat(values, begins), dtype=np.float64)


def _mean(values: NDArray[np.float64], begins: NDArray[np.intp]) -> NDArray[np.float64]:
    counts = np.add.reduceat(~np.isnan(values), begins)
    sums = np.add.reduceat(np.nan_to_num(values), begins)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
