"""Whether anything around the patient's face moves by itself: a photograph, a doll or a screen does not.

Pictures of a still object differ by the sensor's noise, by the light and by movements of the whole picture. Those are
taken out: of every picture of the face's surroundings, averaged over cells, what a change of light, exposure or gamma,
a shift, a turn or a change of scale explains (least squares against the first picture of the zone). The noise that
remains differs from cell to cell and from picture to picture, so that no common course stands out: the largest
eigenvalue of the pictures' products stays at the edge that Marchenko and Pastur (1967, "Distribution of eigenvalues for
some sets of random matrices") give for noise alone, (sqrt(pictures) + sqrt(cells))^2. Breathing, even at a fraction of
a pixel, moves many cells in one course and lifts it.

Measured in multiples of that edge over 12 s at 5 pictures a second: a photograph with noise of 3 or 8 levels 0.8
to 1.1, with a light that swings by 6 % up to 1.5; a sleeping infant on its side at 960 x 544 px at least 40, with
8 levels of noise on top at least 13; a synthetic infant at rest more. Where pictures come more slowly, 24 s count: at
0.9 to 1 a second, the photograph 0.7 to 1.0, the sleeping infant at least 13, with noise on top at least 9.8. A camera
so noisy that breathing would not stand out is never said to show no life. What breathing changes shrinks with the
contrast, so how much noise that is depends on the zone's contrast: the sleeping infant in grey falls below the limit
for life where the noise of a cell's mean is 0.026 of the contrast, whether that is whole or 0.15 of it, an adult's face
at 0.037; nothing is said from 0.020 on. With 2 to 8 levels of noise and 1.0 to 0.15 of the contrast, at 5 pictures a
second and at one, the sleeping infant was never said to be still. Of two photographs, one was found with 8 levels of
noise at the whole contrast, 4 at a half, 2 at a quarter; a flatter one with 8, 2 and none. A shake of a third of a
pixel was not taken out well enough in trials: it counts as life.
"""

from collections import deque
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from monitor.faces.geometry import OrientedBox
from monitor.video.planar_picture import Picture, grey_part

__all__ = ["LivenessDetector"]

_CELLS = 24
_ZONE_FACES = 3.0
_ZONE_PX = 480
_SMALLEST_ZONE_PX = 3 * _CELLS
_PICTURE_SECONDS = 0.19
_GAP_SECONDS = 4.0
_WINDOW_SECONDS = 12.0
# Where too few pictures come in that time, as from a bed that is analysed less often while it is calm.
_LONG_WINDOW_SECONDS = 24.0
_FEWEST_PICTURES = 20
_MOST_PICTURES = 64
_EVALUATE_SECONDS = 3.0
# Beyond these the face is somewhere else, and the zone begins again.
_MOVED_FACES = 0.4
_GROWN = 1.5
# Of the edge, for a window of `_REFERENCE_PICTURES`; the share of movement grows with the pictures, noise does not.
_LIFE_RATIO = 5.0
_REFERENCE_PICTURES = 60
_LEAST_RATIO = 2.5
# Levels: with more noise in a cell's mean, breathing (about 0.2 levels, root mean square) would not stand out.
_NOISE_LEVELS = 0.44
# Of the zone's contrast: what breathing changes shrinks with it, as in the flat infrared picture of a dark room.
_NOISE_CONTRAST = 0.02
_ROUNDING_LEVELS = 0.02
_SATURATED_LEVEL = 225
_FEWEST_CELLS = _CELLS * _CELLS // 4

_Floats = NDArray[np.float32]


class LivenessDetector:
    """Follows the surroundings of one bed's patient face; give it each analysed frame."""

    def __init__(self) -> None:
        self._zone: _Zone | None = None
        self._newest_seconds = float("-inf")
        self._evaluated_seconds = float("-inf")
        self._window: deque[tuple[float, _Floats]] = deque(maxlen=_MOST_PICTURES)
        self._since_seconds: float | None = None

    @property
    def still_since_seconds(self) -> float | None:
        """Since when nothing has moved by itself; None while something does, or while that cannot be known."""
        return self._since_seconds

    def update(self, image: Picture, box: OrientedBox | None, time_seconds: float) -> None:
        """Take the next picture.

        Args:
            image: Shape (height, width, 3), uint8, RGB.
            box: The patient's face in it; None where none was found.
            time_seconds: Its monotonic time.
        """
        if time_seconds - self._newest_seconds > _GAP_SECONDS:
            self._forget()
        if box is None or time_seconds - self._newest_seconds < _PICTURE_SECONDS:
            return
        self._newest_seconds = time_seconds
        if self._zone is None or not self._zone.holds(image, box):
            self._forget()
            self._zone = _Zone.around(image, box)
            self._evaluated_seconds = time_seconds
        if self._zone is None:
            return
        self._window.append((time_seconds, self._zone.residual(image)))
        while time_seconds - self._window[0][0] > _LONG_WINDOW_SECONDS:
            self._window.popleft()
        if time_seconds - self._evaluated_seconds >= _EVALUATE_SECONDS:
            self._evaluated_seconds = time_seconds
            self._evaluate()

    def _forget(self) -> None:
        self._zone, self._since_seconds = None, None
        self._window.clear()

    def _evaluate(self) -> None:
        newest = self._window[-1][0]
        window = [picture for picture in self._window if newest - picture[0] <= _WINDOW_SECONDS]
        if len(window) < _FEWEST_PICTURES:
            window = list(self._window)
        began = window[0][0]
        is_known = len(window) >= _FEWEST_PICTURES and newest - began >= _WINDOW_SECONDS - _EVALUATE_SECONDS
        assert self._zone is not None  # noqa: S101 - pictures are kept of a zone only
        if not is_known or _shows_life([residual for _, residual in window], self._zone.contrast_levels):
            self._since_seconds = None
        elif self._since_seconds is None:
            self._since_seconds = began


class _Zone:
    """A fixed part of the picture, and what of its changes light and movements of the whole picture explain."""

    def __init__(self, image: Picture, box: OrientedBox, area: tuple[slice, slice]) -> None:
        self._shape, self._box, self._area = image.shape, box, area
        self._contrast_levels = 0.0
        self._step = max(1, round(max(area[0].stop - area[0].start, area[1].stop - area[1].start) / _ZONE_PX))
        grey = self._grey(image)
        first = grey.astype(np.float32)
        # Saturated cells do not follow the light.
        share = _means((grey >= _SATURATED_LEVEL).astype(np.float32)).ravel()
        self._cells = np.flatnonzero(share < 0.01)
        patterns = np.stack([_means(pattern).ravel() for pattern in _patterns(first)], axis=1)
        patterns = patterns[self._cells].astype(np.float64)
        scaled = patterns / np.maximum(np.linalg.norm(patterns, axis=0), 1e-9)
        self._basis = np.linalg.qr(scaled)[0].astype(np.float32) if self._cells.size >= _FEWEST_CELLS else None
        self._first = self._take_means(grey)

    @property
    def contrast_levels(self) -> float:
        """By how much neighbouring cells of the newest picture differ, in levels, root mean square."""
        return self._contrast_levels

    @classmethod
    def around(cls, image: Picture, box: OrientedBox) -> "_Zone | None":
        """Return the zone of a face; None where too little of it lies in the picture or is exposed well."""
        half = 0.5 * _ZONE_FACES * box.size_px
        height, width = image.shape[:2]
        top, bottom = max(0, int(box.center_y_px - half)), min(height, int(box.center_y_px + half))
        left, right = max(0, int(box.center_x_px - half)), min(width, int(box.center_x_px + half))
        if min(bottom - top, right - left) < _SMALLEST_ZONE_PX:
            return None
        zone = cls(image, box, (slice(top, bottom), slice(left, right)))
        return None if zone._basis is None else zone

    def holds(self, image: Picture, box: OrientedBox) -> bool:
        """Whether a face is still where the zone was laid."""
        return (
            image.shape == self._shape
            and box.distance_px(self._box) <= _MOVED_FACES * self._box.size_px
            and 1.0 / _GROWN <= box.size_px / self._box.size_px <= _GROWN
        )

    def residual(self, image: Picture) -> _Floats:
        """Return the change of each cell since the first picture, in levels, less what the basis explains."""
        change = self._take_means(self._grey(image)) - self._first
        assert self._basis is not None  # noqa: S101 - see `around`
        return np.asarray(change - self._basis @ (change @ self._basis), dtype=np.float32)

    def _take_means(self, grey: NDArray[np.uint8]) -> _Floats:
        """Return the means of the usable cells, and note their contrast: it falls when the room is darkened."""
        means = _means(grey)
        down, across = np.gradient(means)
        self._contrast_levels = float(np.sqrt(np.mean((down**2 + across**2).ravel()[self._cells])))
        return np.asarray(means.ravel()[self._cells], dtype=np.float32)

    def _grey(self, image: Picture) -> NDArray[np.uint8]:
        rows, columns = (slice(axis.start, axis.stop, self._step) for axis in self._area)
        grey: NDArray[Any] = grey_part(image, (rows, columns))
        # OpenCV halves whole numbers many times as fast as it averages areas; what that rounds cancels in the means.
        while min(grey.shape) >= 8 * _CELLS:
            height, width = grey.shape[0] // 2, grey.shape[1] // 2
            grey = cv2.resize(grey[: 2 * height, : 2 * width], (width, height), interpolation=cv2.INTER_AREA)
        return np.asarray(grey, dtype=np.uint8)


def _patterns(first: _Floats) -> list[_Floats]:
    """Return what changes of light and movements of the whole picture add to it, in first and second order."""
    smooth = np.asarray(cv2.GaussianBlur(first, (0, 0), 1.5), dtype=np.float32)
    down, across = np.gradient(smooth)
    down_down, down_across = np.gradient(down)
    across_across = np.gradient(across, axis=1)
    y, x = (
        axis.astype(np.float32)
        for axis in np.meshgrid(
            np.linspace(-1.0, 1.0, first.shape[0]), np.linspace(-1.0, 1.0, first.shape[1]), indexing="ij"
        )
    )
    unit = first / 255.0
    light = [np.ones_like(first), unit, unit**2, unit**3, unit * x, unit * y, x, y]
    shift = [across, down, across_across, down_down, down_across, x * across, y * down, x * down, y * across]
    return [np.asarray(pattern, dtype=np.float32) for pattern in (*light, *shift)]


def _means(picture: NDArray[np.uint8] | _Floats) -> _Floats:
    """Return the means of cells; in steps of whole numbers they would hide changes, so never rounded."""
    values = picture.astype(np.float32)
    return np.asarray(cv2.resize(values, (_CELLS, _CELLS), interpolation=cv2.INTER_AREA), dtype=np.float32)


def _shows_life(residuals: Sequence[_Floats], contrast_levels: float) -> bool:
    """Return whether many cells change in one course, or whether noise hides whether they do."""
    changes = np.stack(residuals)
    changes -= changes.mean(axis=0)
    steps = np.diff(changes, axis=0)
    noise = float(np.sqrt(np.median(np.mean(steps * steps, axis=0)) / 2.0))
    # Even a picture without noise is rounded.
    scale = (noise + _ROUNDING_LEVELS) ** 2
    if noise > _NOISE_LEVELS or scale > (_NOISE_CONTRAST * contrast_levels) ** 2:
        return True
    count, cells = changes.shape
    largest = float(np.linalg.eigvalsh(changes @ changes.T)[-1]) / scale
    edge = (count**0.5 + cells**0.5) ** 2
    return bool(largest / edge >= max(_LEAST_RATIO, _LIFE_RATIO * count / _REFERENCE_PICTURES))
