"""The crop that a classifier sees: one function, shared by training and monitoring.

The picture is turned upright by the face's orientation, the box is widened by the margin, and what lies there is
resampled to a square. Two properties hold and are tested: the crop of a turned picture is the turned-back crop (exact
for quarter turns), and a large face is averaged, not skipped through, on its way down to the crop's size.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from monitor.faces.geometry import OrientedBox

__all__ = ["CropSpec", "crop_face", "crop_grey"]

# Pixels around the box that bicubic interpolation can reach, with one to spare for rounding.
_REACH_PX = 3
_MAXIMUM_OVERSAMPLING = 16
_BILINEAR_FROM = 3
# Clockwise by one, two and three quarters.
_TURNS = (cv2.ROTATE_90_CLOCKWISE, cv2.ROTATE_180, cv2.ROTATE_90_COUNTERCLOCKWISE)


@dataclass(frozen=True, slots=True)
class CropSpec:
    """How a model wants its crops.

    Attributes:
        size_px: Side of the square crop.
        margin: Share of the box's width and height that is added on every side; 0 is the exact box, negative values
            cut into it.

    Raises:
        ValueError: The size is not positive, or the margin leaves nothing of the box.
    """

    size_px: int
    margin: float = 0.0

    def __post_init__(self) -> None:
        """Check the numbers."""
        if self.size_px < 1:
            raise ValueError(f"a crop needs a size of at least 1 px, not {self.size_px}")
        if not (math.isfinite(self.margin) and -0.5 < self.margin <= 4.0):
            raise ValueError(f"a crop's margin lies above -0.5 (nothing left) and at most at 4, not at {self.margin}")


def crop_face(image: NDArray[np.uint8], box: OrientedBox, spec: CropSpec) -> NDArray[np.uint8]:
    """Cut a face out of a picture, upright and stretched to a square.

    One affine warp, bicubic, with the picture's border replicated where the box leaves the picture. A face larger than
    the crop is warped to a multiple of the crop's size and averaged down, so that fine texture does not alias. Before
    an average over three by three pixels and more the warp is bilinear: it costs a seventh of a bicubic one, and the
    crops differ by a quarter of a level.

    Args:
        image: Shape (height, width, 3), uint8, RGB.
        box: Where the face is, in pixels of `image`.
        spec: Size and margin.

    Returns:
        Shape (size_px, size_px, 3), uint8, RGB; owned by the caller.

    Raises:
        ValueError: The picture is empty or not RGB uint8, or the box has no finite position or no area.
    """
    return _cut(image, box, spec, grey=False)


def crop_grey(image: NDArray[np.uint8], box: OrientedBox, spec: CropSpec) -> NDArray[np.uint8]:
    """Cut a face out as `crop_face` does, in shades of grey (luma of ITU-R BT.601) and for a third of the cost.

    Args:
        image: Shape (height, width, 3), uint8, RGB.
        box: Where the face is, in pixels of `image`.
        spec: Size and margin.

    Returns:
        Shape (size_px, size_px), uint8; owned by the caller.

    Raises:
        ValueError: As `crop_face` does.
    """
    return _cut(image, box, spec, grey=True)


def _cut(image: NDArray[np.uint8], box: OrientedBox, spec: CropSpec, *, grey: bool) -> NDArray[np.uint8]:
    _check(image, box)
    # The quarter turns are done by moving pixels, not by interpolation; floor(x + 1/2) sends each 45 degree tie the
    # same way, so that a picture turned by 90 degrees gives the very same remainder.
    quarters = math.floor(box.orientation_deg / 90.0 + 0.5)
    rest_deg = box.orientation_deg - 90.0 * quarters
    patch, center = _turned_patch(image, box, spec.margin, quarters % 4, grey=grey)

    width_px = box.width_px * (1.0 + 2.0 * spec.margin)
    height_px = box.height_px * (1.0 + 2.0 * spec.margin)
    oversampling = int(np.clip(round(max(width_px, height_px) / spec.size_px), 1, _MAXIMUM_OVERSAMPLING))
    side_px = spec.size_px * oversampling

    angle = -math.radians(rest_deg)
    across = np.array([math.cos(angle), math.sin(angle)]) * (width_px / side_px)
    down = np.array([-math.sin(angle), math.cos(angle)]) * (height_px / side_px)
    middle = (side_px - 1) / 2
    from_crop = np.column_stack([across, down, center - middle * (across + down)])
    warped = cv2.warpAffine(
        patch,
        from_crop,
        (side_px, side_px),
        flags=(cv2.INTER_CUBIC if oversampling < _BILINEAR_FROM else cv2.INTER_LINEAR) | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    if oversampling > 1:
        warped = cv2.resize(warped, (spec.size_px, spec.size_px), interpolation=cv2.INTER_AREA)
    return np.asarray(warped, dtype=np.uint8)


def _check(image: NDArray[np.uint8], box: OrientedBox) -> None:
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or 0 in image.shape:
        raise ValueError(f"a crop is cut from an RGB picture of uint8, not from {image.dtype} of shape {image.shape}")
    numbers = (box.center_x_px, box.center_y_px, box.width_px, box.height_px, box.orientation_deg)
    if not all(math.isfinite(number) for number in numbers) or box.width_px <= 0 or box.height_px <= 0:
        raise ValueError(f"a crop needs a box with a finite position and an area, not {box}")


def _turned_patch(
    image: NDArray[np.uint8], box: OrientedBox, margin: float, quarters: int, *, grey: bool
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Return the surroundings of the box, turned clockwise by quarters, and the box's centre within them (x, y)."""
    picture_height, picture_width = image.shape[:2]
    x0, y0, x1, y1 = _spread(box, margin).bounds()
    # Clipped to the picture, and never empty: a box wholly outside sees the replicated border.
    left = int(np.clip(math.floor(x0) - _REACH_PX, 0, picture_width - 1))
    top = int(np.clip(math.floor(y0) - _REACH_PX, 0, picture_height - 1))
    right = int(np.clip(math.ceil(x1) + _REACH_PX, left, picture_width - 1))
    bottom = int(np.clip(math.ceil(y1) + _REACH_PX, top, picture_height - 1))
    x, y = box.center_x_px - left, box.center_y_px - top
    last_x, last_y = float(right - left), float(bottom - top)
    # Where a pixel goes when the patch is turned clockwise by 0, 90, 180 and 270 degrees.
    center = ((x, y), (last_y - y, x), (last_x - x, last_y - y), (y, last_x - x))[quarters]
    patch = image[top : bottom + 1, left : right + 1]
    if grey:
        patch = np.asarray(cv2.cvtColor(patch, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
    turned = cv2.rotate(patch, _TURNS[quarters - 1]) if quarters else patch
    return np.asarray(turned, dtype=np.uint8), np.array(center)


def _spread(box: OrientedBox, margin: float) -> OrientedBox:
    factor = 1.0 + 2.0 * margin
    return OrientedBox(
        box.center_x_px, box.center_y_px, box.width_px * factor, box.height_px * factor, box.orientation_deg
    )
