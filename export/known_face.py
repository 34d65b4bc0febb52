"""A synthetic face whose position is known, to verify a detector on.

A checkpoint's names and shapes say nothing about the anchors and the pixel scaling that it was trained with. Wrong ones
raise no error: boxes come out too large or doubled, and points lie beside the features. So every import is tried on one
synthetic face in three sizes, one for each stride of the network, before a bundle is written.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["KnownFace", "draw_known_face"]

# Small faces are synthetic larger and scaled down, so that their edges are smooth.
_DRAWN_FACE_PX = 200.0
_MAXIMUM_SUPERSAMPLING = 4
_BACKGROUND = (118, 124, 120)
_HAIR = (58, 44, 38)
_SKIN = (212, 168, 146)
_SHADE = (178, 130, 112)
_LIGHT = (230, 192, 172)
_EYE_WHITE = (238, 236, 232)
_IRIS = (70, 52, 44)
_BROW = (84, 62, 52)
_LIP = (168, 88, 86)
_MOUTH = (110, 48, 50)
# In units of the face's half height, from the middle of the face.
_EYES = ((-0.36, -0.14), (0.36, -0.14))
_NOSE_TIP = (0.0, 0.15)
_NOSTRILS = (0.0, 0.24)
_MOUTH_CORNERS = ((-0.28, 0.56), (0.28, 0.56))
_HALF_WIDTH = 0.76


@dataclass(frozen=True, slots=True)
class KnownFace:
    """A picture with one face, and where it is.

    Attributes:
        image: Shape (S, S, 3), uint8, RGB.
        box: (x0, y0, x1, y1) of the face from hairline to chin, in pixels.
        landmarks: Shape (5, 2) as (x, y) pixels, in RetinaFace's order.
    """

    image: NDArray[np.uint8]
    box: tuple[float, float, float, float]
    landmarks: NDArray[np.float64]


def draw_known_face(size_px: int, face_px: float) -> KnownFace:
    """Draw the face upright in the middle of a plain picture.

    Args:
        size_px: Side of the square picture.
        face_px: Height of the face, hairline to chin.
    """
    canvas = _Canvas(size_px, face_px)
    canvas.ellipse((0.0, -0.10), (_HALF_WIDTH * 1.16, 1.18), _HAIR)
    canvas.ellipse((0.0, 1.25), (0.42, 0.55), _SHADE)
    canvas.ellipse((-_HALF_WIDTH, 0.05), (0.10, 0.20), _SHADE)
    canvas.ellipse((_HALF_WIDTH, 0.05), (0.10, 0.20), _SHADE)
    canvas.ellipse((0.0, 0.0), (_HALF_WIDTH, 1.0), _SKIN)
    canvas.soften(0.05)
    canvas.ellipse((0.0, -0.55), (0.45, 0.22), _LIGHT)
    canvas.ellipse((-0.42, 0.28), (0.18, 0.16), _LIGHT)
    canvas.ellipse((0.42, 0.28), (0.18, 0.16), _LIGHT)
    canvas.ellipse((0.0, 0.05), (0.10, 0.30), _LIGHT)
    for x, y in _EYES:
        canvas.ellipse((x, y), (0.24, 0.15), _SHADE)
    canvas.soften(0.08)
    for x, y in _EYES:
        canvas.ellipse((x, y), (0.17, 0.085), _EYE_WHITE)
        canvas.ellipse((x, y), (0.085, 0.085), _IRIS)
        canvas.ellipse((x, y), (0.04, 0.04), (16, 14, 14))
        canvas.ellipse((x + 0.03, y - 0.03), (0.018, 0.018), (250, 250, 250))
        canvas.arc((x, y), (0.19, 0.11), (190.0, 350.0), 0.035, _BROW)
        canvas.arc((x, y - 0.10), (0.23, 0.13), (205.0, 335.0), 0.06, _BROW)
    canvas.ellipse((0.0, _NOSTRILS[1]), (0.15, 0.10), _SKIN)
    canvas.arc((0.0, _NOSTRILS[1]), (0.15, 0.11), (20.0, 160.0), 0.035, _SHADE)
    canvas.ellipse((-0.07, _NOSTRILS[1] + 0.075), (0.035, 0.022), _IRIS)
    canvas.ellipse((0.07, _NOSTRILS[1] + 0.075), (0.035, 0.022), _IRIS)
    canvas.ellipse((0.0, 0.56), (0.28, 0.085), _LIP)
    canvas.ellipse((0.0, 0.56), (0.25, 0.022), _MOUTH)
    canvas.arc((0.0, 0.62), (0.20, 0.12), (30.0, 150.0), 0.03, _SHADE)
    canvas.soften(0.018)
    return canvas.finish()


class _Canvas:
    """Draws in face units on an enlarged picture, which is scaled down at the end for smooth edges."""

    def __init__(self, size_px: int, face_px: float) -> None:
        self._supersampling = min(_MAXIMUM_SUPERSAMPLING, max(1, round(_DRAWN_FACE_PX / face_px)))
        side = size_px * self._supersampling
        self._size_px = size_px
        self._unit_px = face_px * self._supersampling / 2
        self._center = np.array([side / 2, side / 2])
        shade = np.linspace(0.8, 1.15, side)[:, None, None]
        self._image = np.clip(shade * np.array(_BACKGROUND), 0, 255).astype(np.uint8).repeat(side, axis=1)

    def ellipse(self, center: tuple[float, float], half: tuple[float, float], colour: tuple[int, int, int]) -> None:
        cv2.ellipse(self._image, self._point(center), self._axes(half), 0, 0, 360, colour, -1, cv2.LINE_AA)

    def arc(
        self,
        center: tuple[float, float],
        half: tuple[float, float],
        span_deg: tuple[float, float],
        width: float,
        colour: tuple[int, int, int],
    ) -> None:
        thickness = max(1, round(width * self._unit_px))
        cv2.ellipse(self._image, self._point(center), self._axes(half), 0, *span_deg, colour, thickness, cv2.LINE_AA)

    def soften(self, width: float) -> None:
        cv2.GaussianBlur(self._image, (0, 0), width * self._unit_px, dst=self._image)

    def finish(self) -> KnownFace:
        shape = (self._size_px, self._size_px)
        image = cv2.resize(self._image, shape, interpolation=cv2.INTER_AREA).astype(np.uint8)
        center, unit = self._center / self._supersampling - 0.5, self._unit_px / self._supersampling
        points = np.array([*_EYES, _NOSE_TIP, *_MOUTH_CORNERS], dtype=np.float64)
        (x0, y0), (x1, y1) = center - unit * np.array([_HALF_WIDTH, 1.0]), center + unit * np.array([_HALF_WIDTH, 1.0])
        return KnownFace(image, (float(x0), float(y0), float(x1), float(y1)), center + unit * points)

    def _point(self, center: tuple[float, float]) -> tuple[int, int]:
        x, y = self._center + np.array(center) * self._unit_px
        return round(float(x)), round(float(y))

    def _axes(self, half: tuple[float, float]) -> tuple[int, int]:
        return max(1, round(half[0] * self._unit_px)), max(1, round(half[1] * self._unit_px))
