"""The wall clock as it labels records: it never goes back, whatever somebody sets the machine's clock to."""

import threading
from datetime import datetime, timedelta

from monitor.clock import Clock

__all__ = ["LabelClock"]

_SLOWED = 0.5
_AHEAD_SECONDS = 1.0


class LabelClock:
    """Follows the wall clock forward; when that is set back, runs at half speed until it has been caught up with.

    Args:
        clock: Monotonic and wall time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._last: tuple[datetime, float] | None = None

    def monotonic(self) -> float:
        """Return the monotonic time of the clock underneath."""
        return self._clock.monotonic()

    def wall(self) -> datetime:
        """Return a label, never before an earlier one."""
        with self._lock:
            now, now_seconds = self._clock.wall(), self._clock.monotonic()
            if self._last is not None:
                label, seconds = self._last
                now = max(now, label + timedelta(seconds=_SLOWED * (now_seconds - seconds)))
            self._last = (now, now_seconds)
            return now

    def is_ahead(self) -> bool:
        """Return whether the labels are ahead of the wall clock, which was set back."""
        return (self.wall() - self._clock.wall()).total_seconds() > _AHEAD_SECONDS
