"""An exponential average over time, exact between samples.

A filter with a constant per frame answers differently at 2 and at 25 frames/s. This one works in seconds, and takes the
score to run in a straight line between two samples: holding the newest value over the time before it would make every
alarm half a frame early, holding the oldest half a frame late, and 0.25 s at 2 frames/s is not nothing. Within such a
stretch the average has a closed form, so that the moment at which it crosses a threshold is computed, not rounded to
the next frame.

    weighted' = (x - weighted) / tau,   mass' = (1 - mass) / tau,   average = weighted / mass

While nothing is known both decay alike: the average stays where it was and only weighs less against what comes next.
It decays to *unknown*, never to 0. A fresh average follows from the first sample on, with no pull towards 0.
"""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Stretches", "TimeAverage", "time_above_zero"]

Stretches = tuple[tuple[float, float], ...]
"""Disjoint intervals (begin, end) in seconds, in order of time."""

_LEAST_MASS = 1e-6
"""Mass of a first sample: enough to have an average, too little to count against the next one."""

_BISECTIONS = 40


@dataclass(slots=True)
class TimeAverage:
    """Average of a signal, weighted by exp(-age / tau) over the time in which it was known.

    Attributes:
        weighted: Integral of signal times weight, per tau.
        mass: Integral of the weight over known time, per tau, in [0, 1]; 0 before the first sample.
    """

    weighted: float = 0.0
    mass: float = 0.0

    def value(self) -> float | None:
        """Return the average, or None before the first sample."""
        return self.weighted / self.mass if self.mass else None

    def begin(self, value: float) -> None:
        """Take a first sample; does nothing when an average exists already."""
        if self.mass < _LEAST_MASS:
            self.mass = _LEAST_MASS
            self.weighted = value * _LEAST_MASS

    def forget(self, seconds: float, tau_seconds: float) -> None:
        """Let time pass in which the signal is not known."""
        decay = math.exp(-seconds / tau_seconds)
        self.weighted *= decay
        self.mass *= decay

    def follow(self, first: float, last: float, seconds: float, tau_seconds: float) -> None:
        """Let time pass in which the signal runs in a straight line from `first` to `last`."""
        self.weighted = _after(self.weighted, first, last, seconds, tau_seconds)
        self.mass = _after(self.mass, 1.0, 1.0, seconds, tau_seconds)

    def excess(self, threshold: float) -> float:
        """Return a number with the sign of `average - threshold`, to be handed to `time_above_zero`."""
        return self.weighted - threshold * self.mass


def _after(value: float, first: float, last: float, seconds: float, tau_seconds: float) -> float:
    """Solve value' = (x - value) / tau over a stretch in which x runs in a straight line from `first` to `last`."""
    ratio = seconds / tau_seconds
    gained = -math.expm1(-ratio)
    if ratio < 1e-4:  # the difference below would lose its digits
        weight_last = ratio / 2
        weight_first = gained - weight_last
    else:
        mean_decay = gained / ratio
        weight_last = 1.0 - mean_decay
        weight_first = mean_decay - (1.0 - gained)
    return value * (1.0 - gained) + first * weight_first + last * weight_last


def time_above_zero(value: float, first: float, last: float, seconds: float, tau_seconds: float) -> Stretches:
    """Return when the solution of value' = (x - value) / tau is at or above 0.

    Args:
        value: At the beginning of the stretch.
        first: Of x, at the beginning.
        last: Of x, at the end; x runs in a straight line in between.
        seconds: Length of the stretch, above 0.
        tau_seconds: Time constant.

    Returns:
        Intervals within [0, seconds]. There are two at most: the solution has one turning point at most.
    """
    if min(value, first, last) >= 0.0:
        return ((0.0, seconds),)
    if max(value, first, last) < 0.0:
        return ()
    cuts = [0.0, *_turning_point(value, first, last, seconds, tau_seconds), seconds]
    slope = (last - first) / seconds

    def at(time: float) -> float:
        return _after(value, first, first + slope * time, time, tau_seconds) if time else value

    stretches: list[tuple[float, float]] = []
    for begin, end in itertools.pairwise(cuts):
        part = _monotone_part_above(at, begin, end)
        if part is None:
            continue
        if stretches and stretches[-1][1] == part[0]:
            part = (stretches.pop()[0], part[1])
        stretches.append(part)
    return tuple(stretches)


def _turning_point(value: float, first: float, last: float, seconds: float, tau_seconds: float) -> list[float]:
    """Return where the solution, a line plus an exponential, has its extremum within the stretch, if it has one."""
    rise_per_tau = (last - first) * tau_seconds / seconds
    transient = value - first + rise_per_tau
    if rise_per_tau == 0.0 or transient / rise_per_tau <= 1.0:
        return []
    time = tau_seconds * math.log(transient / rise_per_tau)
    return [time] if time < seconds else []


def _monotone_part_above(at: Callable[[float], float], begin: float, end: float) -> tuple[float, float] | None:
    """Return the part of [begin, end] in which a monotone function is at or above 0."""
    above_first, above_last = at(begin) >= 0.0, at(end) >= 0.0
    if above_first and above_last:
        return begin, end
    if not above_first and not above_last:
        return None
    low, high = begin, end
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        if (at(middle) >= 0.0) == above_first:
            low = middle
        else:
            high = middle
    return (begin, low) if above_first else (high, end)
