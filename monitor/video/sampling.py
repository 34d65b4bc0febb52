"""Which pictures of a stream are analysed."""

import math
from collections import deque

from monitor.video.group_choice import GroupChoice

__all__ = ["Sampler"]

_LARGEST_TOLERANCE = 0.5
_INTERVAL_PICTURES = 32
_GAP_SECONDS = 2.0
_FEWEST_OF_A_GROUP = 0.9
"""Pictures to select of each group of pictures, for them to be chosen by groups."""


class Sampler:
    """Selects about so many pictures per second, evenly spread, whatever the stream's own rate.

    Due times lie on a grid. A picture is taken when it is the one nearest to its due time, by the typical
    interval between pictures: without that tolerance, a camera of 5 pictures/s whose pictures come a little early
    or late would lose every second one at 5 analysed pictures/s.

    Args:
        frames_per_second: Pictures to select per second in the ordinary case; None selects every picture. A lower
            rate takes the first pictures of each group where `begin_group` says how long groups last.
        phase: Where the grid lies between two due times, in [0, 1): cameras with phases of their own take turns, while
            those whose first pictures come at the same moment would all be analysed at the same moments. None begins
            the grid with the first picture.
    """

    def __init__(self, frames_per_second: float | None, phase: float | None = None) -> None:
        self._phase = phase
        self._period_seconds = 0.0
        self._next_seconds: float | None = None
        self._selected_seconds: float | None = None
        self._is_off_grid = False
        # Networks deliver in bursts, so that single intervals mean little; their mean over many does.
        self._recent_seconds: deque[float] = deque(maxlen=_INTERVAL_PICTURES + 1)
        self._interval_seconds: float | None = None
        self._full_rate = frames_per_second or 0.0
        self._group: GroupChoice | None = None
        self.frames_per_second = frames_per_second

    @property
    def frames_per_second(self) -> float | None:
        """Pictures to select per second; may be changed at any time, from any thread.

        The next picture is selected at most one new period after the last one, but not at once where that is not over:
        cameras whose rates change at the same moment keep their turns.
        """
        return None if self._period_seconds == 0.0 else 1.0 / self._period_seconds

    @frames_per_second.setter
    def frames_per_second(self, value: float | None) -> None:
        if value is not None and not 0.0 < value < float("inf"):
            raise ValueError(f"frames_per_second must be above 0, not {value}")
        period_seconds = 0.0 if value is None else 1.0 / value
        before_seconds = self._period_seconds
        if period_seconds != before_seconds:
            self._period_seconds, self._next_seconds = period_seconds, None
            group = self._group
            if not self._is_slowed:
                self._group = None
            elif group is not None and 0.0 < before_seconds < period_seconds:
                group.slow(before_seconds / period_seconds)

    @property
    def interval_seconds(self) -> float | None:
        """Mean time between two pictures of the stream; None before the second."""
        return self._interval_seconds

    def begin_group(self, time_seconds: float, longest_seconds: float | None) -> None:
        """Note a key frame, before it is asked for.

        Args:
            time_seconds: Of the key frame.
            longest_seconds: How long the group may last at most; None where that is not known.
        """
        rate, group, known_seconds = self.frames_per_second or 0.0, self._group, longest_seconds or 0.0
        if self._is_slowed and known_seconds * rate >= _FEWEST_OF_A_GROUP:
            if group is None:
                self._group = group = GroupChoice(self._full_rate)
            group.begin(time_seconds, known_seconds, rate)
        elif group is not None:
            self._group, self._next_seconds = None, None

    def is_group_done(self, time_seconds: float) -> bool:
        """Return whether neither a picture of this time nor any after it is selected before the next key frame."""
        group = self._group
        return group is not None and group.is_done and not group.is_over(time_seconds)

    def due(self, time_seconds: float) -> bool:
        """Return whether the picture of this time is selected; call it once for every picture, in order."""
        self._learn_interval(time_seconds)
        group = self._group
        if group is not None and group.is_over(time_seconds):
            group = self._group = self._next_seconds = None
        if group is not None:
            if not group.is_due(time_seconds, self._interval_seconds or 0.0):
                return False
            group.take()
            self._selected_seconds = time_seconds
            return True
        period, next_seconds = self._period_seconds, self._next_seconds
        if period == 0.0:
            self._selected_seconds = time_seconds
            return True
        if next_seconds is None and self._selected_seconds is not None:
            next_seconds = self._next_seconds = self._after_change(time_seconds, self._selected_seconds, period)
            self._is_off_grid = True
        if self._is_early(time_seconds):
            return False
        went_back = next_seconds is not None and _went_back(time_seconds, next_seconds, period)
        # After a gap, or at the start, the grid begins again: catching up would analyse a burst of old pictures.
        is_late = next_seconds is not None and time_seconds > next_seconds + period
        if next_seconds is None or went_back or is_late:
            self._next_seconds = self._begin_grid(time_seconds, period)
        elif self._is_off_grid:
            self._next_seconds = self._begin_grid(max(time_seconds, next_seconds), period)
        else:
            self._next_seconds = next_seconds + period
        self._selected_seconds, self._is_off_grid = time_seconds, False
        return True

    def would_be_due(self, time_seconds: float) -> bool:
        """Return whether a picture of this time would be selected now, and note nothing.

        Where that depends on what is not known yet, as after a change of rate, it is True.
        """
        group = self._group
        if group is not None:
            return group.is_over(time_seconds) or group.is_due(time_seconds, self._interval_seconds or 0.0)
        return self._period_seconds == 0.0 or not self._is_early(time_seconds)

    def skip(self, time_seconds: float) -> None:
        """Note a picture that is not to be selected; in order with those of `due`."""
        self._learn_interval(time_seconds)

    @property
    def _is_slowed(self) -> bool:
        """Whether the rate is below that of the ordinary case."""
        rate = self.frames_per_second or 0.0
        return 0.0 < rate < self._full_rate and not math.isclose(rate, self._full_rate)

    def _is_early(self, time_seconds: float) -> bool:
        """Return whether a picture comes before the one that is nearest to the next due time, if that is known."""
        period, next_seconds = self._period_seconds, self._next_seconds
        if next_seconds is None or _went_back(time_seconds, next_seconds, period):
            return False
        tolerance = min((self._interval_seconds or 0.0) / 2, period * _LARGEST_TOLERANCE)
        return time_seconds < next_seconds - tolerance

    def _begin_grid(self, time_seconds: float, period_seconds: float) -> float:
        """Return the due time that follows a first picture, at most one period later."""
        if self._phase is None:
            return time_seconds + period_seconds
        return (math.floor(time_seconds / period_seconds - self._phase) + 1 + self._phase) * period_seconds

    def _after_change(self, time_seconds: float, selected_seconds: float, period_seconds: float) -> float:
        """Return the first due time at a new rate: by the new grid, and at most one period after the last picture."""
        latest_seconds = max(time_seconds, selected_seconds + period_seconds)
        if self._phase is None:
            return latest_seconds
        return min(latest_seconds, self._begin_grid(max(time_seconds, selected_seconds), period_seconds))

    def _learn_interval(self, time_seconds: float) -> None:
        recent = self._recent_seconds
        if recent and not 0.0 <= time_seconds - recent[-1] <= _GAP_SECONDS:
            recent.clear()
        recent.append(time_seconds)
        if len(recent) > 1:
            self._interval_seconds = (recent[-1] - recent[0]) / (len(recent) - 1)


def _went_back(time_seconds: float, next_seconds: float, period_seconds: float) -> bool:
    return time_seconds < next_seconds - 2 * period_seconds
