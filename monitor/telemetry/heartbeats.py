"""Whether every loop of the program still turns."""

import threading
from dataclasses import dataclass

from monitor.clock import Clock

__all__ = ["Heartbeats"]


@dataclass(slots=True)
class _Loop:
    limit_seconds: float
    last_seconds: float


class Heartbeats:
    """Remembers when each loop last turned; the watchdog is fed only while none is late.

    Args:
        clock: Source of monotonic time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._loops: dict[str, _Loop] = {}

    def expect(self, name: str, limit_seconds: float) -> None:
        """Expect a loop to beat at least every `limit_seconds` from now on."""
        with self._lock:
            self._loops[name] = _Loop(limit_seconds, self._clock.monotonic())

    def forget(self, name: str) -> None:
        """Expect nothing of a loop that has ended as it should."""
        with self._lock:
            self._loops.pop(name, None)

    def beat(self, name: str) -> None:
        """Say that a loop has turned."""
        with self._lock:
            loop = self._loops.get(name)
            if loop is not None:
                loop.last_seconds = self._clock.monotonic()

    def late(self) -> list[str]:
        """Return the loops that have not turned in time, by name."""
        now = self._clock.monotonic()
        with self._lock:
            return sorted(name for name, loop in self._loops.items() if now - loop.last_seconds > loop.limit_seconds)
