"""Drawing in face units on a small canvas: anti-aliased shapes with sub-pixel corners, soft edges, smooth curves."""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = [
    "FloatImage",
    "Grid",
    "Points",
    "blend",
    "blurred",
    "curve",
    "ellipse",
    "moved",
    "product",
    "ribbon",
    "smooth_closed",
    "spread",
]

FloatImage = NDArray[np.float32]
Points = NDArray[np.float64]
"""Shape (N, 2) as (x, y) in face units."""

_SHIFT = 4
_ONE = 1 << _SHIFT
# OpenBLAS takes several threads above 262,144 multiplications.
_ONE_THREAD = 250_000


@dataclass(frozen=True)
class Grid:
    """A rectangle of the face's plane, cut into square pixels.

    Attributes:
        pixels_per_iod: Resolution.
        left: Face x of the left edge.
        top: Face y of the top edge.
        width_px: Columns.
        height_px: Rows.
    """

    pixels_per_iod: float
    left: float
    top: float
    width_px: int
    height_px: int

    @classmethod
    def of_picture(cls, width_px: int, height_px: int) -> "Grid":
        """Return the grid of a whole picture, on which points are pixels."""
        return cls(1.0, -0.5, -0.5, width_px, height_px)

    @classmethod
    def spanning(cls, pixels_per_iod: float, left: float, top: float, right: float, bottom: float) -> "Grid":
        """Return the smallest grid that covers a rectangle given in face units."""
        width_px = int(np.ceil((right - left) * pixels_per_iod))
        height_px = int(np.ceil((bottom - top) * pixels_per_iod))
        return cls(pixels_per_iod, left, top, width_px, height_px)

    @cached_property
    def x(self) -> NDArray[np.float32]:
        """Face x of the pixel centres, shape (width_px,)."""
        columns = (np.arange(self.width_px) + 0.5) / self.pixels_per_iod + self.left
        return columns.astype(np.float32)

    @cached_property
    def y(self) -> NDArray[np.float32]:
        """Face y of the pixel centres, shape (height_px,)."""
        rows = (np.arange(self.height_px) + 0.5) / self.pixels_per_iod + self.top
        return rows.astype(np.float32)

    def pixels(self, points: Points) -> Points:
        """Return face points as pixel coordinates, in which (0, 0) is the centre of the top left pixel."""
        return (points - (self.left, self.top)) * self.pixels_per_iod - 0.5

    def window(self, left: float, top: float, right: float, bottom: float) -> tuple["Grid", tuple[slice, slice]]:
        """Cut out a rectangle given in face units.

        Returns:
            The part of this grid inside the rectangle (at least one pixel), and its (rows, columns) here.
        """
        scale = self.pixels_per_iod
        x0 = int(np.clip(np.floor((left - self.left) * scale), 0, self.width_px - 1))
        y0 = int(np.clip(np.floor((top - self.top) * scale), 0, self.height_px - 1))
        x1 = int(np.clip(np.ceil((right - self.left) * scale), x0 + 1, self.width_px))
        y1 = int(np.clip(np.ceil((bottom - self.top) * scale), y0 + 1, self.height_px))
        part = Grid(scale, self.left + x0 / scale, self.top + y0 / scale, x1 - x0, y1 - y0)
        return part, (slice(y0, y1), slice(x0, x1))

    def fill(self, *shapes: Points, soft: float = 0.0) -> FloatImage:
        """Fill closed shapes.

        Args:
            *shapes: Corners of each shape.
            soft: Standard deviation of the edge's softness, in face units.

        Returns:
            Coverage, shape (height_px, width_px), in [0, 1].
        """
        mask = np.zeros((self.height_px, self.width_px), np.uint8)
        for shape in shapes:
            cv2.fillPoly(mask, [self._fixed(shape)], 255, cv2.LINE_AA, _SHIFT)
        return self._soften(mask, soft)

    def stroke(self, *lines: Points, width: float, soft: float = 0.0) -> FloatImage:
        """Draw open lines.

        Args:
            *lines: Points of each line.
            width: Width of the lines in face units; thinner than a pixel becomes a fainter pixel.
            soft: As for `fill`.

        Returns:
            Coverage, shape (height_px, width_px), in [0, 1].
        """
        mask = np.zeros((self.height_px, self.width_px), np.uint8)
        width_px = width * self.pixels_per_iod
        thickness = max(1, round(width_px))
        fixed = [self._fixed(line) for line in lines]
        cv2.polylines(mask, fixed, False, 255, thickness, cv2.LINE_AA, _SHIFT)  # noqa: FBT003 - OpenCV's positional flag
        return self._soften(mask, soft) * np.float32(min(1.0, width_px / thickness))

    def _fixed(self, points: Points) -> NDArray[np.int32]:
        return np.rint(self.pixels(points) * _ONE).astype(np.int32)

    def _soften(self, mask: NDArray[np.uint8], soft: float) -> FloatImage:
        coverage = mask.astype(np.float32) * np.float32(1.0 / 255.0)
        sigma_px = soft * self.pixels_per_iod
        return blurred(coverage, sigma_px) if sigma_px > 0.3 else coverage


def blend(image: FloatImage, colour: FloatImage | tuple[float, float, float], opacity: FloatImage) -> None:
    """Lay a colour over an image in place.

    Args:
        image: Shape (H, W, 3).
        colour: One RGB colour, or an image of the same shape.
        opacity: Shape (H, W), in [0, 1].
    """
    over = np.asarray(colour, np.float32) - image
    over *= spread(opacity)
    image += over


def blurred(image: FloatImage, sigma_px: float) -> FloatImage:
    """Return an image blurred with a Gaussian; nothing comes in from outside."""
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma_px, borderType=cv2.BORDER_CONSTANT), np.float32)


def product(left: FloatImage, right: FloatImage) -> FloatImage:
    """Return the matrix product, computed in blocks so small that the linear algebra library uses one thread.

    For matrices of this size its threads cost several times what they save, and with one thread the result does not
    depend on how many there are.
    """
    rows = max(1, _ONE_THREAD // max(1, left.shape[1] * right.shape[1]))
    result = np.empty((left.shape[0], right.shape[1]), np.float32)
    for start in range(0, left.shape[0], rows):
        np.matmul(left[start : start + rows], right, out=result[start : start + rows])
    return result


def spread(mask: FloatImage) -> FloatImage:
    """Return a mask (H, W) as an image of three equal colours; far faster to multiply with than a broadcast."""
    return np.asarray(cv2.merge((mask, mask, mask)), np.float32)


def moved(points: Points, x: float, y: float) -> Points:
    """Return points moved by (x, y)."""
    shifted: Points = points + np.array([x, y])
    return shifted


def ellipse(x: float, y: float, half_width: float, half_height: float, count: int = 32) -> Points:
    """Return the outline of an axis-parallel ellipse, shape (count, 2)."""
    angle = np.linspace(0.0, 2.0 * np.pi, count, endpoint=False)
    return np.stack([x + half_width * np.cos(angle), y + half_height * np.sin(angle)], axis=1)


def curve(*corners: tuple[float, float], count: int = 16) -> Points:
    """Return a quadratic (3 corners) or cubic (4 corners) Bezier curve, shape (count, 2)."""
    points = np.asarray(corners, np.float64)
    share = np.linspace(0.0, 1.0, count)[:, None, None]
    level = np.broadcast_to(points, (count, *points.shape))
    while level.shape[1] > 1:
        level = level[:, :-1] + (level[:, 1:] - level[:, :-1]) * share
    return level[:, 0]


def ribbon(line: Points, widths: NDArray[np.float64]) -> Points:
    """Return the outline of a line with a width of its own at every point.

    Args:
        line: Shape (N, 2).
        widths: Shape (N,), full widths.

    Returns:
        A closed shape, (2 N, 2).
    """
    along = np.gradient(line, axis=0)
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-9)
    aside = np.stack([-along[:, 1], along[:, 0]], axis=1) * widths[:, None] / 2
    return np.concatenate([line + aside, (line - aside)[::-1]])


def smooth_closed(corners: Points, count_between: int = 8) -> Points:
    """Return a closed Catmull-Rom curve through `corners`, shape (N * count_between, 2)."""
    before, after, beyond = np.roll(corners, 1, 0), np.roll(corners, -1, 0), np.roll(corners, -2, 0)
    t = np.linspace(0.0, 1.0, count_between, endpoint=False)[None, :, None]
    a, b, c, d = before[:, None], corners[:, None], after[:, None], beyond[:, None]
    points = 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - 3 * c + d - a) * t**3)
    return points.reshape(-1, 2)
