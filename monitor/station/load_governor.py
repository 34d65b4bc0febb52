"""Slows all beds alike when the machine does not keep up, and brings the full rate back when it does.

Overload that nobody governs makes itself worse: late frames are decoded, converted and thrown away, faces move on
between two frames and must be searched for. So the rate of all beds is lowered together, step by step, until the
workers have a little time to spare; only when that was not enough may cameras decode their key frames alone.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

__all__ = ["TOO_SLOW_SHARE", "Load", "LoadGovernor"]

_STEP_SECONDS = 1.0
_SLOWER, _FASTER, _LITTLE_FASTER = 0.75, 1.3, 1.06
_BUSY_SHARE = 0.94
_SPARE_SHARE, _MUCH_SPARE_SHARE = 0.88, 0.75
_LATE_SECONDS, _EARLY_SECONDS = 0.6, 0.3
_SHED_AFTER_SECONDS = 3.0
TOO_SLOW_SHARE = 0.6
"""Below this share of the wanted rate the station is too slow for its beds."""


@dataclass(frozen=True, slots=True)
class Load:
    """How busy the machine is.

    Attributes:
        busy_share: Share in [0, 1] of the workers' time in which they analysed frames.
        lags_seconds: From the arrival of each playing camera's newest picture to its decoding.
    """

    busy_share: float
    lags_seconds: Sequence[float]


class LoadGovernor:
    """Chooses the highest rate at which every bed can be analysed. Thread-safe.

    Args:
        full_rate: Analysed frames per second of a bed in the ordinary case.
        least_rate: Never below this, so that the delays of the alarms hold; at most `full_rate`.
    """

    def __init__(self, full_rate: float, least_rate: float = 1.0) -> None:
        self._full_rate = full_rate
        self._least_rate = min(least_rate, full_rate)
        self._rate = full_rate
        self._updated_seconds: float | None = None
        self._least_since_seconds: float | None = None
        self._late = False
        self._lock = threading.Lock()

    @property
    def rate(self) -> float:
        """Analysed frames per second that every bed may have now."""
        with self._lock:
            return self._rate

    @property
    def full_rate(self) -> float:
        """Analysed frames per second of a bed in the ordinary case."""
        return self._full_rate

    @property
    def is_too_slow(self) -> bool:
        """Whether the machine cannot give its beds what was asked for, by a margin that people should know of."""
        with self._lock:
            return self._rate < TOO_SLOW_SHARE * self._full_rate

    def may_shed(self, now_seconds: float) -> bool:
        """Return whether a camera that lags may decode key frames only: slowing all beds was not enough, or not why."""
        with self._lock:
            since = self._least_since_seconds
            return not self._late or (since is not None and now_seconds - since >= _SHED_AFTER_SECONDS)

    def update(self, now_seconds: float, load: Load) -> None:
        """Take what was measured since the last call; call it at least once a second."""
        with self._lock:
            if self._updated_seconds is not None and now_seconds - self._updated_seconds < _STEP_SECONDS:
                return
            self._updated_seconds = now_seconds
            lag = median(load.lags_seconds) if load.lags_seconds else 0.0
            # One camera that lags alone has a decoder of its own that is too slow; most of them: the machine is.
            self._late = load.busy_share > _BUSY_SHARE or lag > _LATE_SECONDS
            if self._late:
                self._rate = max(self._least_rate, self._rate * _SLOWER)
            elif load.busy_share < _MUCH_SPARE_SHARE and lag < _EARLY_SECONDS:
                self._rate = min(self._full_rate, self._rate * _FASTER)
            elif load.busy_share < _SPARE_SHARE and lag < _EARLY_SECONDS:
                self._rate = min(self._full_rate, self._rate * _LITTLE_FASTER)
            if self._rate > self._least_rate:
                self._least_since_seconds = None
            elif self._least_since_seconds is None:
                self._least_since_seconds = now_seconds
