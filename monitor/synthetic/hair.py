"""What covers a head: newborn down, a full head of hair, or a knitted cap."""

import numpy as np

from monitor.synthetic.canvas import FloatImage, Grid, Points, blend, blurred, curve, moved, smooth_closed, spread
from monitor.synthetic.identity import Colour
from monitor.synthetic.layout import FaceLayout
from monitor.synthetic.overlay import Overlay

__all__ = ["draw_cap", "draw_hair", "hair_behind"]

_ABOVE = 4.0


def _head_mask(grid: Grid, layout: FaceLayout, grow: float) -> FloatImage:
    middle = layout.outline.mean(axis=0)
    return grid.fill(middle + (layout.outline - middle) * (1.0 + grow))


def _above(grid: Grid, edge: Points, soft: float) -> FloatImage:
    """Return a mask of everything above a line that runs from left to right."""
    lid = np.array([(edge[-1, 0] + 1.0, edge[-1, 1]), (edge[-1, 0] + 1.0, -_ABOVE), (edge[0, 0] - 1.0, -_ABOVE)])
    return grid.fill(np.concatenate([edge, lid, [(edge[0, 0] - 1.0, edge[0, 1])]]), soft=soft)


def draw_hair(overlay: Overlay, grid: Grid, layout: FaceLayout) -> None:
    """Draw hair that grows from the crown towards a hairline."""
    person = layout.identity
    if person.hair_amount < 0.04:
        return
    rng = np.random.default_rng([person.seed, 5])
    crown = np.array(layout.at(float(rng.uniform(-0.25, 0.25)), person.skull_top * 0.92, -1.5))
    line_y = -0.98 if person.is_adult else -1.28 + 0.16 * person.hair_amount
    side_y = -0.1 if person.is_adult else -0.55
    half = person.skull_half_width
    edge = curve(
        layout.at(-half * 1.1, side_y, -1.0),
        layout.at(-half * 0.75, line_y - 0.28, -0.7),
        layout.at(half * 0.75, line_y - 0.28, -0.7),
        layout.at(half * 1.1, side_y, -1.0),
        count=24,
    )
    mask = _above(grid, edge, 0.07 if person.is_adult else 0.11) * _head_mask(grid, layout, 0.015)
    overlay.blend(person.hair, mask * np.float32(min(0.97, 0.25 + 0.72 * person.hair_amount)))
    strands = _strands(rng, layout, crown, int(90 + 420 * person.hair_amount), line_y)
    third = len(strands) // 3
    for tone, group in ((0.55, strands[:third]), (1.3, strands[third : 2 * third]), (0.8, strands[2 * third :])):
        colour = np.array(person.hair) * tone + 6.0 * (tone > 1.0)
        ink = grid.stroke(*group, width=0.011) * np.float32(0.2 + 0.25 * person.hair_amount)
        overlay.blend((float(colour[0]), float(colour[1]), float(colour[2])), ink)


def _strands(rng: np.random.Generator, layout: FaceLayout, crown: Points, count: int, line_y: float) -> list[Points]:
    """Return strands that run from the crown outwards, none below the hairline."""
    half, top = layout.identity.skull_half_width, layout.identity.skull_top
    x, y = rng.uniform(-half, half, 4 * count), rng.uniform(top, -0.5, 4 * count)
    length, bend = rng.uniform(0.07, 0.17, (4 * count, 1)), rng.normal(0.0, 0.035, (4 * count, 2))
    reach = 1.0 - (x / half) ** 2
    grows = (
        (reach > 0.03) & (y <= line_y + 0.75 * (x / half) ** 2) & (y >= 0.99 * top * np.sqrt(np.maximum(reach, 0.0)))
    )
    chosen = np.flatnonzero(grows)[:count]
    root = np.stack([x[chosen], y[chosen]], axis=1) + layout.at(0.0, 0.0, -1.1)
    away = root - crown
    away *= length[chosen] / np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 0.05)
    middle, end = root + away / 2 + bend[chosen], root + away + (0.0, 0.02)
    share = np.linspace(0.0, 1.0, 6)[None, :, None]
    first, second = (
        root[:, None] * (1 - share) + middle[:, None] * share,
        middle[:, None] * (1 - share) + end[:, None] * share,
    )
    return list(first * (1 - share) + second * share)


def hair_behind(overlay: Overlay, grid: Grid, layout: FaceLayout) -> None:
    """Draw the hair of an adult that hangs behind the face."""
    person = layout.identity
    rng = np.random.default_rng([person.seed, 6])
    length = float(rng.choice([0.55, 1.5]))
    half, top = person.skull_half_width, person.skull_top
    right = np.array([(0.6 * half, top * 1.06), (1.12 * half, top * 0.6), (1.2 * half, -0.2), (1.16 * half, length)])
    points = np.concatenate([[(0.0, top * 1.09)], right, [(0.0, length)], right[::-1] * (-1.0, 1.0)])
    shape = smooth_closed(points + np.array(layout.at(0.0, 0.0, -1.0)))
    dark = np.array(person.hair) * 0.8
    overlay.blend((float(dark[0]), float(dark[1]), float(dark[2])), grid.fill(shape, soft=0.02))


def draw_cap(overlay: Overlay, grid: Grid, layout: FaceLayout, colour: Colour, stripe: Colour) -> None:
    """Draw a knitted cap down to the forehead and over the tops of the ears, with a rolled band and stripes."""
    half = layout.identity.skull_half_width * 1.1
    left, right = layout.at(-half, -0.36, -1.0), layout.at(half, -0.36, -1.0)
    band = curve(left, layout.at(-0.5 * half, -1.12, -0.8), layout.at(0.5 * half, -1.12, -0.8), right, count=24)
    head = _head_mask(grid, layout, 0.035)
    # The band throws a thin shadow on the forehead.
    shadow = grid.stroke(moved(band, 0.0, 0.02), width=0.05, soft=0.025) * _head_mask(grid, layout, -0.02)
    overlay.blend((40.0, 26.0, 22.0), shadow * np.float32(0.35))
    cloth = np.empty((grid.height_px, grid.width_px, 3), np.float32)
    cloth[:] = colour
    lines = [moved(band, 0.0, -offset) for offset in (0.5, 0.72, 0.94)]
    blend(cloth, stripe, grid.stroke(*lines, width=0.1, soft=0.008))
    roll = grid.stroke(moved(band, 0.0, -0.1), width=0.2, soft=0.01)
    knit = np.float32(1.0) + np.float32(0.035) * np.sin(grid.x * 75.0)[None] * np.sin(grid.y * 75.0)[:, None]
    ribs = np.float32(1.0) + np.float32(0.1) * np.sin(grid.x * 40.0)[None] * roll
    seam = np.float32(1.0) - np.float32(0.22) * grid.stroke(moved(band, 0.0, -0.21), width=0.03, soft=0.02)
    roundness = np.float32(0.35) + np.float32(0.66) * blurred(head, 0.2 * grid.pixels_per_iod)
    cloth *= spread(np.asarray(knit * ribs * seam * roundness, np.float32))
    overlay.blend(cloth, head * _above(grid, band, 0.006))
