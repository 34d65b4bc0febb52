"""The face as a landscape: bumps and creases whose slopes are lit.

The skin's height is a sum of axis-parallel Gaussian bumps, so that its slopes over a whole canvas are two small matrix
products, plus a few narrow creases that are painted as lines. Brow bulge, lid folds and nasolabial furrow are changes
of height, and their shading follows the light by itself.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from monitor.synthetic.canvas import FloatImage, Grid, Points, curve, product
from monitor.synthetic.layout import FaceLayout

__all__ = ["Bump", "Relief", "furrow_lines", "relief"]

Bump = tuple[float, float, float, float, float]
"""x, y, spread in x, spread in y, height; all in face units."""


@dataclass(frozen=True, slots=True)
class Relief:
    """Slopes of the skin.

    Attributes:
        slope_x: Rise per unit to the right, shape (H, W).
        slope_y: Rise per unit downwards, shape (H, W).
        crease: How deep in a crease a pixel lies, shape (H, W), in [0, 1].
    """

    slope_x: FloatImage
    slope_y: FloatImage
    crease: FloatImage


def _features(layout: FaceLayout) -> list[Bump]:
    """The bumps of the face at rest, carried along by the jaw and by the turn of the head."""
    person, at = layout.identity, layout.at
    mouth_x = (layout.mouth_left[0] + layout.mouth_right[0]) / 2
    lip_y, chin_y = float(layout.lip_bottom[1]), float(layout.chin[1])
    upper_y = float(layout.lip_top[1])
    half_mouth = float(layout.mouth_right[0] - layout.mouth_left[0]) / 2
    chin_x, nose_x, nose_y = float(layout.chin[0]), float(layout.nose[0]), float(layout.nose[1])
    scale = person.nose_half_width / 0.2
    bridge = 0.5 * (nose_y - 0.1)
    bumps: list[Bump] = [
        (*at(0.0, -1.0, -0.2), 0.75, 0.4, 0.07),
        (nose_x * 0.45, bridge, 0.12 * scale, 0.26 * nose_y / 0.37, 0.1 if person.is_adult else 0.055),
        (nose_x, nose_y - 0.01, 0.12 * scale, 0.1, 0.13),
        (nose_x, nose_y + 0.03, 0.07 * scale, 0.05, 0.03),
        (nose_x * 0.97, nose_y + 0.13, 0.14, 0.045, -0.045),
        (mouth_x, upper_y - 0.1, 0.3, 0.13, 0.05),
        (mouth_x, upper_y - 0.13, 0.035, 0.06, -0.012),
        (mouth_x, upper_y - 0.035, half_mouth * 0.62, 0.035, 0.024),
        (mouth_x, lip_y + 0.05, half_mouth * 0.5, 0.05, 0.045),
        (mouth_x, lip_y + 0.16, 0.24, 0.045, -0.035),
        (chin_x, chin_y - 0.13, 0.2, 0.11, 0.085),
    ]
    for side, eye in zip((-1.0, 1.0), layout.eyes, strict=True):
        wing = side * (person.nose_half_width - 0.055)
        bumps += [
            (*at(side * 0.52, -0.04, 0.0), 0.3, 0.17, -0.07),
            (float(eye[0]), float(eye[1]) + 0.015, 0.19, 0.12, 0.075),
            (*at(side * 0.5, person.brow + 0.06, 0.1), 0.3, 0.09, 0.045),
            (nose_x + wing, nose_y + 0.035, 0.06 * scale, 0.06, 0.055),
            (*at(side * 0.68, 0.55, 0.2), 0.32, 0.3, person.cheek_fullness),
            (*at(side * 0.5, 0.23, 0.2), 0.2, 0.05, 0.012),
        ]
    return bumps


def _brow_bulge(layout: FaceLayout) -> list[Bump]:
    """Glabella and inner brows bulge, with vertical creases between them and one across the root of the nose."""
    strength, at, brow = layout.expression.brow_bulge, layout.at, layout.identity.brow
    bumps: list[Bump] = [
        (*at(0.0, brow + 0.06, 0.25), 0.13, 0.1, 0.06 * strength),
        (*at(0.0, -0.12, 0.3), 0.11, 0.016, -0.02 * strength),
        (*at(0.0, brow - 0.35, 0.0), 0.45, 0.022, -0.01 * strength),
        (*at(0.0, brow - 0.25, 0.0), 0.4, 0.022, -0.009 * strength),
    ]
    for side in (-1.0, 1.0):
        bumps += [
            (*at(side * 0.25, brow + 0.11, 0.15), 0.14, 0.065, 0.06 * strength),
            (*at(side * 0.055, brow + 0.05, 0.25), 0.016, 0.09, -0.02 * strength),
            (*at(side * 0.125, brow + 0.03, 0.22), 0.015, 0.075, -0.014 * strength),
        ]
    return bumps


def _eye_squeeze(layout: FaceLayout) -> list[Bump]:
    """Lids and the pads under the eyes bulge, the cheeks rise."""
    strength, at = layout.expression.eye_squeeze, layout.at
    bumps: list[Bump] = []
    for side in (-1.0, 1.0):
        bumps += [
            (*at(side * 0.5, -0.085, 0.0), 0.23, 0.06, 0.045 * strength),
            (*at(side * 0.5, 0.115, 0.0), 0.22, 0.05, 0.045 * strength),
            (*at(side * 0.52, 0.2, 0.1), 0.2, 0.02, -0.014 * strength),
            (*at(side * 0.64, 0.4, 0.2), 0.26, 0.14, 0.055 * strength),
        ]
    return bumps


def _furrow(layout: FaceLayout) -> list[Bump]:
    """The fold of the cheek above the furrow, and the broadened nose."""
    strength, at, nose = layout.expression.nasolabial_furrow, layout.at, layout.identity.nose
    bumps: list[Bump] = []
    for side in (-1.0, 1.0):
        bumps += [
            (*at(side * 0.42, nose + 0.17, 0.3), 0.12, 0.15, 0.06 * strength),
            (*at(side * (layout.identity.nose_half_width + 0.01), nose + 0.02, 0.8), 0.06, 0.07, 0.02 * strength),
        ]
    return bumps


def furrow_lines(layout: FaceLayout) -> list[Points]:
    """Return the nasolabial furrows: from the wing of the nose to outside the mouth's corner."""
    person, at = layout.identity, layout.at
    lines = []
    for side, corner in ((-1.0, layout.mouth_left), (1.0, layout.mouth_right)):
        start = at(side * (person.nose_half_width + 0.03), person.nose - 0.02, 0.85)
        end = (float(corner[0]) + side * 0.12, float(corner[1]) + 0.06)
        bend = (start[0] + side * 0.17, start[1] + 0.1)
        lines.append(curve(start, bend, end))
    return lines


def _squeeze_lines(layout: FaceLayout) -> list[Points]:
    """Return the radial creases at the outer and inner corners of squeezed eyes."""
    lines = []
    half = layout.identity.eye_half_width
    for side, (eye_x, eye_y) in zip((-1.0, 1.0), layout.eyes, strict=True):
        x, y = eye_x + side * half * 1.02, eye_y + 0.02
        for degrees, reach in ((-30.0, 0.13), (-6.0, 0.16), (20.0, 0.15)):
            angle = np.deg2rad(degrees)
            end = (x + side * reach * np.cos(angle), y + reach * np.sin(angle))
            lines.append(curve((x, y), (x + side * 0.5 * reach, y + 0.3 * reach * np.sin(angle)), end))
        x = eye_x - side * half
        lines.append(curve((x, y + 0.02), (x - side * 0.06, y + 0.04), (x - side * 0.1, y + 0.1)))
    return lines


def _lid_folds(layout: FaceLayout) -> list[Points]:
    """Return the folds above the lids."""
    half, height = layout.identity.eye_half_width, layout.identity.eye_height
    lift = 0.075 + 0.45 * height * (1.0 - layout.expression.eye_squeeze)
    lines = []
    for side, (x, y) in zip((-1.0, 1.0), layout.eyes, strict=True):
        lines.append(
            curve(
                (x - side * half * 0.95, y - 0.3 * lift), (x, y - 1.65 * lift), (x + side * half * 1.1, y - 0.25 * lift)
            )
        )
    return lines


def relief(grid: Grid, layout: FaceLayout) -> Relief:
    """Return the slopes of a face.

    Args:
        grid: The canvas.
        layout: The face.
    """
    bumps = _features(layout) + _brow_bulge(layout) + _eye_squeeze(layout) + _furrow(layout)
    table = np.array([bump for bump in bumps if bump[4] != 0.0], np.float32)
    slope_x, slope_y = _slopes(grid, table)
    ball_x, ball_y = _ball(grid, layout)
    slope_x += ball_x
    slope_y += ball_y
    expression = layout.expression
    crease = grid.stroke(*_lid_folds(layout), width=0.02, soft=0.014) * np.float32(0.55)
    if expression.nasolabial_furrow > 0.02:
        crease += grid.stroke(*furrow_lines(layout), width=0.035, soft=0.03) * np.float32(
            1.1 * expression.nasolabial_furrow
        )
    elif layout.identity.is_adult:
        crease += grid.stroke(*furrow_lines(layout), width=0.03, soft=0.03) * np.float32(0.35)
    if expression.eye_squeeze > 0.05:
        crease += grid.stroke(*_squeeze_lines(layout), width=0.014, soft=0.011) * np.float32(
            0.9 * expression.eye_squeeze
        )
    depth = np.float32(-0.045 * grid.pixels_per_iod / 8.0)
    slope_x += cv2.Sobel(crease, cv2.CV_32F, 1, 0) * depth
    slope_y += cv2.Sobel(crease, cv2.CV_32F, 0, 1) * depth
    return Relief(slope_x, slope_y, np.minimum(crease, np.float32(1.0)))


def _slopes(grid: Grid, table: NDArray[np.float32]) -> tuple[FloatImage, FloatImage]:
    """Sum the slopes of all bumps of a table (K, 5)."""
    x, y, spread_x, spread_y, height = (table[:, index, None] for index in range(5))
    across = (grid.x[None] - x) / spread_x
    down = (grid.y[None] - y) / spread_y
    bell_x = np.exp(np.float32(-0.5) * across * across)
    bell_y = np.exp(np.float32(-0.5) * down * down) * height
    slope_x = product(np.ascontiguousarray(bell_y.T), -across / spread_x * bell_x)
    slope_y = product(np.ascontiguousarray((-down / spread_y * bell_y).T), bell_x)
    return slope_x, slope_y


def _ball(grid: Grid, layout: FaceLayout) -> tuple[FloatImage, FloatImage]:
    """Return the slopes of the head as a flattened ball."""
    person = layout.identity
    half_width = np.float32(person.skull_half_width * 1.12)
    half_height = np.float32((person.chin - person.skull_top) * 0.56)
    across = (grid.x - np.float32(layout.skull[0] * 0.5)) / half_width
    down = (grid.y - np.float32((person.chin + person.skull_top) / 2)) / half_height
    depth = np.float32(0.95)
    rest = np.float32(1.0) - (across * across)[None] - (down * down)[:, None]
    steepness = depth / np.sqrt(np.maximum(rest, np.float32(0.16)))
    slope_x = np.asarray((across / -half_width)[None] * steepness, np.float32)
    slope_y = np.asarray((down / -half_height)[:, None] * steepness, np.float32)
    return slope_x, slope_y
