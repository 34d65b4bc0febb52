"""Scores as functions of time, so that the same signal can be sampled at any rate.

A signal runs in straight lines between knots, as an expression comes and goes, with a ripple of slow sine waves on top
for what a model adds. Nothing in it depends on when it is sampled; independent noise for every frame would be another
signal at every rate.
"""

import bisect
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["SimulatedSignal", "irregular_times", "regular_times", "signal_of_segments"]

_RIPPLE_PERIODS_SECONDS = (3.1, 4.7, 7.3, 11.9)


@dataclass(frozen=True, slots=True)
class SimulatedSignal:
    """A score over time.

    Attributes:
        knots: (time in seconds, score), in order of time; constant before the first and after the last.
        ripple: Amplitude of each slow wave on top; the sum is clipped to [0, 1].
        phases: Of the waves, in radians, one for each.
    """

    knots: tuple[tuple[float, float], ...]
    ripple: float = 0.0
    phases: tuple[float, ...] = ()

    @property
    def seconds(self) -> float:
        """Time of the last knot."""
        return self.knots[-1][0]

    def at(self, time_seconds: float) -> float:
        """Return the score in [0, 1] at a time."""
        wave = sum(
            math.sin(2 * math.pi * time_seconds / period + phase)
            for period, phase in zip(_RIPPLE_PERIODS_SECONDS, self.phases, strict=False)
        )
        return min(1.0, max(0.0, self._line(time_seconds) + self.ripple * wave))

    def _line(self, time_seconds: float) -> float:
        position = bisect.bisect_right(self.knots, time_seconds, key=lambda knot: knot[0])
        if position == 0:
            return self.knots[0][1]
        if position == len(self.knots):
            return self.knots[-1][1]
        (begin, first), (end, last) = self.knots[position - 1], self.knots[position]
        return first + (last - first) * (time_seconds - begin) / (end - begin)


def signal_of_segments(
    segments: Sequence[tuple[float, float]], rise_seconds: float = 1.0, ripple: float = 0.0, seed: int = 0
) -> SimulatedSignal:
    """Return a signal that stays at one score after another.

    Args:
        segments: (length in seconds, score in [0, 1]); the length includes the way to the score.
        rise_seconds: Time that a change of score takes; shortened in segments that are shorter.
        ripple: Amplitude of each slow wave on top.
        seed: Of the waves' phases.
    """
    knots: list[tuple[float, float]] = [(0.0, segments[0][1])]
    time = 0.0
    for length, score in segments:
        knots.append((time + min(rise_seconds, length / 2), score))
        time += length
        knots.append((time, score))
    phases = tuple(random.Random(seed).uniform(0, 2 * math.pi) for _ in _RIPPLE_PERIODS_SECONDS)  # noqa: S311 - a simulation
    return SimulatedSignal(tuple(knots), ripple, phases)


def regular_times(rate_per_second: float, seconds: float, begin_seconds: float = 0.0) -> list[float]:
    """Return the times of frames at an even rate."""
    return [begin_seconds + number / rate_per_second for number in range(int(seconds * rate_per_second) + 1)]


def irregular_times(
    seconds: float, shortest_seconds: float = 0.02, longest_seconds: float = 0.9, seed: int = 0
) -> list[float]:
    """Return the times of frames with independently sampled gaps, short ones more often than long ones."""
    generator = random.Random(seed)  # noqa: S311 - a simulation
    times = [0.0]
    while times[-1] < seconds:
        part = generator.random() ** 2
        times.append(times[-1] + shortest_seconds + part * (longest_seconds - shortest_seconds))
    return times
