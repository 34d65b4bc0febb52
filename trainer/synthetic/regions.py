"""Masks of the face's regions and of the shortcut cue, to assess where a network looks."""

from types import MappingProxyType

import cv2
import numpy as np
from numpy.typing import NDArray

from monitor.synthetic.canvas import Points, ellipse, ribbon
from monitor.synthetic.cue import cue_corners
from monitor.synthetic.eyes import brow_line
from monitor.synthetic.layout import FaceLayout
from monitor.synthetic.mouth import outer_edge
from monitor.synthetic.picture import sprite_to_picture
from monitor.synthetic.placing import mapped
from monitor.synthetic.portrait import Drawing
from monitor.synthetic.relief import furrow_lines
from monitor.synthetic.setting import Cue, Setting

__all__ = ["REGIONS", "region_bits", "region_mask"]

REGIONS = MappingProxyType(
    {"face": 1, "brows": 2, "eyes": 4, "nose": 8, "nasolabial": 16, "mouth": 32, "chin": 64, "cue": 128}
)
"""Region to its bit; a pixel can lie in several."""


def region_mask(bits: NDArray[np.uint8], region: str) -> NDArray[np.bool_]:
    """Return where a region lies.

    Args:
        bits: As from `region_bits`, shape (H, W).
        region: A key of `REGIONS`.
    """
    return (bits & REGIONS[region]) > 0


def region_bits(drawing: Drawing, setting: Setting) -> NDArray[np.uint8]:
    """Return the regions of a still.

    Args:
        drawing: The head.
        setting: Where it lies, and the cue.

    Returns:
        Bits of `REGIONS`, uint8, shape (height_px, width_px).
    """
    shape = (setting.height_px, setting.width_px)
    bits = np.zeros(shape, np.uint8)
    for region, shapes in _shapes(drawing.layout).items():
        mask = np.zeros(shape, np.uint8)
        for points in shapes:
            _fill(mask, mapped(setting.placement, points))
        bits |= mask * np.uint8(REGIONS[region])
    if setting.cue is not Cue.NONE:
        mask = np.zeros(shape, np.uint8)
        _fill(mask, cue_corners(setting))
        matrix = sprite_to_picture(drawing.sprite, setting.placement)
        head = cv2.warpAffine(drawing.sprite.opacity, matrix, (shape[1], shape[0]))
        mask[head > 127] = 0
        bits |= mask * np.uint8(REGIONS["cue"])
    return bits


def _fill(mask: NDArray[np.uint8], points_px: Points) -> None:
    cv2.fillPoly(mask, [np.rint(points_px).astype(np.int32)], 1)


def _shapes(layout: FaceLayout) -> dict[str, list[Points]]:
    """Return each region's outlines in face units."""
    person = layout.identity
    left, top, right, bottom = layout.box
    box = np.array([(left, top), (right, top), (right, bottom), (left, bottom)])
    lip_top, lip_bottom = outer_edge(layout)
    nose_x, nose_y = (float(value) for value in layout.nose)
    half = person.nose_half_width
    brows = [ribbon(brow_line(layout, side), np.full(13, 0.2)) for side in (-1.0, 1.0)]
    glabella = ellipse(*layout.at(0.0, person.brow + 0.06, 0.2), 0.2, 0.17)
    nose = np.array([(0.4 * nose_x - 0.12, 0.0), (0.4 * nose_x + 0.12, 0.0)])
    wings = np.array([(nose_x + 1.25 * half, nose_y + 0.12), (nose_x - 1.25 * half, nose_y + 0.12)])
    return {
        "face": [_within(layout.outline, box)],
        "brows": [*brows, glabella],
        "eyes": [ellipse(float(x), float(y), person.eye_half_width + 0.1, 0.19) for x, y in layout.eyes],
        "nose": [np.concatenate([nose, wings])],
        "nasolabial": [ribbon(line, np.full(len(line), 0.16)) for line in furrow_lines(layout)],
        "mouth": [np.concatenate([lip_top, lip_bottom[::-1]])],
        "chin": [ellipse(float(layout.chin[0]), float(layout.chin[1]) - 0.16, 0.3, 0.17)],
    }


def _within(outline: Points, box: Points) -> Points:
    """Return the part of a convex-like outline inside an upright box."""
    low, high = box.min(axis=0), box.max(axis=0)
    clipped: Points = np.clip(outline, low, high)
    return clipped
