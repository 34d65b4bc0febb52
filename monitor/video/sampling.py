"""Which pictures of a stream are analysed."""

import math
from collections import deque

__all__ = ["Sampler"]

_LARGEST_TOLERANCE = 0.5
_INTERVAL_PICTURES = 32
_GAP_SECONDS = 2.0


class Sampler:
    """Selects about so many pictures per second, evenly spread, whatever the stream's own rate.

    Due times lie on a grid. A picture is taken when it is the one nearest to its due time, by the typical
    interval between pictures: without that tolerance, a camera of 5 pictures/s whose pictures come a little early
    or late would lose every second one at 5 analysed pictures/s.

    Args:
        frames_per_second: Pictures to select per second; None selects every picture.
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
        if period_seconds != self._period_seconds:
            self._period_seconds, self._next_seconds = period_seconds, None

    @property
    def interval_seconds(self) -> float | None:
        """Mean time between two pictures of the stream; None before the second."""
        return self._interval_seconds

    def due(self, time_seconds: float) -> bool:
        """Return whether the picture of this time is selected; call it once for every picture, in order."""
        self._learn_interval(time_seconds)
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
        return self._period_seconds == 0.0 or not self._is_early(time_seconds)

    def skip(self, time_seconds: float) -> None:
        """Note a picture that is not to be selected; in order with those of `due`."""
        self._learn_interval(time_seconds)

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
