"""What care puts on a newborn's face, in far more variety than the synthetic bed shows: tape, tubes, masks, bandages.

Everything is drawn in face units over a finished picture. `draw_devices` leaves both eyes free and at least a part of
the mouth: such a face can be scored. `draw_goggles` covers both eyes: such a face cannot.
"""

from collections.abc import Callable

import cv2
import numpy as np

from monitor.synthetic.canvas import FloatImage, Grid, Points, curve, ellipse, moved, ribbon, smooth_closed
from monitor.synthetic.layout import FaceLayout
from monitor.synthetic.overlay import Overlay
from monitor.synthetic.sprite import Sprite

__all__ = ["DEVICES", "draw_devices", "draw_goggles"]

Colour = tuple[float, float, float]
Draw = Callable[["_Sheet"], None]

_LEFT, _TOP, _RIGHT, _BOTTOM = -2.2, -2.5, 2.2, 2.4
_SIDES = (-1.0, 1.0)
# White, skin and brown tape, blue fixing tape, clear film.
_TAPES: tuple[Colour, ...] = (
    (240, 238, 232), (236, 206, 176), (190, 150, 112), (150, 186, 222), (232, 188, 196), (214, 222, 220),
    (250, 250, 252),
)  # fmt: skip
_PLASTICS: tuple[Colour, ...] = (
    (60, 120, 200), (230, 236, 240), (90, 180, 170), (190, 214, 230), (120, 200, 120), (244, 224, 120), (200, 190, 220),
)  # fmt: skip
_TUBES: tuple[Colour, ...] = ((196, 214, 206), (232, 214, 150), (170, 200, 236), (238, 240, 240), (230, 180, 90))
_CLOTHS: tuple[Colour, ...] = (
    (240, 240, 236), (226, 190, 200), (168, 200, 226), (200, 224, 200), (246, 226, 150), (120, 140, 190),
    (232, 220, 196),
)  # fmt: skip


class _Sheet:
    """A transparent sheet over one face, its geometry, and the chance that decides what comes onto it."""

    def __init__(self, layout: FaceLayout, pixels_per_iod: float, rng: np.random.Generator) -> None:
        self.layout, self.rng = layout, rng
        self.grid = Grid.spanning(pixels_per_iod, _LEFT, _TOP, _RIGHT, _BOTTOM)
        self.overlay = Overlay(self.grid.height_px, self.grid.width_px)
        self.nose = (float(layout.nose[0]), float(layout.nose[1]))
        self.mouth = (
            float(layout.mouth_left[0] + layout.mouth_right[0]) / 2,
            float(layout.mouth_left[1] + layout.mouth_right[1]) / 2,
        )

    def pick(self, colours: tuple[Colour, ...]) -> Colour:
        """Return one of the colours, a little changed."""
        red, green, blue = np.clip(
            colours[int(self.rng.integers(len(colours)))] + self.rng.normal(0.0, 12.0, 3), 0, 255
        )
        return float(red), float(green), float(blue)

    def lay(self, shape: Points, colour: Colour, opacity: float = 0.95) -> None:
        """Lay a flat piece with a soft shadow and a darker rim, lit from a side."""
        mask = self.grid.fill(shape, soft=0.006)
        self._shadow(mask)
        self.overlay.blend(self._shaded(colour), mask * np.float32(opacity))
        red, green, blue = colour
        rim = self.grid.stroke(np.concatenate([shape, shape[:1]]), width=0.02, soft=0.006)
        self.overlay.blend((0.6 * red, 0.6 * green, 0.6 * blue), rim * np.float32(0.45 * opacity))

    def tube(self, line: Points, width: float, colour: Colour) -> None:
        """Lay a tube with dark edges and a light reflex."""
        red, green, blue = colour
        self._shadow(self.grid.stroke(line, width=width, soft=0.01))
        body = self.grid.stroke(line, width=width, soft=0.006)
        self.overlay.blend((0.55 * red, 0.55 * green, 0.55 * blue), body * np.float32(0.9))
        self.overlay.blend(colour, self.grid.stroke(line, width=0.7 * width, soft=0.006) * np.float32(0.9))
        shine = self.grid.stroke(moved(line, 0.0, -0.18 * width), width=0.2 * width, soft=0.006)
        self.overlay.blend((255.0, 255.0, 255.0), shine * np.float32(0.6))

    def between(self, low: float, high: float) -> float:
        """Return a number between two limits."""
        return float(self.rng.uniform(low, high))

    def side(self) -> float:
        """Return -1 or 1."""
        return float(self.rng.choice(_SIDES))

    def _shadow(self, mask: FloatImage) -> None:
        sigma = max(0.4, 0.05 * self.grid.pixels_per_iod)
        soft = np.asarray(cv2.GaussianBlur(mask, (0, 0), sigma), np.float32)
        self.overlay.blend((40.0, 28.0, 26.0), soft * np.float32(0.3))

    def _shaded(self, colour: Colour) -> FloatImage:
        """Return a colour with a slope of light and a little grain, shape (H, W, 3)."""
        grid = self.grid
        tilt_x, tilt_y = self.rng.uniform(-0.12, 0.12, 2)
        gain = 1.0 + tilt_x * grid.x[None, :] + tilt_y * grid.y[:, None]
        grain = self.rng.normal(0.0, 0.03, (grid.height_px, grid.width_px))
        return np.asarray(np.clip((gain + grain)[..., None] * np.array(colour), 0.0, 255.0), np.float32)


def _strip(x: float, y: float, length: float, width: float, angle: float) -> Points:
    """Return a strip's corners; the angle is in radians."""
    along, aside = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
    ends = np.array([(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)]) * (length / 2, width / 2)
    return moved(ends @ np.stack([along, aside]), x, y)


def _cheek_tape(sheet: _Sheet) -> None:
    """Stick strips from the wings of the nose or the corners of the mouth over the cheeks."""
    for side in _SIDES if sheet.rng.random() < 0.5 else (sheet.side(),):
        x, y = sheet.layout.at(side * sheet.between(0.5, 1.0), sheet.between(0.45, 0.95), 0.1)
        angle = side * sheet.between(-0.5, 0.6)
        sheet.lay(_strip(x, y, sheet.between(0.45, 1.0), sheet.between(0.14, 0.34), angle), sheet.pick(_TAPES))


def _lip_tape(sheet: _Sheet) -> None:
    """Stick a moustache of tape above the upper lip."""
    x, y = sheet.nose
    level = (y + 0.1 + sheet.mouth[1] - 0.08) / 2
    half, droop = sheet.between(0.5, 1.05), sheet.between(0.0, 0.25)
    line = curve((x - half, level + droop), (x, level - 0.5 * droop), (x + half, level + droop), count=12)
    widths = np.full(12, sheet.between(0.1, 0.2))
    sheet.lay(ribbon(line, widths), sheet.pick(_TAPES))


def _nose_tape(sheet: _Sheet) -> None:
    """Stick tape on the bridge of the nose, with or without legs."""
    x, y = sheet.nose
    colour = sheet.pick(_TAPES)
    sheet.lay(_strip(x, sheet.between(0.2, 0.75 * y), sheet.between(0.3, 0.62), sheet.between(0.14, 0.3), 0.0), colour)


def _nose_piece(sheet: _Sheet) -> None:
    """Put a piece for positive pressure before the nose, with hoses over the forehead or to the sides."""
    x, y = sheet.nose
    colour, hose = sheet.pick(_PLASTICS), sheet.pick(_TUBES)
    half = sheet.between(0.2, 0.4)
    width = sheet.between(0.09, 0.24)
    up = sheet.rng.random() < 0.45
    for side in _SIDES:
        start = (x + 0.8 * side * half, y + 0.08)
        if up:
            line = curve(start, (x + 0.1 * side, -0.2), (x + 0.14 * side, -1.0), (x + 0.25 * side, -2.3), count=24)
        else:
            line = curve(
                start, sheet.layout.at(side * 0.8, 0.75, 0.1), sheet.layout.at(side * 1.5, 0.3, -0.6), count=24
            )
        sheet.tube(line, width, hose)
    kind = sheet.rng.random()
    if kind < 0.4:  # prongs' block
        sheet.lay(_strip(x, y + 0.06, 2.2 * half, sheet.between(0.16, 0.3), 0.0), colour)
    elif kind < 0.75:  # nasal mask
        corners = np.array(
            [
                (0.0, -0.42),
                (0.7 * half, -0.2),
                (1.15 * half, 0.12),
                (0.0, 0.22),
                (-1.15 * half, 0.12),
                (-0.7 * half, -0.2),
            ]
        )
        sheet.lay(smooth_closed(moved(corners, x, y)), colour, sheet.between(0.55, 1.0))
    else:  # round generator
        sheet.lay(ellipse(x, y, half, sheet.between(0.18, 0.36)), colour)
        sheet.lay(ellipse(x, y, 0.5 * half, 0.12), sheet.pick(_PLASTICS))
    if sheet.rng.random() < 0.5:  # straps to the cap
        strap = sheet.pick(_CLOTHS)
        for side in _SIDES:
            line = np.array([(x + side * half, y + 0.02), sheet.layout.at(side * 1.5, sheet.between(0.1, 0.5), -0.6)])
            sheet.lay(ribbon(line, np.full(2, sheet.between(0.08, 0.22))), strap)


def _nose_tube(sheet: _Sheet) -> None:
    """Lead a feeding tube from a nostril over a cheek or the forehead, and hold it with tape."""
    x, y = sheet.nose
    side = sheet.side()
    start = (x + 0.1 * side, y + 0.06)
    if sheet.rng.random() < 0.3:
        line = curve(start, (x + 0.3 * side, 0.1), (x + 0.1 * side, -0.6), (x + 0.4 * side, -2.2), count=24)
    else:
        line = curve(
            start, (x + 0.2 * side, y + 0.2), sheet.layout.at(side * 1.4, sheet.between(0.3, 1.0), -0.5), count=24
        )
    sheet.tube(line, sheet.between(0.03, 0.07), sheet.pick(_TUBES))
    point = line[int(sheet.rng.integers(8, 16))]
    sheet.lay(
        _strip(float(point[0]), float(point[1]) + 0.02, sheet.between(0.25, 0.5), 0.2, side * 0.3), sheet.pick(_TAPES)
    )


def _mouth_tube(sheet: _Sheet) -> None:
    """Lead a tube out of the mouth, beside its middle, held above the lip."""
    x, y = sheet.mouth
    side = sheet.side()
    start = (x + side * sheet.between(0.02, 0.25), y)
    end = sheet.layout.at(side * sheet.between(0.3, 1.5), sheet.between(1.3, 2.2), 0.0)
    line = curve(start, (start[0] + 0.1 * side, y + 0.25), end, count=20)
    sheet.tube(line, sheet.between(0.05, 0.15), sheet.pick(_TUBES))
    if sheet.rng.random() < 0.6:
        _lip_tape(sheet)


def _head_band(sheet: _Sheet) -> None:
    """Put a bandage, a strap or a cap's edge around the head, above the brows."""
    top, height = sheet.between(-0.62, -0.38), sheet.between(0.15, 0.9)
    sag = sheet.between(-0.1, 0.15)
    ends = [sheet.layout.at(side * 1.75, top + sag, -1.0) for side in _SIDES]
    line = curve(ends[0], sheet.layout.at(0.0, top - sag, -0.2), ends[1], count=16)
    shape = np.concatenate([line, moved(line, 0.0, -height)[::-1]])
    sheet.lay(shape, sheet.pick(_CLOTHS), sheet.between(0.85, 1.0))


def _chin_strap(sheet: _Sheet) -> None:
    """Lead a strap under the chin, or a cloth's edge over it."""
    x, y = (float(value) for value in sheet.layout.chin)
    level = max(y - sheet.between(0.0, 0.22), sheet.mouth[1] + 0.2)
    line = curve(sheet.layout.at(-1.5, 0.5, -0.6), (x, 2.0 * level - 0.5), sheet.layout.at(1.5, 0.5, -0.6), count=20)
    sheet.lay(ribbon(line, np.full(20, sheet.between(0.12, 0.3))), sheet.pick(_CLOTHS))


def _blanket_edge(sheet: _Sheet) -> None:
    """Pull a cloth over a cheek, beside the eye and the corner of the mouth."""
    side = sheet.side()
    edge = sheet.between(0.92, 1.25)
    wave = [(side * (edge + sheet.between(-0.08, 0.08)), y) for y in np.linspace(-1.8, 2.2, 7)]
    shape = np.array([*wave, (side * 2.6, 2.3), (side * 2.6, -1.9)])
    sheet.lay(shape, sheet.pick(_CLOTHS), 1.0)


def _sensor(sheet: _Sheet) -> None:
    """Stick a round sensor with a cable on the forehead or a temple."""
    x, y = sheet.layout.at(sheet.between(-0.9, 0.9), sheet.between(-1.1, -0.55), -0.2)
    line = curve((x, y), (x + sheet.between(-0.8, 0.8), y - 0.5), (x + sheet.side() * 1.2, -2.3), count=16)
    sheet.tube(line, 0.04, sheet.pick(_TUBES))
    sheet.lay(ellipse(x, y, sheet.between(0.12, 0.24), sheet.between(0.12, 0.2)), sheet.pick(_TAPES + _PLASTICS))


DEVICES: dict[str, tuple[float, Draw]] = {
    "head band": (0.4, _head_band),
    "blanket": (0.15, _blanket_edge),
    "chin strap": (0.15, _chin_strap),
    "cheek tape": (0.6, _cheek_tape),
    "nose tape": (0.15, _nose_tape),
    "mouth tube": (0.3, _mouth_tube),
    "lip tape": (0.3, _lip_tape),
    "nose tube": (0.3, _nose_tube),
    "nose piece": (0.5, _nose_piece),
    "sensor": (0.2, _sensor),
}
"""What there is, from what lies below to what lies above, with how often it is there."""


def draw_devices(layout: FaceLayout, pixels_per_iod: float, rng: np.random.Generator) -> Sprite:
    """Draw a random choice of devices, at least one, that leaves the eyes and a part of the mouth free.

    Args:
        layout: Where the features lie.
        pixels_per_iod: Resolution.
        rng: Decides; the same state gives the same devices.
    """
    sheet = _Sheet(layout, pixels_per_iod, rng)
    chosen = [draw for share, draw in DEVICES.values() if rng.random() < share]
    for draw in chosen or [_nose_piece]:
        draw(sheet)
    return _finished(sheet)


def draw_goggles(layout: FaceLayout, pixels_per_iod: float, rng: np.random.Generator) -> Sprite:
    """Draw eye protection for phototherapy, or pads, over both eyes, with some other devices below them."""
    sheet = _Sheet(layout, pixels_per_iod, rng)
    for name in ("cheek tape", "nose tube", "nose piece"):
        share, draw = DEVICES[name]
        if rng.random() < 0.5 * share:
            draw(sheet)
    colour = sheet.pick(
        ((244, 244, 240), (60, 90, 160), (120, 170, 220), (40, 44, 52), (226, 160, 70), (210, 190, 160))
    )
    (left, top), (right, down) = (tuple(float(value) for value in eye) for eye in layout.eyes)
    half_width, half_height = sheet.between(0.36, 0.5), sheet.between(0.24, 0.42)
    if rng.random() < 0.5:
        line = curve(layout.at(-1.6, 0.0, -0.8), (0.0, sheet.between(-0.1, 0.1)), layout.at(1.6, 0.0, -0.8), count=16)
        sheet.lay(ribbon(line, np.full(16, 2.0 * half_height)), colour, 1.0)
    else:
        strap = np.array([layout.at(-1.6, -0.1, -0.8), (left, top), (right, down), layout.at(1.6, -0.1, -0.8)])
        sheet.lay(ribbon(strap, np.full(4, sheet.between(0.08, 0.3))), sheet.pick(_CLOTHS), 1.0)
        for x, y in ((left, top), (right, down)):
            sheet.lay(ellipse(x, y, half_width, half_height), colour, 1.0)
    return _finished(sheet)


def _finished(sheet: _Sheet) -> Sprite:
    sheet.overlay.multiply(
        np.full((sheet.grid.height_px, sheet.grid.width_px, 3), sheet.between(0.65, 1.02), np.float32)
    )
    return Sprite.from_float(sheet.overlay.colour, sheet.overlay.opacity, sheet.grid)
