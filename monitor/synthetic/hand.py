"""Hands that cover a face: the infant's own fist, or a carer's hand, bare or gloved."""

import cv2
import numpy as np

from monitor.synthetic.canvas import FloatImage, Grid, Points, curve, ellipse
from monitor.synthetic.identity import Colour
from monitor.synthetic.overlay import Overlay
from monitor.synthetic.skin import Light
from monitor.synthetic.sprite import Sprite

__all__ = ["GLOVE", "draw_fist", "draw_hand"]

GLOVE: Colour = (92.0, 140.0, 196.0)


def _layer(overlay: Overlay, grid: Grid, mask: FloatImage, colour: Colour, light: Light, roundness: float) -> None:
    """Lay a shape over what is there, shaded as if it were inflated."""
    distance = cv2.distanceTransform((mask > 0.5).astype(np.uint8), cv2.DIST_L2, 5) / np.float32(grid.pixels_per_iod)
    reach = np.float32(roundness)
    near = np.clip(distance / reach, 0.0, 1.0)
    height = cv2.GaussianBlur(reach * np.sqrt(near * (2.0 - near)), (0, 0), 0.03 * grid.pixels_per_iod + 0.5)
    scale = grid.pixels_per_iod / 8.0
    slope_x = cv2.Sobel(height, cv2.CV_32F, 1, 0, scale=scale)
    slope_y = cv2.Sobel(height, cv2.CV_32F, 0, 1, scale=scale)
    length = 1.0 / np.sqrt(1.0 + slope_x**2 + slope_y**2)
    norm = float(np.sqrt(light.x**2 + light.y**2 + light.z**2))
    facing = np.maximum((light.z - light.x * slope_x - light.y * slope_y) / norm * length, 0.0)
    gain = (0.5 + 0.55 * facing).astype(np.float32)
    shadow = cv2.GaussianBlur(mask, (0, 0), 0.06 * grid.pixels_per_iod + 0.3) * np.float32(0.45)
    overlay.blend((36.0, 24.0, 22.0), shadow * (np.float32(1.0) - mask))
    overlay.blend(np.asarray(colour, np.float32) * gain[..., None] * light.colour, mask)


def _capsule(grid: Grid, line: Points, width: float) -> FloatImage:
    ends = [ellipse(float(x), float(y), width / 2, width / 2) for x, y in (line[0], line[-1])]
    return np.maximum(grid.stroke(line, width=width), grid.fill(*ends))


def draw_hand(colour: Colour, sleeve: Colour, light: Light, pixels_per_iod: float) -> Sprite:
    """Draw an adult's hand with its forearm, about as large as an infant's face.

    Args:
        colour: Of skin or glove.
        sleeve: Of the sleeve.
        light: As seen in the hand's own plane.
        pixels_per_iod: Resolution.

    Returns:
        A sprite whose origin is the middle of the palm; the fingers point up, the arm leaves downwards.
    """
    grid = Grid.spanning(pixels_per_iod, -1.6, -2.1, 1.6, 6.0)
    overlay = Overlay(grid.height_px, grid.width_px)
    _layer(overlay, grid, _capsule(grid, curve((0.0, 0.6), (0.05, 3.0), (0.2, 7.0)), 0.95), colour, light, 0.45)
    thumb = curve((-0.45, 0.55), (-1.0, 0.25), (-1.15, -0.35))
    _layer(overlay, grid, _capsule(grid, thumb, 0.4), colour, light, 0.2)
    palm = grid.fill(ellipse(0.0, 0.05, 0.78, 0.85), soft=0.01)
    _layer(overlay, grid, palm, colour, light, 0.4)
    for x, reach, lean in ((-0.57, -1.25, -0.14), (-0.19, -1.55, -0.04), (0.2, -1.48, 0.05), (0.56, -1.15, 0.16)):
        finger = curve((x, -0.2), (x + 0.3 * lean, 0.5 * reach), (x + lean, reach))
        _layer(overlay, grid, _capsule(grid, finger, 0.36), colour, light, 0.18)
    knuckles = [curve((x - 0.1, -0.62), (x, -0.66), (x + 0.1, -0.62)) for x in (-0.6, -0.2, 0.21, 0.6)]
    dark = (0.6 * colour[0], 0.5 * colour[1], 0.5 * colour[2])
    overlay.blend(dark, grid.stroke(*knuckles, width=0.02, soft=0.014) * np.float32(0.45))
    _layer(overlay, grid, _capsule(grid, curve((0.1, 2.3), (0.12, 4.0), (0.2, 8.0)), 1.3), sleeve, light, 0.5)
    return Sprite.from_float(overlay.colour, overlay.opacity, grid)


def draw_fist(colour: Colour, sleeve: Colour, light: Light, pixels_per_iod: float) -> Sprite:
    """Draw an infant's fist with a sleeved arm; arguments and origin as for `draw_hand`."""
    grid = Grid.spanning(pixels_per_iod, -0.8, -0.8, 0.8, 3.6)
    overlay = Overlay(grid.height_px, grid.width_px)
    _layer(overlay, grid, _capsule(grid, curve((0.0, 0.3), (0.05, 1.5), (0.1, 4.0)), 0.42), colour, light, 0.2)
    _layer(overlay, grid, grid.fill(ellipse(0.0, 0.0, 0.42, 0.4), soft=0.01), colour, light, 0.3)
    for x in (-0.3, -0.1, 0.1, 0.3):
        finger = curve((x, -0.32), (x * 1.08, -0.12), (x, 0.1))
        _layer(overlay, grid, _capsule(grid, finger, 0.2), colour, light, 0.1)
    _layer(overlay, grid, _capsule(grid, curve((-0.42, 0.2), (-0.2, 0.12), (0.12, 0.16)), 0.2), colour, light, 0.1)
    _layer(overlay, grid, _capsule(grid, curve((0.05, 0.75), (0.06, 2.0), (0.1, 4.5)), 0.6), sleeve, light, 0.25)
    return Sprite.from_float(overlay.colour, overlay.opacity, grid)
