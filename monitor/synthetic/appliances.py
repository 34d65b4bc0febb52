"""What care adds to a face: nasal prongs, a feeding tube, tape."""

import numpy as np

from monitor.synthetic.canvas import Grid, Points, curve, ellipse, moved
from monitor.synthetic.layout import FaceLayout
from monitor.synthetic.overlay import Overlay

__all__ = ["draw_feeding_tube", "draw_prongs", "draw_tape"]

_TUBE = (196.0, 214.0, 206.0)
_TUBE_EDGE = (120.0, 138.0, 134.0)
_FEEDING = (232.0, 214.0, 150.0)
_TAPE = (238.0, 228.0, 212.0)


def _tube(overlay: Overlay, grid: Grid, *lines: Points, width: float, colour: tuple[float, float, float]) -> None:
    """Draw tubes with a dark edge, a body and a light reflex."""
    shadow = grid.stroke(*(moved(line, 0.012, 0.03) for line in lines), width=width * 1.3, soft=0.02)
    overlay.blend((50.0, 30.0, 26.0), shadow * np.float32(0.3))
    overlay.blend(_TUBE_EDGE, grid.stroke(*lines, width=width, soft=0.004) * np.float32(0.75))
    overlay.blend(colour, grid.stroke(*lines, width=width * 0.68, soft=0.006) * np.float32(0.8))
    shine = grid.stroke(*(moved(line, -0.004, -0.2 * width) for line in lines), width=width * 0.2, soft=0.004)
    overlay.blend((255.0, 255.0, 255.0), shine * np.float32(0.55))


def _plaster(overlay: Overlay, grid: Grid, corners: Points) -> None:
    edge = grid.stroke(np.concatenate([corners, corners[:1]]), width=0.012, soft=0.005)
    overlay.blend(_TAPE, grid.fill(corners, soft=0.004) * np.float32(0.72))
    overlay.blend((150.0, 130.0, 118.0), edge * np.float32(0.4))


def _rectangle(x: float, y: float, width: float, height: float, degrees: float) -> Points:
    angle = np.deg2rad(degrees)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    box = np.array([(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)]) * (width / 2, height / 2)
    return moved(box @ turn, x, y)


def draw_prongs(overlay: Overlay, grid: Grid, layout: FaceLayout) -> None:
    """Draw a nasal cannula: a tube from cheek to cheek under the nose, two prongs into the nostrils."""
    at, person = layout.at, layout.identity
    x, y = (float(value) for value in layout.nose)
    under = y + 0.135
    left = curve(at(-1.28, 0.3, -0.7), at(-0.7, 0.62, 0.1), (x - 0.32, under + 0.07), (x, under), count=24)
    right = curve((x, under), (x + 0.32, under + 0.07), at(0.7, 0.62, 0.1), at(1.28, 0.3, -0.7), count=24)
    _tube(overlay, grid, left, right, width=0.075, colour=_TUBE)
    prongs = [
        curve(
            (x + side * 0.1, under - 0.005),
            (x + side * 0.1, under - 0.04),
            (x + side * 0.47 * person.nose_half_width, y + 0.07),
        )
        for side in (-1.0, 1.0)
    ]
    _tube(overlay, grid, *prongs, width=0.05, colour=_TUBE)
    overlay.blend(_TUBE, grid.fill(ellipse(x, under, 0.15, 0.045), soft=0.006) * np.float32(0.8))
    for side in (-1.0, 1.0):
        tab = _rectangle(*at(side * 0.78, 0.52, 0.1), 0.3, 0.24, side * 24.0)
        _plaster(overlay, grid, tab)


def draw_feeding_tube(overlay: Overlay, grid: Grid, layout: FaceLayout, side: float) -> None:
    """Draw a thin tube from one nostril over the cheek (`side` -1 left, +1 right), held by tape."""
    at = layout.at
    x, y = (float(value) for value in layout.nose)
    line = curve(
        (x + side * 0.1, y + 0.07),
        (x + side * 0.2, y + 0.2),
        at(side * 0.7, 0.4, 0.2),
        at(side * 1.3, 0.45, -0.6),
        count=24,
    )
    _tube(overlay, grid, line, width=0.04, colour=_FEEDING)
    _plaster(overlay, grid, _rectangle(*at(side * 0.66, 0.46, 0.2), 0.36, 0.2, -side * 6.0))


def draw_tape(overlay: Overlay, grid: Grid, layout: FaceLayout, side: float) -> None:
    """Draw a lone piece of tape on one cheek."""
    _plaster(overlay, grid, _rectangle(*layout.at(side * 0.7, 0.6, 0.15), 0.42, 0.17, side * 35.0))
