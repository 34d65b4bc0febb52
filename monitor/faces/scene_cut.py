"""What changed in the scene: everything, as when the camera was moved, or something beside the patient's face."""

import cv2
import numpy as np
from numpy.typing import NDArray

from monitor.faces.geometry import OrientedBox
from monitor.video.planar_picture import Picture, grey_part

__all__ = ["SceneChangeDetector", "SceneCutDetector", "scene_cells"]

_CELLS = 24
_LEAST_CORRELATION = 0.5
"""Between two pictures of one scene, 0.2 s to 1 s apart, the correlation of their thumbnails stays far above this."""
_LEAST_CONTRAST = 2.0
"""Standard deviation in grey levels below which a picture has no scene to compare."""
_CHANGED_SHARE = 0.2
"""Of the scene's contrast, by which a cell of another content differs. Of five calm synthetic infants in 720p with a
sensor's noise of 3 levels, three change something beside their faces in 1 to 3 frames of 60, those that move more in 11
and 22; a carer who leans in changes cells by more than the contrast itself."""
_MIDDLE = (0.15, 0.85)
_MIDDLE_SIGMA = 1.25
"""Of either half of a normal distribution, between those shares of it, in standard deviations of the whole."""
_FACE_MARGIN = 0.3
"""Of the patient's face: in the disc that reaches so far beyond its box the face itself changes the picture. A square
would hide another face in its corners, cheek to cheek."""


def scene_cells(
    image: Picture, left: int = 0, top: int = 0, right: int | None = None, bottom: int | None = None
) -> NDArray[np.float32]:
    """Return a picture's luma (ITU-R BT.601) as means of 24 x 24 cells: under blue light there is no green.

    Args:
        image: Shape (height, width, 3), uint8.
        left: Of the part of it that is meant, in pixels; `top`, `right` and `bottom` likewise; by default the whole.
        top: See `left`.
        right: See `left`; exclusive.
        bottom: See `right`.

    Returns:
        Shape (24, 24), grey levels.
    """
    bottom, right = bottom or image.shape[0], right or image.shape[1]
    step_y, step_x = max(1, (bottom - top) // 96), max(1, (right - left) // 96)
    grey = grey_part(image, (slice(top, bottom, step_y), slice(left, right, step_x)))
    return cv2.resize(grey, (_CELLS, _CELLS), interpolation=cv2.INTER_AREA).astype(np.float32)


class SceneCutDetector:
    """Compares each picture with the one before, as grey thumbnails without their mean and contrast.

    A change of light changes mean and contrast of all cells alike and is therefore no cut; a person who leans in
    changes a part of them. Only where nearly nothing is where it was does the picture count as another scene.
    """

    def __init__(self) -> None:
        self._before: NDArray[np.float32] | None = None

    def is_cut(self, cells: NDArray[np.float32]) -> bool:
        """Return whether the scene changed since the last call.

        Args:
            cells: Of the next picture, as `scene_cells` gives them.
        """
        before, self._before = self._before, cells
        if before is None or min(float(cells.std()), float(before.std())) < _LEAST_CONTRAST:
            return False
        correlation = float(((cells - cells.mean()) * (before - before.mean())).mean() / (cells.std() * before.std()))
        return correlation < _LEAST_CORRELATION


class SceneChangeDetector:
    """Compares each picture with an earlier one of the same scene, beside the patient's face.

    That earlier picture stays until something differs from it, so that slow changes add up.
    """

    def __init__(self) -> None:
        self._reference: NDArray[np.float32] | None = None

    def has_changed(self, cells: NDArray[np.float32], box: OrientedBox, shape: tuple[int, ...]) -> bool:
        """Return whether something beside the face is not as it was; True where that cannot be known.

        Args:
            cells: Of the next picture, as `scene_cells` gives them.
            box: The patient's face in that picture.
            shape: Of that picture, (height, width, ...).
        """
        if self._reference is None:
            self._reference = cells
            return True
        away_px = np.hypot(
            _away_px(shape[0], box.center_y_px)[:, np.newaxis], _away_px(shape[1], box.center_x_px)[np.newaxis]
        )
        beside = away_px >= (0.5 + _FACE_MARGIN) * box.size_px
        if not beside.any():
            return True
        shown = cells[beside]
        if float(shown.std()) < _LEAST_CONTRAST:
            return True
        change = shown - self._reference[beside]
        # A change of light changes all cells alike.
        if (np.abs(change - np.median(change)) < _CHANGED_SHARE * _contrasts(shown)).all():
            return False
        self._reference = cells
        return True


def _contrasts(cells: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the contrast that scales each cell's change: that of the dark or of the bright cells, to which it belongs.

    A bright screen, lamp or window beside a dark bed raises the picture's contrast, not that of the bed.
    """
    values = np.clip(cells, 0.0, 255.0).astype(np.uint8)
    limit, _ = cv2.threshold(values, 0.0, 255.0, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    is_bright, whole, ordered = values > limit, float(cells.std()), np.sort(cells)
    dark = len(cells) - int(np.count_nonzero(is_bright))
    dark_contrast, bright_contrast = (_middle_contrast(part, whole) for part in (ordered[:dark], ordered[dark:]))
    return np.where(is_bright, np.float32(bright_contrast), np.float32(dark_contrast))


def _middle_contrast(ordered: NDArray[np.float32], whole: float) -> float:
    """Return the contrast of the dark or of the bright cells, in order; at most that of the whole."""
    if not len(ordered):
        return whole
    lower, upper = (float(ordered[int(share * len(ordered))]) for share in _MIDDLE)
    return min(whole, max(_LEAST_CONTRAST, (upper - lower) / _MIDDLE_SIGMA))


def _away_px(length_px: int, center_px: float) -> NDArray[np.float64]:
    """Return how far each row or column of cells is from a face's centre; 0 for the one in which it lies."""
    cell_px = length_px / _CELLS
    centers_px = (np.arange(_CELLS) + 0.5) * cell_px
    return np.asarray(np.maximum(np.abs(centers_px - center_px) - 0.5 * cell_px, 0.0))
