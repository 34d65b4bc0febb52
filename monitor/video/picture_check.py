"""Whether a picture that comes still shows the present: frozen, dark and covered pictures.

A hung sensor, a stuck encoder or a paused recorder keeps sending valid frames with new time stamps. Real pictures
never stand still: the sensor's noise and a breathing infant leave traces even after heavy compression. Two measures
were found to tell them apart, on a coarse grid of full-resolution pixels, over re-encoded stills from 200 kbit/s to
3 Mbit/s and over a sleeping infant denoised and compressed until the blocks showed:

- the picture stays close to the first one of the run: re-encoded stills of 800 kbit/s and more hold for ever, the
  sleeping infant for at most 2 s at a time;
- most steps from one picture to the next change nothing at all, which catches poor encoders whose key frames pump.

Differences are clipped, so that a running clock burnt into the picture does not hide a frozen one.
"""

from collections import deque

import numpy as np
from numpy.typing import NDArray

__all__ = ["PictureCheck", "luma_grid"]

_GRID_ROWS = 72
_GRID_COLUMNS = 128
_CLIP_LEVELS = 4
_CHANGED_LEVELS = 2
_SAME_SHARE = 0.01
_SAME_MEAN_LEVELS = 0.3
_STEP_MEAN_LEVELS = 0.004
_STEP_WINDOW = 9
_CONFIRM_SECONDS = 3.0

_DARK_MEAN_LEVEL = 20.0
_DARK_HIGH_LEVEL = 45.0
_COVERED_SPREAD_LEVELS = 8.0


def luma_grid(image: NDArray[np.uint8]) -> NDArray[np.int16]:
    """Return the luma of single pixels on a coarse grid.

    Args:
        image: Shape (height, width, 3), uint8, RGB.

    Returns:
        Shape (rows, columns), about 72 x 128 for large pictures; levels in [0, 255], weights of ITU-R BT.601.
    """
    step_y, step_x = max(image.shape[0] // _GRID_ROWS, 1), max(image.shape[1] // _GRID_COLUMNS, 1)
    grid = image[step_y // 2 :: step_y, step_x // 2 :: step_x].astype(np.int32)
    return ((grid @ np.array([77, 150, 29], dtype=np.int32)) >> 8).astype(np.int16)


class PictureCheck:
    """Follows one camera's pictures; give it each frame that is handed on."""

    def __init__(self) -> None:
        self._reference: NDArray[np.int16] | None = None
        self._reference_seconds = 0.0
        self._previous: NDArray[np.int16] | None = None
        self._steps: deque[float] = deque(maxlen=_STEP_WINDOW)
        self._still_since_seconds: float | None = None
        self._newest_seconds = 0.0
        self._dark_since_seconds: float | None = None

    def update(self, image: NDArray[np.uint8], time_seconds: float) -> None:
        """Look at the next picture.

        Args:
            image: Shape (height, width, 3), uint8, RGB.
            time_seconds: Its monotonic time.
        """
        grid = luma_grid(image)
        self._newest_seconds = time_seconds
        self._look_for_change(grid, time_seconds)
        self._look_for_darkness(grid, time_seconds)

    def reset(self) -> None:
        """Forget everything: the source was opened anew."""
        self.__init__()  # type: ignore[misc] # the same state as a new object, by the same code

    @property
    def frozen_since_seconds(self) -> float | None:
        """Since when the picture has stood still; None while it changes, and within the first 3 s of standing still."""
        if self._reference is None:
            return None
        since = self._reference_seconds
        if self._still_since_seconds is not None:
            since = min(since, self._still_since_seconds)
        return since if self._newest_seconds - since >= _CONFIRM_SECONDS else None

    @property
    def dark_since_seconds(self) -> float | None:
        """Since when the picture has been dark, or of one grey because the lens is covered."""
        return self._dark_since_seconds

    def _look_for_change(self, grid: NDArray[np.int16], time_seconds: float) -> None:
        previous, self._previous = self._previous, grid
        if self._reference is None or previous is None or self._reference.shape != grid.shape:
            self._reference, self._reference_seconds = grid, time_seconds
            self._steps.clear()
            self._still_since_seconds = None
            return
        if not _same(grid, self._reference):
            self._reference, self._reference_seconds = grid, time_seconds
        self._steps.append(_mean_change(grid, previous))
        window_full = len(self._steps) == _STEP_WINDOW
        if window_full and float(np.median(self._steps)) < _STEP_MEAN_LEVELS:
            if self._still_since_seconds is None:
                self._still_since_seconds = time_seconds
        else:
            self._still_since_seconds = None

    def _look_for_darkness(self, grid: NDArray[np.int16], time_seconds: float) -> None:
        low, high = np.percentile(grid, (5, 95))
        dark = (grid.mean() < _DARK_MEAN_LEVEL and high < _DARK_HIGH_LEVEL) or high - low < _COVERED_SPREAD_LEVELS
        if not dark:
            self._dark_since_seconds = None
        elif self._dark_since_seconds is None:
            self._dark_since_seconds = time_seconds


def _mean_change(grid: NDArray[np.int16], other: NDArray[np.int16]) -> float:
    return float(np.minimum(np.abs(grid - other), _CLIP_LEVELS).mean())


def _same(grid: NDArray[np.int16], other: NDArray[np.int16]) -> bool:
    share = float((np.abs(grid - other) > _CHANGED_LEVELS).mean())
    return share <= _SAME_SHARE and _mean_change(grid, other) <= _SAME_MEAN_LEVELS
