"""From face units to pixels of the picture."""

import numpy as np
from numpy.typing import NDArray

from monitor.synthetic.canvas import Points
from monitor.synthetic.setting import Placement

__all__ = ["face_to_picture", "mapped"]


def face_to_picture(placement: Placement) -> NDArray[np.float64]:
    """Return the affine map, shape (2, 3), from face units to pixels of the picture."""
    angle = -np.deg2rad(placement.orientation_deg)
    cosine, sine = np.cos(angle) * placement.iod_px, np.sin(angle) * placement.iod_px
    return np.array([(cosine, -sine, placement.x_px), (sine, cosine, placement.y_px)])


def mapped(placement: Placement, points: Points) -> Points:
    """Return face points, shape (N, 2), as pixels of the picture."""
    matrix = face_to_picture(placement)
    pixels: Points = points @ matrix[:, :2].T + matrix[:, 2]
    return pixels
