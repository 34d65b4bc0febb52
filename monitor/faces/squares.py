"""The squares that models see of a picture, for cutting later: by the processor, or on a GPU."""

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from monitor.faces.crop import CropSpec, crop_face
from monitor.faces.device_crop import CropPlan, plan_crop, plan_view
from monitor.faces.geometry import OrientedBox
from monitor.faces.viewport import Viewport
from monitor.video.planar_picture import Picture

__all__ = ["CropSquare", "PictureSquare", "ViewSquare"]


class PictureSquare(ABC):
    """A part of one picture.

    Args:
        image: Shape (height, width, 3), uint8, RGB.
        plan: Where its pixels lie in the picture.

    Attributes:
        is_kept: Whether its pixels are wanted in the main memory, too, once they were cut on a device.
    """

    is_kept = False

    def __init__(self, image: Picture, plan: CropPlan) -> None:
        self.image = image
        self.plan = plan

    @abstractmethod
    def pixels(self) -> NDArray[np.uint8]:
        """Return it, shape (size_px, size_px, 3): as a device cut it where that was kept, else cut by the processor."""

    def keep(self, pixels: NDArray[np.uint8]) -> None:  # noqa: B027 - most are read by an engine alone
        """Take the pixels as a device cut them."""


class ViewSquare(PictureSquare):
    """What the detector sees; see `Viewport.render`."""

    def __init__(self, image: Picture, view: Viewport) -> None:
        super().__init__(image, plan_view(view, image.shape[1], image.shape[0]))
        self._view = view

    def pixels(self) -> NDArray[np.uint8]:
        """Return what the view shows, shape (size_px, size_px, 3)."""
        return self._view.render(self.image)


class CropSquare(PictureSquare):
    """What the classifier sees; see `crop_face`. Its pixels are kept, for they are read again."""

    is_kept = True

    def __init__(self, image: Picture, box: OrientedBox, spec: CropSpec) -> None:
        super().__init__(image, plan_crop(box, spec, image.shape[1], image.shape[0]))
        self._box, self._spec = box, spec
        self._pixels: NDArray[np.uint8] | None = None

    def keep(self, pixels: NDArray[np.uint8]) -> None:
        """Take the pixels as a device cut them."""
        self._pixels = pixels

    def pixels(self) -> NDArray[np.uint8]:
        """Return the crop, shape (size_px, size_px, 3): as it was cut first."""
        if self._pixels is None:
            self._pixels = crop_face(self.image, self._box, self._spec)
        return self._pixels
