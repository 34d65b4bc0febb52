"""The last minutes of a bed's level, down-sampled as it comes in, in bounded memory."""

from collections import deque

from monitor.board.status_records import HistoryPoint
from monitor.pain.vocabulary import Observation

__all__ = ["HISTORY_SECONDS", "LevelHistory"]

HISTORY_SECONDS = 600.0
_STRETCH_SECONDS = 2.0


class LevelHistory:
    """One point every two seconds, for ten minutes.

    A stretch keeps the highest level that was reported in it. Stretches without any observation have no point, so that
    a gap in the data stays a gap in the picture.
    """

    def __init__(self) -> None:
        self._points: deque[HistoryPoint] = deque(maxlen=int(HISTORY_SECONDS / _STRETCH_SECONDS) + 1)
        self._begin_seconds: float | None = None
        self._level: float | None = None
        self._coverage = 0.0

    def add(self, observation: Observation) -> None:
        """Take one observation; times never go back."""
        begin_seconds = observation.time_seconds // _STRETCH_SECONDS * _STRETCH_SECONDS
        if self._begin_seconds is None or begin_seconds > self._begin_seconds:
            self._close()
            self._begin_seconds, self._level = begin_seconds, None
        level = observation.display_level
        if level is not None and (self._level is None or level > self._level):
            self._level = level
        self._coverage = observation.coverage

    def points(self, now_seconds: float) -> tuple[HistoryPoint, ...]:
        """Return the points of the last ten minutes, oldest first, the unfinished stretch included."""
        oldest_seconds = now_seconds - HISTORY_SECONDS
        points = [point for point in self._points if point.time_seconds >= oldest_seconds]
        current = self._current()
        if current is not None and current.time_seconds >= oldest_seconds:
            points.append(current)
        return tuple(points)

    def _current(self) -> HistoryPoint | None:
        if self._begin_seconds is None:
            return None
        return HistoryPoint(self._begin_seconds, self._level, self._coverage)

    def _close(self) -> None:
        current = self._current()
        if current is not None:
            self._points.append(current)
