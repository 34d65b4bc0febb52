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
from monitor.video.planar_picture import Picture, grey_part

__all__ = ["CropPlacement", "CropSpec", "crop_face", "crop_grey", "crop_placement"]

# Pixels around the box that bicubic interpolation can reach, with one to spare for rounding.
_REACH_PX = 3
_MAXIMUM_OVERSAMPLING = 16
_BILINEAR_FROM = 2
# The limit of sharpness was chosen on grey crops that are bicubic up to here; bilinear ones have a tenth less.
_GREY_BILINEAR_FROM = 3
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


def crop_face(image: Picture, box: OrientedBox, spec: CropSpec) -> NDArray[np.uint8]:
    """Cut a face out of a picture, upright and stretched to a square.

    One affine warp, bicubic, with the picture's border replicated where the box leaves the picture. A face larger than
    the crop is warped to a multiple of the crop's size and averaged down, so that fine texture does not alias. Before
    such an average the warp is bilinear: it costs a fifth of a bicubic one, the crops differ by a third of a level,
    and a classifier's scores by less than where the box moves by half a pixel (tests/bench/crop_warp.py).

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


def crop_grey(image: Picture, box: OrientedBox, spec: CropSpec) -> NDArray[np.uint8]:
    """Cut a face out as `crop_face` does, in shades of grey (luma of ITU-R BT.601) and for a third of the cost.

    Before an average over two by two pixels the warp is bicubic, for sharpness is measured on such crops.

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


@dataclass(frozen=True, slots=True)
class CropPlacement:
    """Where a crop's pixels come from.

    Attributes:
        left: Of the box's surroundings in the picture, in pixels; `top`, `right` and `bottom` likewise, inclusive.
        top: See `left`.
        right: See `left`.
        bottom: See `left`.
        quarters: Clockwise turns of the surroundings by 90 degrees.
        oversampling: Warped pixels averaged into one, a side.
        from_crop: From the oversampled crop (x, y, 1) to the turned surroundings, shape (2, 3).
    """

    left: int
    top: int
    right: int
    bottom: int
    quarters: int
    oversampling: int
    from_crop: NDArray[np.float64]

    @property
    def is_cubic(self) -> bool:
        """Whether the warp is bicubic and not bilinear."""
        return self.oversampling < _BILINEAR_FROM


def crop_placement(box: OrientedBox, spec: CropSpec, width_px: int, height_px: int) -> CropPlacement:
    """Return where the pixels of a crop come from in a picture of that size."""
    # The quarter turns are done by moving pixels, not by interpolation; floor(x + 1/2) sends each 45 degree tie the
    # same way, so that a picture turned by 90 degrees gives the very same remainder.
    quarters = math.floor(box.orientation_deg / 90.0 + 0.5)
    rest_deg = box.orientation_deg - 90.0 * quarters
    (left, top, right, bottom), center = _surroundings(box, spec.margin, quarters % 4, width_px, height_px)

    box_width_px = box.width_px * (1.0 + 2.0 * spec.margin)
    box_height_px = box.height_px * (1.0 + 2.0 * spec.margin)
    ratio = round(max(box_width_px, box_height_px) / spec.size_px)
    oversampling = int(np.clip(ratio, 1, _MAXIMUM_OVERSAMPLING))
    side_px = spec.size_px * oversampling

    angle = -math.radians(rest_deg)
    across = np.array([math.cos(angle), math.sin(angle)]) * (box_width_px / side_px)
    down = np.array([-math.sin(angle), math.cos(angle)]) * (box_height_px / side_px)
    middle = (side_px - 1) / 2
    from_crop = np.column_stack([across, down, center - middle * (across + down)])
    return CropPlacement(left, top, right, bottom, quarters % 4, oversampling, from_crop)


def _cut(image: Picture, box: OrientedBox, spec: CropSpec, *, grey: bool) -> NDArray[np.uint8]:
    _check(image, box)
    height_px, width_px = image.shape[:2]
    place = crop_placement(box, spec, width_px, height_px)
    part = slice(place.top, place.bottom + 1), slice(place.left, place.right + 1)
    patch = grey_part(image, part) if grey else image[part]
    if place.quarters:
        patch = np.asarray(cv2.rotate(patch, _TURNS[place.quarters - 1]), dtype=np.uint8)
    side_px = spec.size_px * place.oversampling
    is_cubic = place.oversampling < _GREY_BILINEAR_FROM if grey else place.is_cubic
    warped = cv2.warpAffine(
        patch,
        place.from_crop,
        (side_px, side_px),
        flags=(cv2.INTER_CUBIC if is_cubic else cv2.INTER_LINEAR) | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    if place.oversampling > 1:
        warped = cv2.resize(warped, (spec.size_px, spec.size_px), interpolation=cv2.INTER_AREA)
    return np.asarray(warped, dtype=np.uint8)


def _check(image: Picture, box: OrientedBox) -> None:
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or 0 in image.shape:
        raise ValueError(f"a crop is cut from an RGB picture of uint8, not from {image.dtype} of shape {image.shape}")
    numbers = (box.center_x_px, box.center_y_px, box.width_px, box.height_px, box.orientation_deg)
    if not all(math.isfinite(number) for number in numbers) or box.width_px <= 0 or box.height_px <= 0:
        raise ValueError(f"a crop needs a box with a finite position and an area, not {box}")


def _surroundings(
    box: OrientedBox, margin: float, quarters: int, picture_width: int, picture_height: int
) -> tuple[tuple[int, int, int, int], NDArray[np.float64]]:
    """Return left, top, right and bottom of the box's surroundings, and its centre in them once they are turned."""
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
    return (left, top, right, bottom), np.array(center)


def _spread(box: OrientedBox, margin: float) -> OrientedBox:
    factor = 1.0 + 2.0 * margin
    return OrientedBox(
        box.center_x_px, box.center_y_px, box.width_px * factor, box.height_px * factor, box.orientation_deg
    )
