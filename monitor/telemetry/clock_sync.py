"""Whether the wall clock that labels alerts can be trusted: disciplined by a time service, and not stepped lately."""

import ctypes
import sys

from monitor.clock import Clock

__all__ = ["StepDetector", "is_synchronised"]

_TIME_ERROR = 5
# Larger than `struct timex` of any Linux; all zero asks to read and changes nothing.
_TIMEX_BYTES = 512


def is_synchronised() -> bool | None:
    """Return whether the kernel says that a time service disciplines its clock, None where it cannot be asked.

    Source: adjtimex(2), whose return value TIME_ERROR means "clock not synchronised".
    """
    if sys.platform != "linux":
        return None
    try:
        state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    except (OSError, AttributeError):
        return None
    return None if state < 0 else bool(state != _TIME_ERROR)


class StepDetector:
    """Notices that the wall clock was set: wall and monotonic time then drift apart at once.

    Args:
        clock: Both times.
        threshold_seconds: Smaller differences between two calls are slewing, not a step.
    """

    def __init__(self, clock: Clock, threshold_seconds: float = 1.0) -> None:
        self._clock = clock
        self._threshold_seconds = threshold_seconds
        self._offset_seconds = self._offset()

    def step_seconds(self) -> float:
        """Return by how many seconds the wall clock was stepped since the last call; 0.0 where it was not."""
        before, self._offset_seconds = self._offset_seconds, self._offset()
        change_seconds = self._offset_seconds - before
        return change_seconds if abs(change_seconds) >= self._threshold_seconds else 0.0

    def _offset(self) -> float:
        return self._clock.wall().timestamp() - self._clock.monotonic()
