"""How much of the workers' time may go into searching for faces, so that searches never starve what is tracked.

A search costs several times as much as following a face. Where every bed searches, for instance because the machine
was late and every face has moved, searches would keep the machine late. So they share one budget a station, in
seconds of detector time; a bed that finds it empty runs one detection pass a frame, like an empty bed.
"""

import threading
from collections.abc import Callable

__all__ = ["SearchBudget"]


class SearchBudget:
    """A token bucket of detector time. Thread-safe.

    Args:
        monotonic: Returns monotonic seconds.
        share: Seconds of search that are granted per second.
        burst_seconds: The most that is saved up.
    """

    def __init__(self, monotonic: Callable[[], float], share: float = 0.5, burst_seconds: float = 1.0) -> None:
        self._monotonic = monotonic
        self._share = share
        self._burst_seconds = burst_seconds
        self._left_seconds = burst_seconds
        self._updated_seconds = monotonic()
        self._lock = threading.Lock()

    def has_left(self) -> bool:
        """Return whether a search of several passes may begin now."""
        with self._lock:
            self._refill()
            return self._left_seconds > 0.0

    def spend(self, seconds: float) -> None:
        """Note how long a search took; the budget may fall below zero, and then recovers first."""
        with self._lock:
            self._refill()
            self._left_seconds = max(-self._burst_seconds, self._left_seconds - seconds)

    def _refill(self) -> None:
        now = self._monotonic()
        granted = self._share * (now - self._updated_seconds)
        self._left_seconds = min(self._burst_seconds, self._left_seconds + granted)
        self._updated_seconds = now
