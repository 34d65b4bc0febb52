"""Eyes and brows: lids between open, asleep and squeezed; iris, lashes, hair of the brows."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from monitor.synthetic.canvas import FloatImage, Grid, Points, blend, curve, ellipse, moved, ribbon
from monitor.synthetic.layout import FaceLayout

__all__ = ["aperture", "brow_line", "draw_brows", "draw_eyes", "lid_gap"]

_WHITE = np.array([222.0, 218.0, 214.0], np.float32)
_PUPIL = (16.0, 12.0, 12.0)
_CLOSED = 0.022
_ACROSS = np.linspace(-1.0, 1.0, 21)


def aperture(layout: FaceLayout) -> float:
    """Return the height of the lid gap in face units, 0 for closed eyes."""
    expression = layout.expression
    openness = (1.0 - expression.eyes_closed) * max(0.0, 1.0 - 1.15 * expression.eye_squeeze)
    height = layout.identity.eye_height * openness
    return height if height > _CLOSED else 0.0


def lid_gap(layout: FaceLayout, index: int) -> tuple[Points, Points]:
    """Return the edges of the upper and the lower lid, each (21, 2), left to right; `index` is 0 for the left eye."""
    person, expression = layout.identity, layout.expression
    x, y = layout.eyes[index]
    height = aperture(layout)
    squeeze = expression.eye_squeeze
    half = person.eye_half_width * (1.0 - 0.1 * squeeze) * (1.0 - 0.25 * abs(layout.turn.sideways))
    bow = 1.0 - np.abs(_ACROSS) ** 2.2
    # Closed lids meet low, in a soft bow; squeezed lids meet in the middle, nearly straight.
    rest_line = (0.055 - 0.05 * squeeze) * bow + 0.02
    upper = rest_line - height * (1.0 - np.abs(_ACROSS) ** 2.6) - 0.25 * (0.055 * bow) * (height > 0)
    lower = rest_line + 0.0 * bow
    outer = 1.0 if index == 1 else -1.0
    tilt = -person.eye_tilt * outer * _ACROSS + 0.012 * (1.0 - outer * _ACROSS) * 0.5
    across = x + half * _ACROSS
    return np.stack([across, y + upper + tilt], axis=1), np.stack([across, y + lower + tilt], axis=1)


def draw_eyes(image: FloatImage, grid: Grid, layout: FaceLayout, light_gain: FloatImage) -> None:
    """Draw both eyes over lit skin, in place.

    Args:
        image: Lit skin, shape (H, W, 3).
        grid: Its canvas.
        layout: The face.
        light_gain: RGB gain of the light where the eyes lie, shape (3,).
    """
    for index in range(2):
        upper, lower = lid_gap(layout, index)
        x, y = layout.eyes[index]
        half = layout.identity.eye_half_width
        part, window = grid.window(x - half - 0.2, y - 0.26, x + half + 0.2, y + 0.2)
        view = image[window]
        if aperture(layout) > 0.0:
            _open_eye(view, part, layout, index, light_gain)
        _lids(view, part, layout, upper, lower)


def _open_eye(view: FloatImage, part: Grid, layout: FaceLayout, index: int, light_gain: FloatImage) -> None:
    """Lay eyeball, iris and pupil into the lid gap."""
    upper, lower = lid_gap(layout, index)
    height = aperture(layout)
    person = layout.identity
    center = (upper[10] + lower[10]) / 2 + (0.06 * layout.turn.sideways, 0.0)
    center[1] -= 0.006
    radius = 0.125 if not person.is_adult else 0.088
    ball = np.empty_like(view)
    ball[:] = _WHITE * light_gain
    rim = np.array(person.iris, np.float32)
    blend(ball, tuple(rim * 0.45 * light_gain), part.fill(ellipse(center[0], center[1], radius, radius), soft=0.006))
    inner = part.fill(ellipse(center[0], center[1] + 0.015, radius * 0.86, radius * 0.84), soft=0.014)
    blend(ball, tuple(rim * 1.05 * light_gain), inner)
    blend(ball, _PUPIL, part.fill(ellipse(center[0], center[1], radius * 0.46, radius * 0.46), soft=0.006))
    # The upper lid throws a shadow on the ball.
    blend(ball, (28.0, 20.0, 20.0), part.stroke(upper, width=0.06, soft=0.02) * np.float32(0.6))
    spark = part.fill(ellipse(center[0] - 0.04, center[1] - 0.25 * height, 0.024, 0.022), soft=0.005)
    blend(ball, (246.0, 246.0, 244.0), spark * np.float32(0.9))
    gap = part.fill(np.concatenate([upper, lower[::-1]]), soft=0.004)
    blend(view, ball, gap)


def _lids(view: FloatImage, part: Grid, layout: FaceLayout, upper: Points, lower: Points) -> None:
    """Draw the edges of the lids and the lashes."""
    person, squeeze = layout.identity, layout.expression.eye_squeeze
    lash = np.array(person.hair, np.float32) * 0.45
    taper = 0.006 + 0.02 * (1.0 - _ACROSS**2)
    weight = np.float32(0.85 if person.is_adult else 0.72)
    if aperture(layout) > 0.0:
        blend(view, tuple(lash), part.fill(ribbon(upper, taper), soft=0.007) * weight)
        pink = np.array(person.lip, np.float32) * 0.72
        blend(view, tuple(pink), part.stroke(lower, width=0.014, soft=0.008) * np.float32(0.6))
        return
    shadow = part.stroke(moved(lower, 0.0, -0.004), width=0.045 + 0.02 * squeeze, soft=0.02)
    dark = np.array(person.skin, np.float32) * (0.42, 0.28, 0.26)
    blend(view, tuple(dark), shadow * np.float32(0.35 + 0.4 * squeeze))
    blend(view, tuple(lash), part.fill(ribbon(lower, taper * (0.95 + 0.3 * squeeze)), soft=0.006) * weight)
    if squeeze < 0.5:
        hairs = [
            curve(
                tuple(lower[i]),
                tuple(lower[i] + (0.008 * _ACROSS[i], 0.02)),
                tuple(lower[i] + (0.03 * _ACROSS[i], 0.04)),
                count=5,
            )
            for i in range(2, 19, 2)
        ]
        blend(view, tuple(lash), part.stroke(*hairs, width=0.006) * np.float32(0.5))


def draw_brows(image: FloatImage, grid: Grid, layout: FaceLayout) -> None:
    """Draw both brows over lit skin, in place: a soft arc and hairs that follow it."""
    part, window = grid.window(-1.15, layout.identity.brow - 0.35, 1.15, layout.identity.brow + 0.35)
    view = image[window]
    colour = tuple(np.array(layout.identity.hair, np.float32) * 0.8)
    opacity = np.float32(layout.identity.brow_darkness)
    shapes, hairs = [], []
    for side in (-1.0, 1.0):
        line = brow_line(layout, side)
        shapes.append(ribbon(line, _brow_widths(layout)))
        hairs += _brow_hairs(line, side, layout.identity.seed)
    blend(view, colour, part.fill(*shapes, soft=0.022) * (opacity * np.float32(0.6)))
    blend(view, colour, part.stroke(*hairs, width=0.009) * (opacity * np.float32(0.75)))


def brow_line(layout: FaceLayout, side: float) -> Points:
    """Return the middle line of a brow, shape (13, 2), from its inner end outwards; `side` is -1 or +1."""
    bulge, brow = layout.expression.brow_bulge, layout.identity.brow
    squeeze = layout.expression.eye_squeeze
    lift = 0.05 * layout.expression.vertical_stretch * (1.0 - bulge)
    inner = layout.at(side * (0.25 - 0.065 * bulge), brow + 0.015 + 0.105 * bulge - lift, 0.2)
    middle = layout.at(side * 0.5, brow - 0.075 + 0.06 * bulge + 0.03 * squeeze - lift, 0.1)
    outer = layout.at(side * 0.83, brow + 0.07 + 0.03 * squeeze - lift, -0.2)
    return curve(inner, middle, outer, count=13)


def _brow_widths(layout: FaceLayout) -> NDArray[np.float64]:
    widest = 0.1 if layout.identity.is_adult else 0.075
    return widest * np.array([0.5, 0.85, 1.0, 1.0, 1.0, 0.95, 0.9, 0.8, 0.7, 0.58, 0.45, 0.32, 0.18])


@lru_cache(maxsize=32)
def _brow_growth(seed: int) -> tuple[NDArray[np.int64], Points]:
    """Return where on the brow's line hairs grow, shape (26,), and how: root x, root y, reach, rise, shape (26, 4)."""
    rng = np.random.default_rng([seed, 4])
    roots = rng.integers(0, 12, 26)
    growth = rng.normal(0.0, 1.0, (26, 4)) * (0.02, 0.016, 0.012, 0.012) + (0.0, 0.0, 0.05, -0.02)
    return roots, growth


def _brow_hairs(line: Points, side: float, seed: int) -> list[Points]:
    """Return the hairs of one brow; they are carried along by its line."""
    roots, growth = _brow_growth(seed)
    starts = line[roots] + growth[:, :2]
    ends = starts + growth[:, 2:] * (side, 1.0)
    return list(np.stack([starts, ends], axis=1))
