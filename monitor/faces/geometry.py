"""Faces in picture coordinates.

Pixels: x to the right, y down; (0, 0) is the centre of the top left pixel. An orientation is the clockwise turn of the
picture, in degrees in (-180, 180], that brings the face upright: 0 is an upright face, +90 a face whose forehead points
to the left of the picture, 180 a face upside down.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Face", "OrientedBox", "normalise_deg", "turn_between_deg"]


def normalise_deg(angle_deg: float) -> float:
    """Return the same direction as an angle in (-180, 180]."""
    return 180.0 - (180.0 - angle_deg) % 360.0


def turn_between_deg(first_deg: float, second_deg: float) -> float:
    """Return the smallest angle between two directions, in [0, 180]."""
    return abs(normalise_deg(first_deg - second_deg))


@dataclass(frozen=True, slots=True)
class OrientedBox:
    """A rectangle that stands upright once the picture is turned clockwise by `orientation_deg`.

    Attributes:
        center_x_px: Centre, in the original picture.
        center_y_px: Centre, in the original picture.
        width_px: Extent along the face's own horizontal.
        height_px: Extent along the face's own vertical.
        orientation_deg: Clockwise turn of the picture that brings it upright, in (-180, 180].
    """

    center_x_px: float
    center_y_px: float
    width_px: float
    height_px: float
    orientation_deg: float

    @property
    def size_px(self) -> float:
        """Side of the square with the same area: one number for how large the face is."""
        return float(np.sqrt(self.width_px * self.height_px))

    def distance_px(self, other: "OrientedBox") -> float:
        """Return the distance between the two centres."""
        return float(np.hypot(self.center_x_px - other.center_x_px, self.center_y_px - other.center_y_px))

    def corners(self) -> NDArray[np.float64]:
        """Return the four corners, shape (4, 2) as (x, y), clockwise from the face's own top left."""
        angle = -np.deg2rad(self.orientation_deg)
        across = np.array([np.cos(angle), np.sin(angle)]) * self.width_px / 2
        down = np.array([-np.sin(angle), np.cos(angle)]) * self.height_px / 2
        center = np.array([self.center_x_px, self.center_y_px])
        return np.stack(
            [center - across - down, center + across - down, center + across + down, center - across + down]
        )

    def bounds(self) -> tuple[float, float, float, float]:
        """Return the smallest axis-parallel box around it: (x0, y0, x1, y1) in pixels."""
        corners = self.corners()
        (x0, y0), (x1, y1) = corners.min(axis=0), corners.max(axis=0)
        return float(x0), float(y0), float(x1), float(y1)


@dataclass(frozen=True, slots=True)
class Face:
    """A detected face.

    Attributes:
        box: Where it is; the crop that a classifier sees is cut from this.
        landmarks: Shape (5, 2) as (x, y) pixels of the original picture, RetinaFace's order: the eye on the left of the
            upright picture, the eye on its right, nose tip, left and right mouth corner.
        score: The detector's confidence in [0, 1].
    """

    box: OrientedBox
    landmarks: NDArray[np.float64]
    score: float

    @property
    def orientation_deg(self) -> float:
        """Clockwise turn of the picture that brings the face upright, in (-180, 180]."""
        return self.box.orientation_deg
