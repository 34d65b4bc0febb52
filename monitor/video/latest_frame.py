"""The newest frame of one camera, waiting for a worker."""

import threading
from collections.abc import Callable

from monitor.video.frame import Frame

__all__ = ["LatestFrame"]


class LatestFrame:
    """Holds one frame; a newer one replaces it, so that a slow worker always sees the present.

    Args:
        listener: Called after every put, from the camera's thread; it must return at once. A scheduler that serves
            several cameras is woken by it.
    """

    def __init__(self, listener: Callable[[], None] | None = None) -> None:
        self._condition = threading.Condition()
        self._frame: Frame | None = None
        self._superseded = 0
        self._listener = listener

    def put(self, frame: Frame) -> None:
        """Offer a frame; one that still waits is dropped and counted."""
        with self._condition:
            if self._frame is not None:
                self._superseded += 1
            self._frame = frame
            self._condition.notify()
        if self._listener is not None:
            self._listener()

    def take(self, timeout_seconds: float = 0.0) -> Frame | None:
        """Return the newest frame, which is then taken.

        Args:
            timeout_seconds: How long to wait for one; 0 does not wait.

        Returns:
            None where no frame came in time.
        """
        with self._condition:
            if self._frame is None and timeout_seconds > 0.0:
                self._condition.wait_for(lambda: self._frame is not None, timeout_seconds)
            frame, self._frame = self._frame, None
            return frame

    def clear(self) -> None:
        """Drop a waiting frame without counting it: its camera has been lost or stopped."""
        with self._condition:
            self._frame = None

    @property
    def waiting_since_seconds(self) -> float | None:
        """The time stamp of the frame that waits, or None."""
        with self._condition:
            return None if self._frame is None else self._frame.time_seconds

    @property
    def superseded(self) -> int:
        """How many frames were replaced before they were taken."""
        with self._condition:
            return self._superseded
