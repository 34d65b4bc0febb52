"""Views and crops cut on a GPU: plans, the kernel, and the same arithmetic in NumPy.

The kernel `crop_kernel.cu` averages, warps and averages again only the pixels that a view or a crop shows, straight
into an engine's input; out of an NV12 picture, as a decoder on the GPU leaves it there, it converts them, too. It
follows OpenCV's arithmetic, so the result is that of `Viewport.render` and `crop_face`, within one level.

`DeviceCutter` uses it with the RGB pictures of a station.
"""

from dataclasses import astuple, dataclass
from importlib import resources
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from monitor.faces.crop import CropSpec, crop_placement
from monitor.faces.geometry import OrientedBox
from monitor.faces.viewport import Viewport

__all__ = [
    "BT601",
    "BT709",
    "PLAN_TYPE",
    "Conversion",
    "CropPlan",
    "DevicePicture",
    "kernel_source",
    "nv12_to_rgb",
    "plan_crop",
    "plan_view",
    "render",
]

PLAN_TYPE = np.dtype(
    [
        ("matrix", np.float64, 6),
        *((name, np.int32) for name in ("size", "oversampling", "cubic", "replicate")),
        *((name, np.int32) for name in ("left", "top", "columns", "rows", "shrink", "quarters")),
        *((name, np.int32) for name in ("y_offset", "y_scale", "red_v", "green_u", "green_v", "blue_u", "rgb")),
    ],
    align=True,
)
"""The kernel's `CropPlan`."""


@dataclass(frozen=True, slots=True)
class Conversion:
    """YCbCr to RGB in 1/65536, as whole numbers.

    Attributes:
        y_offset: Luma of black.
        y_scale: Of luma.
        red_v: Of Cr in red.
        green_u: Of Cb in green.
        green_v: Of Cr in green.
        blue_u: Of Cb in blue.
    """

    y_offset: int
    y_scale: int
    red_v: int
    green_u: int
    green_v: int
    blue_u: int

    @classmethod
    def of(cls, red: float, blue: float, *, is_full_range: bool = False) -> "Conversion":
        """Return the conversion for a matrix (ITU-R BT.601 and BT.709, section "signal format").

        Args:
            red: Share of red in luma (Kr).
            blue: Share of blue in luma (Kb).
            is_full_range: Luma from 0 to 255 and not from 16 to 235.
        """
        luma, chroma = (1.0, 1.0) if is_full_range else (255 / 219, 255 / 224)
        green = 1.0 - red - blue
        return cls(
            0 if is_full_range else 16,
            round(65536 * luma),
            round(65536 * chroma * 2 * (1 - red)),
            round(65536 * chroma * -2 * (1 - blue) * blue / green),
            round(65536 * chroma * -2 * (1 - red) * red / green),
            round(65536 * chroma * 2 * (1 - blue)),
        )


BT601 = Conversion.of(0.299, 0.114)
BT709 = Conversion.of(0.2126, 0.0722)


@dataclass(frozen=True, slots=True)
class CropPlan:
    """Where the pixels of one square come from.

    Attributes:
        matrix: From the oversampled square (x, y, 1) to the patch, shape (2, 3).
        size_px: Side of the square.
        oversampling: Warped pixels averaged into one, a side.
        is_cubic: Bicubic and not bilinear.
        is_replicated: Beside the patch lies its border, and not black.
        left: Of the patch in the picture, in pixels.
        top: Likewise.
        columns: Of the patch once it is averaged down, before it is turned.
        rows: Likewise.
        shrink: Pixels averaged into one of the patch, a side.
        quarters: Clockwise turns of the patch by 90 degrees.
    """

    matrix: NDArray[np.float64]
    size_px: int
    oversampling: int
    is_cubic: bool
    is_replicated: bool
    left: int
    top: int
    columns: int
    rows: int
    shrink: int
    quarters: int

    def packed(self, conversion: Conversion | None) -> NDArray[Any]:
        """Return the kernel's own form of it, shape (1,) of `PLAN_TYPE`.

        Args:
            conversion: Of an NV12 picture; None for an RGB picture.
        """
        numbers = (self.size_px, self.oversampling, self.is_cubic, self.is_replicated)
        patch = (self.left, self.top, self.columns, self.rows, self.shrink, self.quarters)
        colours = (0,) * 6 if conversion is None else astuple(conversion)
        return np.array([(self.matrix.ravel(), *numbers, *patch, *colours, conversion is None)], PLAN_TYPE)


@dataclass(frozen=True, slots=True)
class DevicePicture:
    """A picture in the memory of a device.

    Attributes:
        address: Of its luma plane, or of its RGB pixels.
        chroma_address: Of the plane with Cb and Cr in turn; 0 where it is RGB.
        pitch_bytes: From one row to the next, in either plane.
        width_px: Of the picture.
        height_px: Likewise.
        conversion: Of its colours; None where it is RGB.
    """

    address: int
    chroma_address: int
    pitch_bytes: int
    width_px: int
    height_px: int
    conversion: Conversion | None = None


def plan_view(view: Viewport, width_px: int, height_px: int) -> CropPlan:
    """Return the plan of what `Viewport.render` draws of a picture of that size."""
    matrix, part, shrink = view.placement(width_px, height_px)
    inverse = np.asarray(cv2.invertAffineTransform(matrix), np.float64)
    return CropPlan(inverse, view.size_px, 1, False, False, *part, shrink, 0)  # noqa: FBT003 - two of eleven fields


def plan_crop(box: OrientedBox, spec: CropSpec, width_px: int, height_px: int) -> CropPlan:
    """Return the plan of what `crop_face` cuts out of a picture of that size."""
    place = crop_placement(box, spec, width_px, height_px)
    columns, rows = place.right + 1 - place.left, place.bottom + 1 - place.top
    patch = (place.left, place.top, columns, rows, 1, place.quarters)
    return CropPlan(place.from_crop, spec.size_px, place.oversampling, place.is_cubic, True, *patch)  # noqa: FBT003


def nv12_to_rgb(
    luma: NDArray[np.uint8], chroma: NDArray[np.uint8], conversion: Conversion = BT601
) -> NDArray[np.uint8]:
    """Convert a picture as the kernel does: whole numbers, and each chroma sample for its four pixels.

    Args:
        luma: Shape (height, width).
        chroma: Shape (height / 2, width), Cb and Cr in turn.
        conversion: Of the stream.

    Returns:
        Shape (height, width, 3), uint8.
    """
    height, width = luma.shape
    u = np.repeat(np.repeat(chroma[:, 0::2], 2, axis=0), 2, axis=1)[:height, :width].astype(np.int64) - 128
    v = np.repeat(np.repeat(chroma[:, 1::2], 2, axis=0), 2, axis=1)[:height, :width].astype(np.int64) - 128
    base = (luma.astype(np.int64) - conversion.y_offset) * conversion.y_scale + 32768
    planes = (
        base + conversion.red_v * v,
        base + conversion.green_u * u + conversion.green_v * v,
        base + conversion.blue_u * u,
    )
    return np.asarray(np.clip(np.stack(planes, axis=-1) >> 16, 0, 255), np.uint8)


def render(image: NDArray[np.uint8], plan: CropPlan) -> NDArray[np.uint8]:
    """Cut one square by the kernel's arithmetic, slowly; for comparison.

    Args:
        image: Shape (height, width, 3), uint8, RGB.
        plan: Where its pixels come from.

    Returns:
        Shape (size_px, size_px, 3), uint8.
    """
    if plan.columns <= 0 or plan.rows <= 0:
        return np.zeros((plan.size_px, plan.size_px, 3), np.uint8)
    n = plan.shrink
    part = image[plan.top : plan.top + plan.rows * n, plan.left : plan.left + plan.columns * n]
    patch = np.rot90(_average(part, n), -plan.quarters)
    warped = _warp(patch, plan)
    return _average(warped, plan.oversampling).astype(np.uint8)


def _average(image: NDArray[Any], side: int) -> NDArray[Any]:
    height, width = image.shape[0] // side, image.shape[1] // side
    sums = image.reshape(height, side, width, side, 3).astype(np.int64).sum(axis=(1, 3))
    if side == 1:
        return np.asarray(sums)
    if side == 2:
        return np.asarray((sums + 2) >> 2)
    return np.asarray(np.rint(sums.astype(np.float32) * np.float32(1.0 / (side * side))), np.int64)


def _warp(patch: NDArray[np.int64], plan: CropPlan) -> NDArray[Any]:
    side = plan.size_px * plan.oversampling
    y, x = np.mgrid[0:side, 0:side].astype(np.float64)
    first, second = plan.matrix
    px = _steps(first, x, y)
    py = _steps(second, x, y)
    sx, sy, fx, fy = px >> 5, py >> 5, px & 31, py & 31
    if not plan.is_cubic:
        total = np.full((side, side, 3), 512, np.int64)
        for i, j in ((0, 0), (1, 0), (0, 1), (1, 1)):
            weight = (fx if i else 32 - fx) * (fy if j else 32 - fy)
            total += weight[..., None] * _taps(patch, sx + i, sy + j, plan)
        return np.asarray(total >> 10)
    across, down = _cubic(fx / 32.0), _cubic(fy / 32.0)
    value = np.full((side, side, 3), 0.5)
    for j in range(4):
        for i in range(4):
            value += (across[i] * down[j])[..., None] * _taps(patch, sx + i - 1, sy + j - 1, plan)
    return np.asarray(np.clip(np.floor(value), 0, 255), np.int64)


def _steps(row: NDArray[np.float64], x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[Any]:
    """Return one coordinate of every pixel, in steps of 1/32."""
    moved = np.rint((row[1] * y + row[2]) * 1024.0) + 16 + np.rint(row[0] * x * 1024.0)
    return np.asarray(moved.astype(np.int64) >> 5)


def _taps(patch: NDArray[np.int64], x: NDArray[np.int64], y: NDArray[np.int64], plan: CropPlan) -> NDArray[Any]:
    height, width = patch.shape[:2]
    found = patch[np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)]
    if plan.is_replicated:
        return np.asarray(found)
    is_inside = (x >= 0) & (y >= 0) & (x < width) & (y < height)
    return np.where(is_inside[..., None], found, 0)


def _cubic(t: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    a = -0.75
    first = ((a * (t + 1) - 5 * a) * (t + 1) + 8 * a) * (t + 1) - 4 * a
    second = ((a + 2) * t - (a + 3)) * t * t + 1
    third = ((a + 2) * (1 - t) - (a + 3)) * (1 - t) * (1 - t) + 1
    return [first, second, third, 1 - first - second - third]


def kernel_source() -> str:
    """Return the kernel's CUDA source."""
    return (resources.files("monitor.faces") / "crop_kernel.cu").read_text(encoding="utf-8")
