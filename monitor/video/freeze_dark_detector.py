"""Whether a picture that comes still shows the present: frozen, dark and covered pictures.

A hung sensor, a stuck encoder or a paused recorder goes on sending valid frames with new time stamps. Real pictures
never stand still: the sensor's noise and a breathing infant leave traces even after heavy compression. Four measures
distinguish them, three on a coarse grid of full-resolution pixels; any of them reports "frozen". They were chosen on
stills that were encoded again at 150 kbit/s to 3 Mbit/s, with and without a sensor's noise in them, against a sleeping
infant denoised and compressed until the blocks showed, other real clips down to 60 kbit/s, and an empty synthetic cot:

- `_Reference`: the picture stays close to the first one of the run. Clean stills hold indefinitely; the sleeping infant
  for at most 2 s at a time.
- `_Steps`: most steps from one picture to the next change nothing at all. Catches stills of poor encoders whose key
  frames pump.
- `_Averages`: the mean picture of the last 2 s equals that of 6 s before. Catches noisy stills, whose encoding never
  settles but always swings around the same picture.
- `_Shapes`: the same for means over areas, in which an encoder's errors nearly cancel and a breathing chest does not.
  Only while few pixels change from picture to picture, for a sensor's noise would cancel, too. Catches noisy stills
  of low rates. Stills of real clips at 480 x 270 px and 400 kbit/s differ by 0.16 levels on average and 0.9 in the
  hundredth part that differs most; the sleeping infant by at least 0.46 and 1.6.

Differences are clipped, so that a running clock burnt into the picture does not hide a frozen one. A noisy still at
less than about 150 kbit/s is not distinguished from a live scene, and a scene in which nothing moves at all, before a
camera whose noise is below about 1.2 levels of luma (an empty cot, a very good camera), counts as frozen.
"""

import statistics
from collections import deque
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from monitor.video.planar_picture import Picture, grey_means, grey_part

__all__ = ["FROZEN_GAP_SECONDS", "FreezeDarkDetector", "luma_grid"]

FROZEN_GAP_SECONDS = 8.0
"""Time without pictures between two connections through which a still picture counts on."""

_GRID_ROWS = 72
_GRID_COLUMNS = 128
_CLIP_LEVELS = 4
_CHANGED_LEVELS = 2
_NEW_PICTURE_LEVELS = 2.0
_CONFIRM_SECONDS = 3.0
# A new connection may begin with other pictures (black, a slate) before it shows the old one again.
_SETTLE_SECONDS = 1.5
_GAPS = 32

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

_AREA_ROWS = 36
_AREA_COLUMNS = 64
_AREA_BLOCKS = 7
_AREA_MEAN_LEVELS = 0.28
_AREA_HIGH_LEVELS = 1.2
_AREA_HIGH_PERCENTILE = 99.0
_QUIET_STEPS = 20
_QUIET_PERCENTILE = 25.0
_QUIET_LEVELS = 0.32

_DARK_MEAN_LEVEL = 20.0
_DARK_HIGH_LEVEL = 45.0
_COVERED_SPREAD_LEVELS = 8.0


_Grid = NDArray[np.int16] | NDArray[np.float32]


def luma_grid(image: Picture) -> NDArray[np.int16]:
    """Return the luma of single pixels on a coarse grid.

    Args:
        image: Shape (height, width, 3), uint8, RGB.

    Returns:
        Shape (rows, columns), about 72 x 128 for large pictures; levels in [0, 255], weights of ITU-R BT.601.
    """
    step_y, step_x = max(image.shape[0] // _GRID_ROWS, 1), max(image.shape[1] // _GRID_COLUMNS, 1)
    return grey_part(image, (slice(step_y // 2, None, step_y), slice(step_x // 2, None, step_x))).astype(np.int16)


def _area_means(image: Picture) -> NDArray[np.float32]:
    """Return the luma of area means, at most 36 x 64 of them; levels in [0, 255]."""
    return grey_means(image, min(_AREA_ROWS, image.shape[0]), min(_AREA_COLUMNS, image.shape[1]))


class FreezeDarkDetector:
    """Follows one camera's pictures; give it each frame that is handed on."""

    def __init__(self) -> None:
        self._previous: NDArray[np.int16] | None = None
        self._measures: tuple[_Measure, ...] = ()
        self._shapes = _Shapes()
        self._newest_seconds = 0.0
        self._dark_since_seconds: float | None = None
        self._remembered: _Run | None = None
        self._disconnected_seconds: float | None = None
        self._connected_seconds = 0.0
        self._gaps: deque[tuple[float, float]] = deque(maxlen=_GAPS)

    def disconnect(self) -> None:
        """Note that the connection ended: the next picture comes from another one, which may show the same still."""
        # A picture dark before and after need not have been dark between.
        self._dark_since_seconds = None
        if self._disconnected_seconds is None and self._previous is not None:
            self._remembered = _Run(self._previous, self._measures, self._shapes)
            self._disconnected_seconds = self._newest_seconds

    def update(self, image: Picture, time_seconds: float) -> None:
        """Analyse the next picture.

        Args:
            image: Shape (height, width, 3), uint8, RGB.
            time_seconds: Its monotonic time.
        """
        grid = luma_grid(image)
        if self._disconnected_seconds is not None:
            self._reconnect(time_seconds)
        self._resume(grid, time_seconds)
        self._newest_seconds = time_seconds
        previous, self._previous = self._previous, grid
        step_levels = None if previous is None or previous.shape != grid.shape else _mean_change(grid, previous)
        if step_levels is None or step_levels > _NEW_PICTURE_LEVELS:
            self._measures = (_Reference(grid, time_seconds), _Steps(), _Averages(grid, time_seconds))
            self._shapes = _Shapes()
        else:
            for measure in self._measures:
                measure.update(grid, step_levels, time_seconds)
            self._shapes.update(image, step_levels, time_seconds)
        self._detect_dark(grid, time_seconds)

    def _reconnect(self, time_seconds: float) -> None:
        assert self._disconnected_seconds is not None  # noqa: S101 - checked by the caller
        if time_seconds - self._disconnected_seconds > FROZEN_GAP_SECONDS:
            self._previous = self._remembered = None
        self._gaps.append((time_seconds, time_seconds - self._disconnected_seconds))
        self._disconnected_seconds = None
        self._connected_seconds = time_seconds

    def _resume(self, grid: NDArray[np.int16], time_seconds: float) -> None:
        """Go on with what was remembered of the connection before where the picture is as it was then."""
        run = self._remembered
        if run is None:
            return
        if time_seconds - self._connected_seconds > _SETTLE_SECONDS:
            self._remembered = None
        elif self._measures is run.measures:
            return
        elif run.grid.shape == grid.shape and _mean_change(grid, run.grid) <= _NEW_PICTURE_LEVELS:
            self._previous, self._measures, self._shapes = run.grid, run.measures, run.shapes

    @property
    def frozen_since_seconds(self) -> float | None:
        """Since when the picture has stood still; None while it changes, and within the first 3 s of standing still."""
        all_since = [*(measure.since_seconds for measure in self._measures), self._shapes.since_seconds]
        since = [seconds for seconds in all_since if seconds is not None]
        if not since:
            return None
        # Nobody saw the picture stand still between two connections: that time does not confirm it.
        gaps_seconds = sum(length for end, length in self._gaps if end > min(since))
        return min(since) if self._newest_seconds - min(since) - gaps_seconds >= _CONFIRM_SECONDS else None

    @property
    def dark_since_seconds(self) -> float | None:
        """Since when the picture has been dark, or of one grey because the lens is covered."""
        return self._dark_since_seconds

    def _detect_dark(self, grid: NDArray[np.int16], time_seconds: float) -> None:
        low, high = _percentiles(grid, 5.0, 95.0)
        dark = (grid.mean() < _DARK_MEAN_LEVEL and high < _DARK_HIGH_LEVEL) or high - low < _COVERED_SPREAD_LEVELS
        if not dark:
            self._dark_since_seconds = None
        elif self._dark_since_seconds is None:
            self._dark_since_seconds = time_seconds


@dataclass(frozen=True, slots=True)
class _Run:
    """What a connection that ended has shown: its last picture, and the measures of its standing still."""

    grid: NDArray[np.int16]
    measures: "tuple[_Measure, ...]"
    shapes: "_Shapes"


class _Measure(Protocol):
    """One way to see that a picture stands still."""

    since_seconds: float | None

    def update(self, grid: NDArray[np.int16], step_levels: float, time_seconds: float) -> None: ...


class _Reference:
    """The picture stays close to the first one of the run."""

    def __init__(self, grid: NDArray[np.int16], time_seconds: float) -> None:
        self._first = grid
        self.since_seconds: float | None = time_seconds

    def update(self, grid: NDArray[np.int16], step_levels: float, time_seconds: float) -> None:
        del step_levels
        if not _equal(grid, self._first, _REFERENCE_SHARE, _REFERENCE_MEAN_LEVELS):
            self._first, self.since_seconds = grid, time_seconds


class _Steps:
    """Most steps change nothing."""

    def __init__(self) -> None:
        self._steps: deque[float] = deque(maxlen=_STEP_WINDOW)
        self.since_seconds: float | None = None

    def update(self, grid: NDArray[np.int16], step_levels: float, time_seconds: float) -> None:
        del grid
        self._steps.append(step_levels)
        if len(self._steps) < _STEP_WINDOW or statistics.median(self._steps) >= _STEP_MEAN_LEVELS:
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

    def update(self, grid: NDArray[np.int16], step_levels: float, time_seconds: float) -> None:
        del step_levels
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


class _Shapes:
    """Means over areas and seconds do not change, and pictures hardly do from one to the next."""

    def __init__(self) -> None:
        self._steps: deque[float] = deque(maxlen=_QUIET_STEPS)
        self._blocks: deque[tuple[float, NDArray[np.float32]]] = deque(maxlen=_AREA_BLOCKS)
        self._block: list[NDArray[np.float32]] = []
        self._block_seconds = self._picture_seconds = float("-inf")
        self.since_seconds: float | None = None

    def update(self, image: Picture, step_levels: float, time_seconds: float) -> None:
        """Analyse the next picture; `step_levels` is its mean change from the one before."""
        if time_seconds - self._picture_seconds < _BLOCK_PICTURE_SECONDS:
            return
        self._picture_seconds = time_seconds
        self._steps.append(step_levels)
        if time_seconds - self._block_seconds >= _BLOCK_SECONDS:
            if self._block:
                self._blocks.append((self._block_seconds, np.mean(self._block, axis=0, dtype=np.float32)))
                self._compare()
            self._block, self._block_seconds = [], time_seconds
        self._block.append(_area_means(image))

    def _compare(self) -> None:
        if not self._is_still():
            self.since_seconds = None
        elif self.since_seconds is None:
            self.since_seconds = self._blocks[0][0]

    def _is_still(self) -> bool:
        if len(self._blocks) < _AREA_BLOCKS or len(self._steps) < _QUIET_STEPS:
            return False
        if float(np.percentile(self._steps, _QUIET_PERCENTILE)) > _QUIET_LEVELS:
            return False
        means = [mean for _, mean in self._blocks]
        change = np.abs(np.mean(means[-_BLOCKS_COMPARED:], axis=0) - np.mean(means[:_BLOCKS_COMPARED], axis=0))
        high = float(np.percentile(change, _AREA_HIGH_PERCENTILE))
        return float(change.mean()) <= _AREA_MEAN_LEVELS and high <= _AREA_HIGH_LEVELS


def _percentiles(levels: NDArray[np.int16], *ranks: float) -> tuple[float, ...]:
    """Return percentiles by counting, which is several times as fast as sorting so few different levels.

    Args:
        levels: Of any shape, in [0, 255].
        ranks: In [0, 100].

    Returns:
        The nearest levels from below.
    """
    counts = np.cumsum(np.bincount(levels.ravel(), minlength=1))
    return tuple(float(np.searchsorted(counts, rank / 100.0 * levels.size)) for rank in ranks)


def _mean_change(grid: _Grid, other: _Grid) -> float:
    return float(np.minimum(np.abs(grid - other), _CLIP_LEVELS).mean())


def _equal(grid: _Grid, other: _Grid, share: float, mean_levels: float) -> bool:
    changed = float((np.abs(grid - other) > _CHANGED_LEVELS).mean())
    return changed <= share and _mean_change(grid, other) <= mean_levels
