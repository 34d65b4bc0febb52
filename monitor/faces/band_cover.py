"""A band across nose and upper lip, as of a breathing mask: it hides the furrows and leaves the lower lip free.

The classifier's own estimate of what is visible misses it, for a mesh invents what it does not see and a lip is there.
Its colour gives it away: between nose and upper lip it is like none of the skin above and below. Tape and tubes across
the nose that leave the upper lip free hide nothing that a score rests on; they are no band.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["contrast_of_band", "has_band"]

# MediaPipe's numbers. Tip and base of the nose, its wings, the furrows beside nose and mouth.
_BETWEEN = (4, 2, 98, 327, 206, 426, 203, 423)
# The groove below the nose, beside it, the edge of the upper lip.
_ABOVE_LIP = (164, 167, 393, 37, 267)
# Forehead and between the brows, bridge, below the eyes, chin, jaw.
_SKIN = (9, 8, 151, 108, 337, 168, 6, 230, 450, 152, 175, 199, 171, 396, 192, 416)
# Lightness counts half: shadows and highlights differ within one skin.
_WEIGHTS = np.array([0.5, 1.0, 1.0], np.float32)
_NEAREST = 3
_LEAST_SPREAD = 4.0
_LEAST_CONTRAST = 0.68


def contrast_of_band(crop: NDArray[np.uint8], points: NDArray[np.float32]) -> float:
    """Return how much the middle of a face differs from its other skin, in multiples of how much that varies.

    Each point between nose and upper lip is compared with the three points of other skin that are most like it; the
    second least of these distances counts, so that one shadow or highlight is no band, and one patch of skin that
    shows through is none either. Of the points at the upper lip itself the least counts: what leaves some of it free is
    no band.

    Args:
        crop: Shape (S, S, 3), uint8, RGB.
        points: Shape (468, 2 or more), of the face mesh, x and y in pixels of the crop.

    Returns:
        0 or more; Lab colours of 8 bits, lightness at half weight.
    """
    numbers = [*_BETWEEN, *_ABOVE_LIP, *_SKIN]
    columns, rows = np.clip(np.rint(points[numbers, :2]).astype(np.intp), 0, crop.shape[0] - 1).T
    pixels = cv2.blur(crop, (5, 5))[rows, columns]
    colours = cv2.cvtColor(pixels[None], cv2.COLOR_RGB2LAB)[0].astype(np.float32) * _WEIGHTS
    band, skin = np.split(colours, [len(_BETWEEN) + len(_ABOVE_LIP)])
    distances = np.sort(np.linalg.norm(band[:, None] - skin, axis=2), axis=1)[:, :_NEAREST].mean(axis=1)
    between, above_lip = np.split(distances, [len(_BETWEEN)])
    spread = float(np.median(np.linalg.norm(skin - np.median(skin, axis=0), axis=1)))
    return float(min(np.sort(between)[1], above_lip.min())) / (spread + _LEAST_SPREAD)


def has_band(crop: NDArray[np.uint8], points: NDArray[np.float32]) -> bool:
    """Return whether a band lies across nose and upper lip; arguments as of `contrast_of_band`."""
    return contrast_of_band(crop, points) > _LEAST_CONTRAST
