"""Whether a picture shows another scene than the one before: the camera was moved, or the video was cut."""

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["SceneCutDetector"]

_SIDE_PX = 24
_LEAST_CORRELATION = 0.5
"""Between two pictures of one scene, 0.2 s to 1 s apart, the correlation of their thumbnails stays far above this."""
_LEAST_CONTRAST = 2.0
"""Standard deviation in grey levels below which a picture has no scene to compare."""


class SceneCutDetector:
    """Compares each picture with the one before, as grey thumbnails without their mean and contrast.

    A change of light changes mean and contrast of all cells alike and is therefore no cut; a person who leans in
    changes a part of them. Only where nearly nothing is where it was does the picture count as another scene.
    """

    def __init__(self) -> None:
        self._before: NDArray[np.float32] | None = None

    def is_cut(self, image: NDArray[np.uint8]) -> bool:
        """Return whether the scene changed since the last call.

        Args:
            image: Shape (height, width, 3), uint8.
        """
        step_y, step_x = max(1, image.shape[0] // 96), max(1, image.shape[1] // 96)
        small = cv2.resize(image[::step_y, ::step_x, 1], (_SIDE_PX, _SIDE_PX), interpolation=cv2.INTER_AREA)
        cells = small.astype(np.float32)
        before, self._before = self._before, cells
        if before is None or min(float(cells.std()), float(before.std())) < _LEAST_CONTRAST:
            return False
        correlation = float(((cells - cells.mean()) * (before - before.mean())).mean() / (cells.std() * before.std()))
        return correlation < _LEAST_CORRELATION
