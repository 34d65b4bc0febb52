"""Covers for faces in crops: what cloth, tape, hands, masks and goggles hide, pasted where the face mesh says it lies.

Covers are made of random shapes and textures, not of pictures, so that any number of them can be had, and none is
taken from an infant.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["COVERS", "REGIONS", "Covered", "cover"]

REGIONS = ("left eye", "right eye", "nose", "mouth")
"""Of the infant's own sides, in the order of the visibility's numbers."""

COVERS = {
    "none": 0.18,
    "eyes": 0.13,
    "one eye": 0.08,
    "nose": 0.08,
    "mouth": 0.13,
    "nose and mouth": 0.12,
    "lower half": 0.07,
    "upper half": 0.07,
    "beside": 0.11,
    "everything": 0.03,
}
"""How often each is pasted. "beside" hides no region: tape on a cheek, a tube below the nose, a cap."""

Points = NDArray[np.float64]
Box = tuple[float, float, float, float]

# Points of the face mesh. An eye goes with its lids and its brow, a mouth with its chin.
_LEFT_EYE, _RIGHT_EYE = (263, 362, 386, 374, 282, 295), (33, 133, 159, 145, 52, 65)
_NOSE, _NOSE_TIP = (168, 6, 197, 195, 5, 4, 98, 327), (195, 5, 4, 98, 327)
_MOUTH = (61, 291, 0, 17, 13, 14, 199)
_FOREHEAD, _CHIN, _UNDER_NOSE, _CHEEKS = 10, 151, 164, (50, 280, 123, 352)
_CORNERS = ((33, 133), (263, 362))
# Around the outermost points of a region, in distances between the eyes.
_RIM = 0.14
_CORNERS_OF_A_SHAPE = 40


@dataclass(frozen=True, slots=True)
class Covered:
    """A crop with a cover.

    Attributes:
        crop: Shape (S, S, 3), uint8, RGB.
        visible: Shape (4,), bool, in the order of `REGIONS`.
    """

    crop: NDArray[np.uint8]
    visible: NDArray[np.bool_]


def cover(crop: NDArray[np.uint8], points: Points, rng: np.random.Generator, kind: str | None = None) -> Covered:
    """Paste a cover on a face.

    Args:
        crop: Shape (S, S, 3), uint8, RGB, of an uncovered face.
        points: Shape (468, 2), of the face mesh, in pixels of the crop.
        rng: Chooses shape, texture and size.
        kind: A key of `COVERS`; one of them at random when absent.
    """
    kind = kind or str(rng.choice(list(COVERS), p=list(COVERS.values())))
    brush = _Brush(crop, points, rng)
    left, right, nose, mouth = True, True, True, True
    if kind == "eyes":
        left = right = False
        brush.eyes()
    elif kind == "one eye":
        is_left = bool(rng.random() < 0.5)
        left, right = not is_left, is_left
        brush.region(_LEFT_EYE if is_left else _RIGHT_EYE, 1.3)
    elif kind == "nose":
        nose = False
        brush.region(_NOSE_TIP, rng.uniform(0.5, 1.3))
    elif kind == "mouth":
        mouth = False
        brush.region(_MOUTH, rng.uniform(0.6, 1.6))
    elif kind == "nose and mouth":
        nose = mouth = False
        brush.region((*_MOUTH, *_NOSE_TIP), rng.uniform(0.8, 1.6))
    elif kind == "lower half":
        nose = mouth = False
        brush.from_line(_NOSE_TIP, below=True)
    elif kind == "upper half":
        left = right = False
        brush.from_line((*_LEFT_EYE, *_RIGHT_EYE), below=False)
    elif kind == "everything":
        left = right = nose = mouth = False
        brush.region(tuple(range(len(points))), rng.uniform(0.0, 6.0))
    elif kind == "beside":
        brush.beside()
    return Covered(brush.picture(), np.array([left, right, nose, mouth]))


class _Brush:
    """Pastes covers on one crop."""

    def __init__(self, crop: NDArray[np.uint8], points: Points, rng: np.random.Generator) -> None:
        self._crop, self._points, self._rng = crop, points, rng
        self._light = crop.astype(np.float32)
        self._side_px = crop.shape[0]
        eyes = [points[list(pair)].mean(axis=0) for pair in _CORNERS]
        self._unit_px = float(np.linalg.norm(eyes[0] - eyes[1]))

    def picture(self) -> NDArray[np.uint8]:
        return np.clip(self._light, 0, 255).astype(np.uint8)

    def region(self, numbers: tuple[int, ...], rim: float, texture: NDArray[np.float32] | None = None) -> None:
        """Cover the box around some points, wider by `rim` of the usual."""
        chosen = self._points[list(numbers)]
        pad = rim * _RIM * self._unit_px
        low, high = chosen.min(axis=0) - pad, chosen.max(axis=0) + pad
        self._paste((float(low[0]), float(low[1]), float(high[0]), float(high[1])), texture)

    def eyes(self) -> None:
        """Cover both eyes by one band, or by two patches of the same stuff."""
        if self._rng.random() < 0.5:
            self.region((*_LEFT_EYE, *_RIGHT_EYE), 1.2)
        else:
            texture = _texture(self._rng, self._crop)
            self.region(_LEFT_EYE, 1.4, texture)
            self.region(_RIGHT_EYE, 1.4, texture)

    def from_line(self, numbers: tuple[int, ...], *, below: bool) -> None:
        """Cover all of the crop below the highest, or above the lowest, of some points."""
        heights = self._points[list(numbers), 1]
        far, pad = float(2 * self._side_px), _RIM * self._unit_px
        if below:
            self._paste((-far, float(heights.min()) - pad, 2 * far, 2 * far))
        else:
            self._paste((-far, -far, 2 * far, float(heights.max()) + pad))

    def beside(self) -> None:
        """Cover forehead, cheeks or the line below the nose, but no region."""
        rng, unit_px = self._rng, self._unit_px
        for _ in range(rng.integers(1, 4)):
            half_px = rng.uniform(0.06, 0.25) * unit_px
            spot = int(rng.integers(3))
            if spot == 0:
                x, y = self._points[_FOREHEAD] + rng.normal(0.0, 0.15 * unit_px, 2) - (0.0, 0.2 * unit_px)
            elif spot == 1:
                x, y = self._points[rng.choice(_CHEEKS)] + rng.normal(0.0, 0.08 * unit_px, 2)
            else:
                x, y = self._points[_UNDER_NOSE] + rng.normal(0.0, 0.03 * unit_px, 2)
                half_px *= 0.5
            wide_px = half_px * rng.uniform(0.6, 1.8)
            high_px = half_px * (0.6 if spot > 1 else rng.uniform(0.5, 1.2))
            self._paste((x - wide_px, y - high_px, x + wide_px, y + high_px))

    def _paste(self, box: Box, texture: NDArray[np.float32] | None = None) -> None:
        share = _shape(self._rng, self._side_px, box)[..., None]
        stuff = _texture(self._rng, self._crop) if texture is None else texture
        self._light = self._light * (1.0 - share) + stuff * share


def _shape(rng: np.random.Generator, side_px: int, box: Box) -> NDArray[np.float32]:
    """Return how far each pixel is covered: a superellipse with an uneven, soft edge, turned a little."""
    x0, y0, x1, y1 = box
    exponent = rng.choice([2.0, 4.0, 8.0])
    angle = np.linspace(0.0, 2.0 * np.pi, _CORNERS_OF_A_SHAPE, endpoint=False)
    cosine, sine = np.cos(angle), np.sin(angle)
    radius = 1.0 / (np.abs(cosine) ** exponent + np.abs(sine) ** exponent) ** (1.0 / exponent)
    radius *= 1.0 + 0.3 * _smooth(rng, (1, _CORNERS_OF_A_SHAPE), 3.0)[0]
    x, y = 1.12 * radius * cosine * (x1 - x0) / 2, 1.12 * radius * sine * (y1 - y0) / 2
    turn = rng.normal(0.0, 0.12)
    corners = np.stack(
        [
            (x0 + x1) / 2 + x * np.cos(turn) - y * np.sin(turn),
            (y0 + y1) / 2 + x * np.sin(turn) + y * np.cos(turn),
        ],
        axis=1,
    )
    mask = np.zeros((side_px, side_px), np.uint8)
    cv2.fillPoly(mask, [np.rint(corners * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), rng.uniform(0.5, 2.0)), np.float32) / 255.0


def _texture(rng: np.random.Generator, crop: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return a cover's texture, shape (S, S, 3): plain, cloth, woven, skin, dark glass, a picture, or blotches."""
    side_px = crop.shape[0]
    rows, columns = np.mgrid[:side_px, :side_px].astype(np.float32)
    colour = rng.uniform(0.0, 255.0, 3)
    kind = int(rng.integers(7))
    light: NDArray[Any]
    if kind == 0:
        light = np.tile(colour, (side_px, side_px, 1))
    elif kind == 1:
        folds = _even(_smooth(rng, (side_px, side_px), rng.uniform(3.0, 12.0)))
        light = rng.uniform(120.0, 255.0, 3) + folds[..., None] * rng.uniform(3.0, 25.0)
    elif kind == 2:
        angle = rng.uniform(0.0, np.pi)
        threads = np.sin((columns * np.cos(angle) + rows * np.sin(angle)) * rng.uniform(0.1, 1.2))
        light = colour + threads[..., None] * rng.uniform(5.0, 70.0)
    elif kind == 3:
        skin = np.median(crop.reshape(-1, 3), axis=0) * rng.uniform(0.7, 1.3)
        shade = _even(_smooth(rng, (side_px, side_px), rng.uniform(6.0, 25.0)))
        light = skin + shade[..., None] * rng.uniform(3.0, 18.0)
    elif kind == 4:
        x, y = rng.uniform(0.0, side_px, 2)
        shine = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2.0 * rng.uniform(4.0, 20.0) ** 2))
        light = rng.uniform(0.0, 70.0, 3) + shine[..., None] * rng.uniform(0.0, 160.0)
    elif kind == 5:
        turned = crop[::-1] if rng.random() < 0.5 else crop[:, ::-1]
        y, x = rng.integers(0, side_px // 2, 2)
        piece = cv2.resize(np.ascontiguousarray(turned[y:, x:]), (side_px, side_px)).astype(np.float32)
        light = cv2.GaussianBlur(piece, (0, 0), rng.uniform(2.0, 8.0))
    else:
        blotches = _smooth(rng, (side_px, side_px, 3), rng.uniform(1.0, 8.0))
        light = colour + _even(blotches) * rng.uniform(5.0, 60.0)
    slope = rng.uniform(-40.0, 40.0) * columns / side_px + rng.uniform(-40.0, 40.0) * rows / side_px
    return np.asarray(np.clip(light + slope[..., None], 0, 255), np.float32)


def _smooth(rng: np.random.Generator, shape: tuple[int, ...], sigma_px: float) -> NDArray[np.float32]:
    noise = rng.normal(0.0, 1.0, shape).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(noise, (0, 0), sigma_px), np.float32)


def _even(noise: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(noise / (noise.std() + 1e-6), np.float32)
