"""Whether a face can be scored at all: large enough, bright enough, sharp enough, within the picture."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from monitor.faces.crop import CropSpec, crop_grey
from monitor.faces.geometry import OrientedBox
from monitor.video.planar_picture import Picture

__all__ = ["Quality", "assess", "is_cut_off"]

# Light and sharpness are measured at one size, whatever the size of the face, and away from the crop's rim.
_SAMPLE = CropSpec(size_px=80, margin=0.1)
_RIM_PX = 15
_FINE_PX, _COARSE_PX = 1.0, 4.0
# Prevents rounding noise on a flat face from counting as detail.
_FLAT = 8.0
# The brightest tenth of a face, of 255, below which little but the camera's noise is left of its features.
_DARKEST = 40.0
# Faces of the trial clips, sharp, have 0.068 to 0.124; blurred by a Gaussian of 2 % of the face's width 0.024 to
# 0.042, of 3 % 0.017 to 0.025, of 4 % 0.013 to 0.017: closed and open eyes are alike then.
_SOFTEST = 0.017
# Of RetinaFace's five points: both eyes, both corners of the mouth.
_SCORED_POINTS = [0, 1, 3, 4]


@dataclass(frozen=True, slots=True)
class Quality:
    """How well one face can be seen.

    Attributes:
        shorter_side_px: Of its box, in the picture.
        brightness: Of its brightest tenth, 0 to 255.
        sharpness: Energy of the fine detail as a share of the energy of the features, 0 to 1.
    """

    shorter_side_px: float
    brightness: float
    sharpness: float

    def is_sufficient(self, minimum_face_px: float) -> bool:
        """Return whether the face is large, bright and sharp enough to be scored."""
        return self.shorter_side_px >= minimum_face_px and self.brightness >= _DARKEST and self.sharpness >= _SOFTEST


def assess(image: Picture, box: OrientedBox) -> Quality:
    """Measure a face's quality.

    Args:
        image: Shape (height, width, 3), uint8, RGB.
        box: Where the face is.
    """
    grey = crop_grey(image, box, _SAMPLE).astype(np.float32)
    inside = slice(_RIM_PX, _SAMPLE.size_px - _RIM_PX)
    brightness = float(np.percentile(grey[inside, inside], 90))
    fine, coarse = (
        float((grey - cv2.GaussianBlur(grey, (0, 0), sigma))[inside, inside].var()) for sigma in (_FINE_PX, _COARSE_PX)
    )
    return Quality(min(box.width_px, box.height_px), brightness, fine / (coarse + _FLAT))


def is_cut_off(image: Picture, landmarks: NDArray[np.float64]) -> bool:
    """Return whether the picture's edge cuts off an eye or a corner of the mouth: the crop shows none there.

    Args:
        image: Shape (height, width, 3).
        landmarks: Shape (5, 2), of `Face`.
    """
    height, width = image.shape[:2]
    points = landmarks[_SCORED_POINTS]
    return not bool(((points >= -0.5) & (points <= (width - 0.5, height - 0.5))).all())
