"""Slows down clients that guess passwords, in bounded memory."""

from collections import OrderedDict
from dataclasses import dataclass

from monitor.clock import Clock

__all__ = ["LoginThrottle"]

_FREE_TRIALS = 5
_LONGEST_BY_ADDRESS_SECONDS = 300.0
# Shorter, so that a stranger who guesses at a nurse's name cannot keep the nurse out.
_LONGEST_BY_NAME_SECONDS = 30.0
_FORGET_SECONDS = 3600.0
_MAXIMUM_KEYS = 10_000


@dataclass(slots=True)
class _Record:
    failures: int
    last_seconds: float


class LoginThrottle:
    """After five failures each further one doubles the wait, for the address and for the name.

    Args:
        clock: Source of monotonic time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._records: OrderedDict[tuple[str, str], _Record] = OrderedDict()

    def wait_seconds(self, name: str, address: str) -> float:
        """Return how long to wait before the next trial; 0 when it may be made now."""
        return max(
            self._wait(("address", address), _LONGEST_BY_ADDRESS_SECONDS),
            self._wait(("name", name), _LONGEST_BY_NAME_SECONDS),
        )

    def fail(self, name: str, address: str) -> None:
        """Note a trial with a wrong secret."""
        now_seconds = self._clock.monotonic()
        for key in (("address", address), ("name", name)):
            record = self._records.pop(key, None)
            if record is None or now_seconds - record.last_seconds > _FORGET_SECONDS:
                record = _Record(0, now_seconds)
            self._records[key] = _Record(record.failures + 1, now_seconds)
        while len(self._records) > _MAXIMUM_KEYS:
            self._records.popitem(last=False)

    def succeed(self, name: str, address: str) -> None:
        """Forget the failures of somebody who is in."""
        self._records.pop(("address", address), None)
        self._records.pop(("name", name), None)

    def _wait(self, key: tuple[str, str], longest_seconds: float) -> float:
        record = self._records.get(key)
        if record is None or record.failures < _FREE_TRIALS:
            return 0.0
        delay_seconds = min(longest_seconds, 2.0 ** min(record.failures - _FREE_TRIALS, 30))
        return max(0.0, record.last_seconds + delay_seconds - self._clock.monotonic())
