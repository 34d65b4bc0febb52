"""Whether a picture that comes still shows the present: frozen, dark and covered pictures.

A hung sensor, a stuck encoder or a paused recorder keeps sending valid frames with new time stamps. Real pictures
never stand still: the sensor's noise and a breathing infant leave traces even after heavy compression. Three measures,
on a coarse grid of full-resolution pixels, tell them apart; any of them says "frozen". They were chosen on stills that
were encoded again at 200 kbit/s to 3 Mbit/s, with and without a sensor's noise in them, against a sleeping infant
denoised and compressed until the blocks showed, and against an empty synthetic cot:

- `_Reference`: the picture stays close to the first one of the run. Clean stills hold for ever; the sleeping infant
  for at most 2 s at a time.
- `_Steps`: most steps from one picture to the next change nothing at all. Catches stills of poor encoders whose key
  frames pump.
- `_Averages`: the mean picture of the last 2 s equals that of 6 s before. Catches noisy stills, whose encoding never
  settles but always swings around the same picture.

Differences are clipped, so that a running clock burnt into the picture does not hide a frozen one. A noisy still at
less than about 800 kbit/s is not told from a live scene, and a scene in which nothing moves at all, before a camera
whose noise is below about 1.2 levels of luma (an empty cot, a very good camera), counts as frozen.
"""

from collections import deque
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["PictureCheck", "luma_grid"]

_GRID_ROWS = 72
_GRID_COLUMNS = 128
_CLIP_LEVELS = 4
_CHANGED_LEVELS = 2
_NEW_PICTURE_LEVELS = 2.0
_CONFIRM_SECONDS = 3.0

_REFERENCE_SHARE = 0.01
_REFERENCE_MEAN_LEVELS = 0.3
_STEP_MEAN_LEVELS = 0.004
_STEP_WINDOW = 9
_BLOCK_SECONDS = 1.0
_BLOCKS = 8
_BLOCKS_COMPARED = 2
_BLOCK_PICTURE_SECONDS = 0.19
_AVERAGE_SHARE = 0.005
_AVERAGE_MEAN_LEVELS = 0.43

_DARK_MEAN_LEVEL = 20.0
_DARK_HIGH_LEVEL = 45.0
_COVERED_SPREAD_LEVELS = 8.0


_Grid = NDArray[np.int16] | NDArray[np.float32]


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
        self._previous: NDArray[np.int16] | None = None
        self._measures: tuple[_Measure, ...] = ()
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
        previous, self._previous = self._previous, grid
        new_scene = (
            previous is None or previous.shape != grid.shape or _mean_change(grid, previous) > _NEW_PICTURE_LEVELS
        )
        if new_scene or previous is None:
            self._measures = (_Reference(grid, time_seconds), _Steps(), _Averages(grid, time_seconds))
        else:
            for measure in self._measures:
                measure.update(grid, previous, time_seconds)
        self._look_for_darkness(grid, time_seconds)

    @property
    def frozen_since_seconds(self) -> float | None:
        """Since when the picture has stood still; None while it changes, and within the first 3 s of standing still."""
        since = [measure.since_seconds for measure in self._measures if measure.since_seconds is not None]
        return min(since) if since and self._newest_seconds - min(since) >= _CONFIRM_SECONDS else None

    @property
    def dark_since_seconds(self) -> float | None:
        """Since when the picture has been dark, or of one grey because the lens is covered."""
        return self._dark_since_seconds

    def _look_for_darkness(self, grid: NDArray[np.int16], time_seconds: float) -> None:
        low, high = np.percentile(grid, (5, 95))
        dark = (grid.mean() < _DARK_MEAN_LEVEL and high < _DARK_HIGH_LEVEL) or high - low < _COVERED_SPREAD_LEVELS
        if not dark:
            self._dark_since_seconds = None
        elif self._dark_since_seconds is None:
            self._dark_since_seconds = time_seconds


class _Measure(Protocol):
    """One way to see that a picture stands still."""

    since_seconds: float | None

    def update(self, grid: NDArray[np.int16], previous: NDArray[np.int16], time_seconds: float) -> None: ...


class _Reference:
    """The picture stays close to the first one of the run."""

    def __init__(self, grid: NDArray[np.int16], time_seconds: float) -> None:
        self._first = grid
        self.since_seconds: float | None = time_seconds

    def update(self, grid: NDArray[np.int16], previous: NDArray[np.int16], time_seconds: float) -> None:
        del previous
        if not _equal(grid, self._first, _REFERENCE_SHARE, _REFERENCE_MEAN_LEVELS):
            self._first, self.since_seconds = grid, time_seconds


class _Steps:
    """Most steps change nothing."""

    def __init__(self) -> None:
        self._steps: deque[float] = deque(maxlen=_STEP_WINDOW)
        self.since_seconds: float | None = None

    def update(self, grid: NDArray[np.int16], previous: NDArray[np.int16], time_seconds: float) -> None:
        self._steps.append(_mean_change(grid, previous))
        if len(self._steps) < _STEP_WINDOW or float(np.median(self._steps)) >= _STEP_MEAN_LEVELS:
            self.since_seconds = None
        elif self.since_seconds is None:
            self.since_seconds = time_seconds


class _Averages:
    """The mean picture of the last two blocks of a second equals that of the two oldest ones."""

    def __init__(self, grid: NDArray[np.int16], time_seconds: float) -> None:
        self._blocks: deque[tuple[float, NDArray[np.float32]]] = deque(maxlen=_BLOCKS)
        self._sum = grid.astype(np.int32)
        self._count = 1
        self._block_seconds = self._picture_seconds = time_seconds
        self.since_seconds: float | None = None

    def update(self, grid: NDArray[np.int16], previous: NDArray[np.int16], time_seconds: float) -> None:
        del previous
        if time_seconds - self._block_seconds >= _BLOCK_SECONDS:
            self._blocks.append((self._block_seconds, (self._sum / self._count).astype(np.float32)))
            self._begin(grid, time_seconds)
            self._compare()
        elif time_seconds - self._picture_seconds >= _BLOCK_PICTURE_SECONDS:
            # More pictures a second would average the noise of a live scene away.
            self._sum += grid
            self._count += 1
            self._picture_seconds = time_seconds

    def _begin(self, grid: NDArray[np.int16], time_seconds: float) -> None:
        self._sum = grid.astype(np.int32)
        self._count = 1
        self._block_seconds = self._picture_seconds = time_seconds

    def _compare(self) -> None:
        if len(self._blocks) < _BLOCKS:
            return
        means = [mean for _, mean in self._blocks]
        old = np.mean(means[:_BLOCKS_COMPARED], axis=0)
        new = np.mean(means[-_BLOCKS_COMPARED:], axis=0)
        if not _equal(new, old, _AVERAGE_SHARE, _AVERAGE_MEAN_LEVELS):
            self.since_seconds = None
        elif self.since_seconds is None:
            self.since_seconds = self._blocks[0][0]


def _mean_change(grid: _Grid, other: _Grid) -> float:
    return float(np.minimum(np.abs(grid - other), _CLIP_LEVELS).mean())


def _equal(grid: _Grid, other: _Grid, share: float, mean_levels: float) -> bool:
    changed = float((np.abs(grid - other) > _CHANGED_LEVELS).mean())
    return changed <= share and _mean_change(grid, other) <= mean_levels
