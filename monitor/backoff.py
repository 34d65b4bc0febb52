"""Waiting times between attempts to reach a camera or a server that is away."""

from collections.abc import Callable
from secrets import SystemRandom

__all__ = ["Backoff"]

# A larger exponent would overflow the power after months of attempts; every cap is reached long before.
_LARGEST_EXPONENT = 64


class Backoff:
    """Exponential back-off with a cap and jitter, indefinitely. Not thread-safe: each owner has one of its own.

    The cap is low on purpose: one attempt every second or two costs nothing, and a camera that returns after a night
    is seen again within three seconds. Jitter keeps the beds of a ward from reconnecting at the same moment after a
    switch has been restarted.

    Args:
        first_seconds: Longest wait before the first retry; above 0.
        cap_seconds: Longest wait of all.
        factor: Growth from one attempt to the next; above 1.
        jitter: Returns numbers in [0, 1).
    """

    def __init__(
        self,
        first_seconds: float = 0.2,
        cap_seconds: float = 2.0,
        factor: float = 1.8,
        jitter: Callable[[], float] | None = None,
    ) -> None:
        self._first_seconds = first_seconds
        self._cap_seconds = cap_seconds
        self._factor = factor
        self._jitter = jitter if jitter is not None else SystemRandom().random
        self._attempts = 0

    def next_seconds(self, cap_seconds: float | None = None) -> float:
        """Return the wait before the next attempt: between one half and the whole of the present step.

        Args:
            cap_seconds: A cap for this wait alone, for example to spare a camera that locks accounts out.
        """
        cap = self._cap_seconds if cap_seconds is None else cap_seconds
        step = min(cap, self._first_seconds * self._factor ** min(self._attempts, _LARGEST_EXPONENT))
        self._attempts += 1
        return step * (0.5 + 0.5 * self._jitter())

    def reset(self) -> None:
        """Start again with the shortest wait, after an attempt that succeeded."""
        self._attempts = 0
