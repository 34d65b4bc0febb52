"""A camera that is painted: pictures of a synthetic infant, at the analysed rate, on the monotonic clock."""

import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from monitor.clock import Clock
from monitor.video.address import SyntheticRequest
from monitor.video.probe import FrameTiming, PipelineProbe

__all__ = ["PaintPicture", "SyntheticFactory", "SyntheticPipeline"]

PaintPicture = Callable[[float], NDArray[np.uint8]]
"""Takes a time in seconds and returns the picture of that time: shape (height, width, 3), uint8, RGB."""

SyntheticFactory = Callable[[SyntheticRequest], PaintPicture]
"""Prepares the painter of one bed; may raise `VideoError` for a scenario that it does not know."""


class SyntheticPipeline:
    """Behaves like a media pipeline whose pictures come at the request's rate; only chosen ones are painted.

    Args:
        request: What is painted.
        probe: Measures it and chooses the pictures.
        clock: Monotonic time.
        factory: Makes the painter.
    """

    codec = "synthetic"
    decoder = "none"
    decode_errors = 0

    def __init__(
        self, request: SyntheticRequest, probe: PipelineProbe, clock: Clock, factory: SyntheticFactory
    ) -> None:
        self._period_seconds = 1.0 / request.frames_per_second
        self._paint = factory(request)
        self._clock = clock
        self._start_seconds = clock.monotonic()
        self._next_index = 0
        self.probe = probe

    def play(self) -> None:
        """Start the camera's own time."""
        self._start_seconds = self._clock.monotonic()

    def pull(self, timeout_seconds: float) -> tuple[NDArray[np.uint8], FrameTiming] | None:
        """Wait for the camera's next picture and return it, or None where it is not chosen or not due in time."""
        elapsed = self._clock.monotonic() - self._start_seconds
        wait_seconds = self._next_index * self._period_seconds - elapsed
        if wait_seconds > 0.0:
            time.sleep(min(wait_seconds, timeout_seconds))
            if wait_seconds > timeout_seconds:
                return None
        elif elapsed > (self._next_index + 1) * self._period_seconds:
            # A real camera does not wait for a slow reader either.
            self._next_index = int(elapsed / self._period_seconds)
        media_seconds = self._next_index * self._period_seconds
        self._next_index += 1
        pts_ns = int(media_seconds * 1e9)
        self.probe.encoded(pts_ns, keyframe=True)
        serial = self.probe.decoded(pts_ns, corrupt=False)
        timing = None if serial is None else self.probe.claim(serial)
        if timing is None:
            return None
        image = self._paint(media_seconds)
        image.flags.writeable = False
        return image, timing

    def check(self) -> None:
        """Nothing can fail."""

    def close(self, timeout_seconds: float) -> bool:
        """Nothing has to be freed."""
        del timeout_seconds
        return True
