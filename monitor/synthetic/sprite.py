"""A small picture with soft edges that is laid over a larger one."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from monitor.synthetic.canvas import FloatImage, Grid

__all__ = ["Sprite"]


@dataclass(frozen=True, slots=True)
class Sprite:
    """A picture with opacity.

    Attributes:
        image: RGB times opacity, shape (H, W, 3), uint8.
        opacity: Shape (H, W), uint8.
        grid: Where its pixels lie in face units.
    """

    image: NDArray[np.uint8]
    opacity: NDArray[np.uint8]
    grid: Grid

    @classmethod
    def from_float(cls, colour: FloatImage, opacity: FloatImage, grid: Grid) -> Self:
        """Round a picture of floats, and cut off its transparent border.

        Args:
            colour: RGB 0..255 times opacity, shape (H, W, 3).
            opacity: In [0, 1], shape (H, W).
            grid: Where the pixels lie.

        Raises:
            ValueError: Nothing is painted on it.
        """
        rows, columns = np.flatnonzero(opacity.any(axis=1)), np.flatnonzero(opacity.any(axis=0))
        if len(rows) == 0:
            raise ValueError("a sprite needs at least one pixel that is not transparent")
        top, bottom, left, right = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
        scale = grid.pixels_per_iod
        part = Grid(scale, grid.left + left / scale, grid.top + top / scale, right - left, bottom - top)
        shown = np.clip(colour[top:bottom, left:right], 0.0, 255.0)
        cover = opacity[top:bottom, left:right] * np.float32(255.0)
        return cls(shown.astype(np.uint8), cover.astype(np.uint8), part)
