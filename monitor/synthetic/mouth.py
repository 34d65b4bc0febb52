"""Mouth: lips, the opening between them, gums and tongue; and the nostrils above it."""

import numpy as np

from monitor.synthetic.canvas import FloatImage, Grid, Points, blend, curve, ellipse, moved
from monitor.synthetic.layout import FaceLayout

__all__ = ["draw_mouth", "draw_nostrils", "inner_edge", "outer_edge"]

_ACROSS = np.linspace(-1.0, 1.0, 25)
_DARK = np.array([74.0, 20.0, 24.0], np.float32)
_GUM = np.array([206.0, 122.0, 122.0], np.float32)
_TONGUE = np.array([204.0, 104.0, 108.0], np.float32)


def _row(layout: FaceLayout, middle: float, power: float) -> Points:
    """Return a line from corner to corner whose middle lies at y `middle`; a high power makes it squarer.

    A dropped jaw rounds it: the mouth of a yawn is an oval, not a lens.
    """
    left, right = layout.mouth_left, layout.mouth_right
    base = left + (right - left) * ((_ACROSS + 1.0) / 2)[:, None]
    bulge = (1.0 - np.abs(_ACROSS) ** power) ** (1.0 - 0.42 * layout.expression.vertical_stretch)
    y = base[:, 1] + (middle - base[:, 1]) * bulge
    return np.stack([base[:, 0], y], axis=1)


def inner_edge(layout: FaceLayout) -> tuple[Points, Points]:
    """Return the inner edges of the upper and of the lower lip, each (25, 2), left to right."""
    expression = layout.expression
    square = 1.9 + 1.1 * expression.horizontal_stretch * expression.open_lips
    upper = _row(layout, float(layout.lip_top[1]), square)
    lower = _row(layout, float(layout.lip_bottom[1]), square + 0.4 * expression.vertical_stretch)
    if not layout.identity.is_adult:
        # The little tubercle in the middle of a newborn's upper lip.
        upper[:, 1] += 0.014 * np.exp(-0.5 * (_ACROSS / 0.16) ** 2)
    lower[:, 1] = np.maximum(lower[:, 1], upper[:, 1] + 0.004)
    return upper, lower


def outer_edge(layout: FaceLayout) -> tuple[Points, Points]:
    """Return the outer edges of the upper and of the lower lip, each (25, 2), left to right."""
    expression, person = layout.expression, layout.identity
    upper, lower = inner_edge(layout)
    taut = 1.0 - 0.4 * expression.horizontal_stretch - 0.25 * expression.vertical_stretch + 0.5 * expression.lip_purse
    fall = 1.0 - np.abs(_ACROSS) ** 2.4
    bow = 1.0 - 0.3 * np.exp(-0.5 * (_ACROSS / 0.1) ** 2) + 0.14 * np.exp(-0.5 * ((np.abs(_ACROSS) - 0.25) / 0.13) ** 2)
    upper = upper - np.stack([np.zeros(25), person.lip_thickness * 0.8 * taut * fall * bow], axis=1)
    lower = lower + np.stack([np.zeros(25), person.lip_thickness * taut * fall**0.8], axis=1)
    return upper, lower


def draw_mouth(image: FloatImage, grid: Grid, layout: FaceLayout, diffuse: FloatImage) -> None:
    """Draw the mouth over lit skin, in place.

    Args:
        image: Lit skin, shape (H, W, 3).
        grid: Its canvas.
        layout: The face.
        diffuse: Gain of the light over the canvas, shape (H, W, 3).
    """
    top, bottom = outer_edge(layout)
    part, window = grid.window(
        float(layout.mouth_left[0]) - 0.2,
        float(top[:, 1].min()) - 0.12,
        float(layout.mouth_right[0]) + 0.2,
        float(bottom[:, 1].max()) + 0.32,
    )
    view, gain = image[window], diffuse[window]
    upper, lower = inner_edge(layout)
    lips = np.array(layout.identity.lip, np.float32)
    pale = np.float32(1.0 - 0.12 * layout.expression.horizontal_stretch)
    colour = lips * gain * pale
    blend(view, colour, part.fill(np.concatenate([top, bottom[::-1]]), soft=0.013) * np.float32(0.82))
    sheen = part.stroke(moved(lower[7:18], 0.0, 0.45 * layout.identity.lip_thickness), width=0.02, soft=0.014)
    blend(view, (250.0, 226.0, 220.0), sheen * np.float32(0.22))
    gap = float((lower[:, 1] - upper[:, 1]).max())
    if gap > 0.035:
        _opening(view, part, layout, upper, lower, gain)
    else:
        blend(view, tuple(lips * (0.36, 0.25, 0.26)), part.stroke(upper, width=0.02, soft=0.009) * np.float32(0.85))
    _corners(view, part, layout)
    if layout.expression.tongue_protrusion > 0.15:
        _tongue_out(view, part, layout, gain)


def _opening(view: FloatImage, part: Grid, layout: FaceLayout, upper: Points, lower: Points, gain: FloatImage) -> None:
    """Lay gums, tongue and darkness into the gap between the lips."""
    expression = layout.expression
    gap = part.fill(np.concatenate([upper, lower[::-1]]), soft=0.005)
    inside = np.empty_like(view)
    inside[:] = _DARK * (0.55 + 0.45 * gain)
    top, low = float(layout.lip_top[1]), float(layout.lip_bottom[1])
    height, x = low - top, float(layout.lip_top[0])
    half = float(layout.mouth_right[0] - layout.mouth_left[0]) / 2
    if height > 0.12:
        ridge = curve((x - 0.72 * half, top + 0.05), (x, top - 0.02 + 0.1 * height), (x + 0.72 * half, top + 0.05))
        blend(inside, _GUM * gain * np.float32(0.8), part.stroke(ridge, width=0.06, soft=0.014) * np.float32(0.75))
    taut = expression.taut_tongue
    rise = (0.52 + 0.3 * taut) * height
    width = half * (0.74 - 0.1 * taut)
    tongue = ellipse(x, low + 0.02, width, rise)
    mask = part.fill(tongue, soft=0.022 - 0.014 * taut)
    shading = np.clip((part.y - (low - rise)) / max(rise, 0.05), 0.0, 1.0).astype(np.float32)
    light = (np.float32(0.62) + np.float32(0.42) * shading)[:, None, None]
    blend(inside, _TONGUE * gain * light, mask * np.float32(0.95))
    if height > 0.1:
        groove = curve((x, low - 0.75 * rise), (x + 0.01, low - 0.4 * rise), (x, low))
        blend(inside, _TONGUE * gain * np.float32(0.55), part.stroke(groove, width=0.02, soft=0.014) * np.float32(0.5))
    if taut > 0.1:
        # A cupped tongue: its raised edge catches the light.
        edge = curve(
            (x - 0.85 * width, low - 0.45 * rise), (x, low - 1.32 * rise), (x + 0.85 * width, low - 0.45 * rise)
        )
        blend(inside, (240.0, 170.0, 168.0), part.stroke(edge, width=0.018, soft=0.008) * np.float32(0.6 * taut))
    # Lips throw a shadow into the mouth.
    blend(inside, (30.0, 6.0, 8.0), part.stroke(upper, width=0.07, soft=0.025) * np.float32(0.6))
    blend(inside, (40.0, 10.0, 12.0), part.stroke(lower, width=0.03, soft=0.012) * np.float32(0.45))
    blend(view, inside, gap)


def _corners(view: FloatImage, part: Grid, layout: FaceLayout) -> None:
    """Darken the corners, where the lips fold into the cheek."""
    spots = [
        ellipse(float(corner[0]), float(corner[1]), 0.026, 0.02) for corner in (layout.mouth_left, layout.mouth_right)
    ]
    dark = np.array(layout.identity.lip, np.float32) * (0.5, 0.38, 0.38)
    blend(view, tuple(dark), part.fill(*spots, soft=0.014) * np.float32(0.7))


def _tongue_out(view: FloatImage, part: Grid, layout: FaceLayout, gain: FloatImage) -> None:
    """Draw the tongue over the lower lip."""
    reach = 0.16 * layout.expression.tongue_protrusion
    x, y = layout.lip_bottom
    mask = part.fill(ellipse(x, y + 0.2 * reach, 0.19, 0.06 + reach), soft=0.01)
    blend(view, _TONGUE * gain * np.float32(1.02), mask)
    groove = curve((x, y - 0.02), (x, y + 0.4 * reach), (x, y + 0.8 * reach))
    blend(view, _TONGUE * gain * np.float32(0.6), part.stroke(groove, width=0.016, soft=0.01) * np.float32(0.6))
    upper, _ = inner_edge(layout)
    blend(view, (90.0, 30.0, 32.0), part.stroke(upper, width=0.03, soft=0.012) * np.float32(0.6))


def draw_nostrils(image: FloatImage, grid: Grid, layout: FaceLayout) -> None:
    """Draw nostrils and the edges of the wings of the nose over lit skin, in place."""
    x, y = (float(value) for value in layout.nose)
    half = layout.identity.nose_half_width
    part, window = grid.window(x - half - 0.12, y - 0.16, x + half + 0.12, y + 0.22)
    view = image[window]
    lower = 0.07 if not layout.identity.is_adult else 0.08
    skin = np.array(layout.identity.skin, np.float32)
    holes, wings = [], []
    for side in (-1.0, 1.0):
        holes.append(_tilted(x + side * 0.47 * half, y + lower, 0.042, 0.023, side * 0.35))
        wings.append(
            curve(
                (x + side * 0.92 * half, y - 0.045),
                (x + side * 1.2 * half, y + 0.05),
                (x + side * 0.78 * half, y + lower + 0.02),
            )
        )
    blend(view, tuple(skin * (0.5, 0.36, 0.34)), part.stroke(*wings, width=0.022, soft=0.014) * np.float32(0.5))
    blend(view, tuple(skin * (0.24, 0.13, 0.12)), part.fill(*holes, soft=0.011) * np.float32(0.85))


def _tilted(x: float, y: float, half_width: float, half_height: float, angle: float) -> Points:
    points = ellipse(0.0, 0.0, half_width, half_height, count=20)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return moved(points @ turn, x, y)
