"""The picture behind the face: sheet, rails, the head's shadow, body and fist, cables, and the shortcut cue."""

import numpy as np
from numpy.typing import NDArray

from monitor.synthetic.canvas import FloatImage, Grid, Points, blend, curve, moved, spread
from monitor.synthetic.cloth import folds, print_pattern
from monitor.synthetic.cue import draw_cue
from monitor.synthetic.hand import draw_fist
from monitor.synthetic.identity import Colour, Identity
from monitor.synthetic.picture import paste
from monitor.synthetic.placing import mapped
from monitor.synthetic.setting import Placement, Setting
from monitor.synthetic.swaddle import draw_body, head_shadow

__all__ = ["draw_cot"]

_CABLES: tuple[Colour, ...] = ((200, 40, 44), (240, 238, 232), (40, 120, 70), (60, 62, 70))
_BEYOND_PX = 9.0
# Beside the cheek, on the side where the cue is not.
_FIST = (1.62, 1.02)
_FIST_LEAN_DEG = 24.0


def draw_cot(setting: Setting, identity: Identity | None) -> NDArray[np.uint8]:
    """Draw everything behind the head.

    Args:
        setting: What is around the infant.
        identity: The infant, for the colour of neck and hand; None draws an empty cot.

    Returns:
        RGB, uint8, shape (H, W, 3).
    """
    picture = np.clip(_draw_cloth(setting, identity), 0.0, 255.0).astype(np.uint8)
    if setting.has_fist and identity is not None:
        placement = setting.placement
        side = -float(setting.cue_side)
        fist_at = mapped(placement, np.array([(side * _FIST[0], _FIST[1])]))[0]
        orientation = placement.orientation_deg + side * _FIST_LEAN_DEG
        light = setting.light.turned(orientation)
        fist = draw_fist(identity.skin, setting.blanket_stripe, light, float(np.clip(placement.iod_px, 12.0, 160.0)))
        paste(picture, fist, Placement(float(fist_at[0]), float(fist_at[1]), placement.iod_px, orientation))
    return picture


def _draw_cloth(setting: Setting, identity: Identity | None) -> FloatImage:
    grid = Grid.of_picture(setting.width_px, setting.height_px)
    # Each thing has a generator of its own, so that a moved face does not change the colour of the rails.
    cloth, rails, body, cables = (np.random.default_rng([setting.seed, 13, index]) for index in range(4))
    image = np.empty((grid.height_px, grid.width_px, 3), np.float32)
    image[:] = setting.sheet
    print_pattern(image, setting)
    image *= spread(folds(cloth, grid, setting, max(40.0, 0.9 * setting.placement.iod_px), 0.07))
    if setting.has_rails:
        _draw_rails(image, grid, setting, rails)
    if identity is not None:
        red, green, blue = (0.35 * value for value in setting.sheet)
        blend(image, (red, green, blue), head_shadow(grid, setting) * np.float32(0.55))
        draw_body(image, grid, setting, identity, body)
    for _ in range(setting.cables):
        _draw_cable(image, grid, setting, cables)
    draw_cue(image, setting)
    image *= spread(_falloff(grid, setting))
    image *= setting.light.colour
    return image


def _band(left: float, right: float, y0: float, y1: float) -> Points:
    return np.array([(left, y0), (right, y0), (right, y1), (left, y1)])


def _draw_rails(image: FloatImage, grid: Grid, setting: Setting, rng: np.random.Generator) -> None:
    """Draw the bars of the cot along the upper or lower edge, whichever is farther from the face."""
    width, height = float(setting.width_px), float(setting.height_px)
    depth = 0.16 * min(width, height)
    at_top = setting.placement.y_px > 0.42 * height
    y, end = (depth, -_BEYOND_PX) if at_top else (height - depth, height + _BEYOND_PX)
    left, right = -_BEYOND_PX, width + _BEYOND_PX
    blend(image, (64.0, 66.0, 70.0), grid.fill(_band(left, right, y, end), soft=2.0) * np.float32(0.92))
    bar = float(rng.uniform(0.035, 0.06)) * width
    wood: Colour = (232.0, 230.0, 224.0) if rng.random() < 0.6 else (176.0, 138.0, 98.0)
    lean = float(rng.uniform(-0.2, 0.2)) * depth
    outline = np.array([(0.0, y), (0.55 * bar, y), (0.55 * bar + lean, end), (lean, end)])
    bars = [moved(outline, float(x), 0.0) for x in np.arange(-bar, width + bar, 2.4 * bar)]
    shadows = grid.fill(*(moved(corners, 0.18 * bar, 0.0) for corners in bars), soft=2.5)
    blend(image, (40.0, 40.0, 44.0), shadows * np.float32(0.5))
    blend(image, wood, grid.fill(*bars))
    rail = _band(left, right, y - 0.2 * bar, y + 0.25 * bar)
    blend(image, (60.0, 60.0, 64.0), grid.fill(moved(rail, 0.0, 0.2 * bar), soft=4.0) * np.float32(0.5))
    blend(image, wood, grid.fill(rail, soft=0.6))


def _draw_cable(image: FloatImage, grid: Grid, setting: Setting, rng: np.random.Generator) -> None:
    """Lay a cable from the body to the edge of the picture."""
    iod = setting.placement.iod_px
    on_body = np.array([(float(rng.uniform(-1.2, 1.2)), float(rng.uniform(3.2, 5.0)))])
    start = mapped(setting.placement, on_body)[0]
    edge = np.array([float(rng.choice([-20.0, setting.width_px + 20.0])), float(rng.uniform(0.0, setting.height_px))])
    bend = (start + edge) / 2 + rng.normal(0.0, 0.8 * iod, 2)
    line = curve((start[0], start[1]), (bend[0], bend[1]), (edge[0], edge[1]), count=30)
    colour = _CABLES[int(rng.integers(len(_CABLES)))]
    width = max(1.5, 0.05 * iod)
    shadow = grid.stroke(moved(line, 0.03 * iod, 0.05 * iod), width=width, soft=0.03 * iod)
    blend(image, (30.0, 30.0, 34.0), shadow * np.float32(0.4))
    blend(image, colour, grid.stroke(line, width=width, soft=0.6))


def _falloff(grid: Grid, setting: Setting) -> FloatImage:
    """Return how the light falls off towards the side away from it, shape (H, W)."""
    x = np.linspace(-1.0, 1.0, grid.width_px, dtype=np.float32)[None]
    y = np.linspace(-1.0, 1.0, grid.height_px, dtype=np.float32)[:, None]
    tilt = np.float32(0.12 * setting.light.x) * x + np.float32(0.12 * setting.light.y) * y
    gain = np.float32(0.98) + tilt - np.float32(0.1) * (x * x + y * y)
    return np.asarray(gain, np.float32)
