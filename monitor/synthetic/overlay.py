"""A transparent sheet to draw on once and to lay over many pictures."""

import numpy as np

from monitor.synthetic.canvas import FloatImage, spread

__all__ = ["Overlay"]


class Overlay:
    """Colour, already multiplied by its opacity, and opacity.

    Args:
        height_px: Rows.
        width_px: Columns.

    Attributes:
        colour: Shape (H, W, 3), RGB 0..255 times opacity.
        opacity: Shape (H, W), in [0, 1].
    """

    def __init__(self, height_px: int, width_px: int) -> None:
        self.colour: FloatImage = np.zeros((height_px, width_px, 3), np.float32)
        self.opacity: FloatImage = np.zeros((height_px, width_px), np.float32)

    def blend(self, colour: FloatImage | tuple[float, float, float], opacity: FloatImage) -> None:
        """Lay a colour over what is painted so far; `opacity` has shape (H, W)."""
        rest = np.float32(1.0) - opacity
        self.colour *= spread(rest)
        self.colour += np.asarray(colour, np.float32) * spread(opacity)
        self.opacity *= rest
        self.opacity += opacity

    def multiply(self, gain: FloatImage) -> None:
        """Light what is painted; `gain` has shape (H, W, 3)."""
        self.colour *= gain

    def onto(self, image: FloatImage, window: tuple[slice, slice] = (slice(None), slice(None))) -> None:
        """Lay the part of the sheet at `window` over an image of that part's shape, in place."""
        image *= spread(np.float32(1.0) - self.opacity[window])
        image += self.colour[window]
