"""Time, injected.

All logic runs on monotonic seconds so that a stepped wall clock can neither raise nor hide an alarm; wall time is only
a label on what leaves the program. Tests and replay drive a `ManualClock`, so that a week passes in a second.
"""

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

__all__ = ["Clock", "ManualClock", "SystemClock"]


class Clock(Protocol):
    """A source of monotonic and of wall time."""

    def monotonic(self) -> float:
        """Return seconds from an arbitrary origin; never goes back."""
        ...

    def wall(self) -> datetime:
        """Return the wall time, in UTC, for labels only."""
        ...


class SystemClock:
    """The machine's clocks."""

    def monotonic(self) -> float:
        """Return `time.monotonic()`."""
        return time.monotonic()

    def wall(self) -> datetime:
        """Return the current time in UTC."""
        return datetime.now(tz=UTC)


class ManualClock:
    """A clock that stands still until it is moved.

    Args:
        start_seconds: First monotonic reading.
        epoch: Wall time at monotonic 0.
    """

    def __init__(self, start_seconds: float = 0.0, epoch: datetime = datetime(1970, 1, 1, tzinfo=UTC)) -> None:
        self._now_seconds = start_seconds
        self._epoch = epoch

    def monotonic(self) -> float:
        """Return the time it was last moved to."""
        return self._now_seconds

    def wall(self) -> datetime:
        """Return the epoch plus the monotonic time."""
        return self._epoch + timedelta(seconds=self._now_seconds)

    def advance(self, seconds: float) -> None:
        """Move forward.

        Raises:
            ValueError: `seconds` is negative; monotonic time never goes back.
        """
        if seconds < 0:
            raise ValueError(f"a monotonic clock cannot go back by {-seconds} s")
        self._now_seconds += seconds

    def advance_to(self, time_seconds: float) -> None:
        """Move forward to an absolute reading.

        Raises:
            ValueError: The reading lies in the past.
        """
        self.advance(time_seconds - self._now_seconds)
