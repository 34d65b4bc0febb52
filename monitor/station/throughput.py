"""How many frames of each bed were analysed lately, and whether that is enough."""

import threading
from collections import deque

__all__ = ["Throughput"]


class Throughput:
    """Counts analysed frames over a sliding window. Thread-safe; memory is bounded by the analysed rate.

    Args:
        window_seconds: Length of the window.
        maximum_rate: Frames per second that are stored at most.
    """

    def __init__(self, window_seconds: float = 10.0, maximum_rate: float = 60.0) -> None:
        self._window_seconds = window_seconds
        self._maximum = int(window_seconds * maximum_rate) + 1
        self._times: dict[str, deque[float]] = {}
        self._total = 0
        self._lock = threading.Lock()

    @property
    def total(self) -> int:
        """Frames of all beds since the start."""
        with self._lock:
            return self._total

    def add(self, bed: str, now_seconds: float) -> None:
        """Count one frame."""
        with self._lock:
            self._total += 1
            self._times.setdefault(bed, deque(maxlen=self._maximum)).append(now_seconds)

    def rate(self, bed: str, now_seconds: float) -> float:
        """Return analysed frames per second over the window that ends now."""
        with self._lock:
            times = self._times.get(bed, deque())
            while times and now_seconds - times[0] > self._window_seconds:
                times.popleft()
            return len(times) / self._window_seconds

    def total_rate(self, now_seconds: float) -> float:
        """Return analysed frames per second of all beds together over the window that ends now."""
        with self._lock:
            beds = list(self._times)
        return sum(self.rate(bed, now_seconds) for bed in beds)

    def last_seconds(self, bed: str) -> float | None:
        """Return when the bed's newest frame was analysed, None before the first."""
        with self._lock:
            times = self._times.get(bed)
            return times[-1] if times else None
