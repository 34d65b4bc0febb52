"""The detector's view of a picture: turned, scaled and cut to the detector's square by one affine warp."""

import math
from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from monitor.faces.geometry import OrientedBox
from monitor.video.planar_picture import Picture, PlanarPicture, reduced_part

__all__ = ["ImageRegion", "Viewport"]

# Enlarging further than this adds no detail, only a face that appears blurred to the detector.
_MAXIMUM_ENLARGEMENT = 3.0


@dataclass(frozen=True, slots=True)
class ImageRegion:
    """An axis-parallel part of a picture, from edge to edge.

    Pixel centres have whole coordinates, so the whole of a picture goes from -0.5 to its width and height less 0.5.
    """

    x0_px: float
    y0_px: float
    x1_px: float
    y1_px: float

    @classmethod
    def of_picture(
        cls, image: Picture, left: float = 0.0, top: float = 0.0, right: float = 1.0, bottom: float = 1.0
    ) -> Self:
        """Return the part of a picture that is given in fractions of its width and height."""
        height, width = image.shape[:2]
        return cls(left * width - 0.5, top * height - 0.5, right * width - 0.5, bottom * height - 0.5)

    def contains(self, x_px: float, y_px: float, slack_px: float = 0.0) -> bool:
        """Return whether a point lies within the area widened by `slack_px`."""
        return (
            self.x0_px - slack_px <= x_px <= self.x1_px + slack_px
            and self.y0_px - slack_px <= y_px <= self.y1_px + slack_px
        )


@dataclass(frozen=True, slots=True)
class Viewport:
    """The square that a detector sees of a picture.

    Attributes:
        size_px: Side of the square.
        center_x_px: The picture's point that lies in the middle of the square.
        center_y_px: The same, downwards.
        scale: Pixels of the square per pixel of the picture.
        turn_deg: Clockwise turn of the picture.
    """

    size_px: int
    center_x_px: float
    center_y_px: float
    scale: float
    turn_deg: float

    @classmethod
    def of_area(cls, area: ImageRegion, turn_deg: float, size_px: int) -> Self:
        """Return the view in which the whole turned area just fits."""
        width, height = area.x1_px - area.x0_px, area.y1_px - area.y0_px
        angle = math.radians(turn_deg)
        cos, sin = abs(math.cos(angle)), abs(math.sin(angle))
        longest = max(width * cos + height * sin, width * sin + height * cos)
        scale = min(size_px / longest, _MAXIMUM_ENLARGEMENT)
        return cls(size_px, (area.x0_px + area.x1_px) / 2, (area.y0_px + area.y1_px) / 2, scale, turn_deg)

    @classmethod
    def around(
        cls, box: OrientedBox, turn_deg: float, size_px: int, face_px: float, shift_px: tuple[float, float] = (0.0, 0.0)
    ) -> Self:
        """Return the view that has a face in its middle, enlarged or reduced to about `face_px`.

        Args:
            box: Where the face is.
            turn_deg: Clockwise turn of the picture.
            size_px: Side of the square.
            face_px: Size of the face in the square.
            shift_px: How far beside the square's middle the face's centre lies, to the right and downwards.
        """
        scale = min(face_px / box.size_px, _MAXIMUM_ENLARGEMENT)
        angle = math.radians(turn_deg)
        cos, sin = math.cos(angle) / scale, math.sin(angle) / scale
        x_px = box.center_x_px - cos * shift_px[0] - sin * shift_px[1]
        y_px = box.center_y_px + sin * shift_px[0] - cos * shift_px[1]
        return cls(size_px, x_px, y_px, scale, turn_deg)

    def matrix(self) -> NDArray[np.float64]:
        """Return the affine map from the picture to the square, shape (2, 3)."""
        angle = math.radians(self.turn_deg)
        cos, sin = math.cos(angle) * self.scale, math.sin(angle) * self.scale
        middle = (self.size_px - 1) / 2
        return np.array(
            [
                [cos, -sin, middle - cos * self.center_x_px + sin * self.center_y_px],
                [sin, cos, middle - sin * self.center_x_px - cos * self.center_y_px],
            ]
        )

    def to_picture(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Map points of the square, shape (..., 2) as (x, y), to the picture."""
        angle = math.radians(self.turn_deg)
        back = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]]) / self.scale
        middle = (self.size_px - 1) / 2
        return np.asarray((points - middle) @ back.T + (self.center_x_px, self.center_y_px))

    def render(self, image: Picture) -> NDArray[np.uint8]:
        """Draw the square.

        A picture that is reduced to less than half is first averaged down by a whole factor, only within the
        view: a bilinear warp alone would skip pixels, and small faces with them.

        Args:
            image: Shape (height, width, 3), uint8.

        Returns:
            Shape (size_px, size_px, 3), uint8; black where the view leaves the picture.
        """
        height, width = image.shape[:2]
        matrix, (x0, y0, columns, rows), shrink = self.placement(width, height)
        if isinstance(image, PlanarPicture) and shrink < 2:
            # Only what is seen needs colours.
            x0, y0, columns, rows = self._part(width, height, shrink)
            matrix[:, 2] += matrix[:, :2] @ np.array([x0, y0])
        if columns == 0 or rows == 0:
            source = np.zeros((1, 1, 3), np.uint8)
        elif shrink >= 2:
            source = reduced_part(image, x0, y0, columns, rows, shrink)
        else:
            source = image[y0 : y0 + rows, x0 : x0 + columns]
        square = cv2.warpAffine(source, matrix, (self.size_px, self.size_px), flags=cv2.INTER_LINEAR)
        return np.asarray(square, dtype=np.uint8)

    def placement(self, width_px: int, height_px: int) -> tuple[NDArray[np.float64], tuple[int, int, int, int], int]:
        """Return how the square is drawn of a picture of that size.

        Returns:
            The affine map from the averaged part to the square, shape (2, 3); the part of the picture (left, top,
            columns and rows once it is averaged); and how many pixels a side are averaged into one.
        """
        matrix = self.matrix()
        shrink = math.floor(1.0 / self.scale)
        if shrink < 2:
            return matrix, (0, 0, width_px, height_px), 1
        x0, y0, columns, rows = part = self._part(width_px, height_px, shrink)
        if columns > 0 and rows > 0:
            # A pixel of the averaged part covers `shrink` pixels; its centre is the middle of their centres.
            offset = (shrink - 1) / 2
            matrix[:, 2] += matrix[:, :2] @ np.array([x0 + offset, y0 + offset])
            matrix[:, :2] *= shrink
        return matrix, part, shrink

    def _part(self, width: int, height: int, shrink: int) -> tuple[int, int, int, int]:
        """Return what the view sees of a picture: left, top, and columns and rows once it is averaged down."""
        last = self.size_px - 1.0
        corners = self.to_picture(np.array([[0.0, 0.0], [last, 0.0], [last, last], [0.0, last]]))
        low = np.floor(corners.min(axis=0)).astype(int) - shrink
        high = np.ceil(corners.max(axis=0)).astype(int) + shrink + 1
        x0, x1 = sorted(int(np.clip(x, 0, width)) for x in (low[0], high[0]))
        y0, y1 = sorted(int(np.clip(y, 0, height)) for y in (low[1], high[1]))
        return x0, y0, (x1 - x0) // shrink, (y1 - y0) // shrink
