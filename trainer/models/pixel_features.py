"""What simple descriptors say about a crop: baselines where a data set has no points, only faces that were cut out.

Grey levels (32 px), histograms of oriented gradients (Dalal and Triggs 2005: 64 px, cells of 8 px, blocks of 2 x 2
cells, 9 directions, OpenCV's implementation), and local binary patterns (Ojala, Pietikainen and Maenpaa 2002: 8
neighbours at a distance of 1 px, 59 uniform patterns, counted in 4 x 4 fields of a crop of 64 px).
"""

from collections.abc import Callable, Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.crops import Study
from trainer.networks import InputContract

__all__ = ["PIXEL_KINDS", "crop_features", "hog", "pixels", "uniform_patterns"]

_PIXELS_PX, _SIDE_PX = 32, 64
_FIELDS = 4
_NEIGHBOURS = ((0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1))


def pixels(grey: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the grey levels of a crop (32, 32), shape (1024,), in [0, 1]."""
    return grey.astype(np.float64).reshape(-1) / 255.0


def hog(grey: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the histograms of oriented gradients of a crop (64, 64), shape (1764,)."""
    describe = cv2.HOGDescriptor((_SIDE_PX, _SIDE_PX), (16, 16), (8, 8), (8, 8), 9)
    return np.asarray(describe.compute(grey), np.float64).reshape(-1)


def uniform_patterns(grey: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the shares of the 59 uniform local binary patterns in 16 fields of a crop (64, 64), shape (944,).

    A neighbour counts as 1 where it is at least as bright. A pattern is uniform where it changes at most twice around
    the circle; all others share the last place. The pixels at the border have no pattern.
    """
    middle = grey[1:-1, 1:-1]
    codes = np.zeros(middle.shape, np.int64)
    rows, columns = grey.shape
    for bit, (down, right) in enumerate(_NEIGHBOURS):
        neighbour = grey[1 + down : rows - 1 + down, 1 + right : columns - 1 + right]
        codes |= (neighbour >= middle).astype(np.int64) << bit
    numbers = _UNIFORM[codes]
    fields = [
        np.bincount(part.reshape(-1), minlength=_PATTERNS) / part.size
        for band in np.array_split(numbers, _FIELDS, axis=0)
        for part in np.array_split(band, _FIELDS, axis=1)
    ]
    return np.concatenate(fields)


def _changes(code: int) -> int:
    bits = [code >> bit & 1 for bit in range(8)]
    return sum(bits[bit] != bits[bit - 1] for bit in range(8))


_CODES = [code for code in range(256) if _changes(code) <= 2]
_PATTERNS = len(_CODES) + 1
_UNIFORM = np.full(256, _PATTERNS - 1, np.int64)
_UNIFORM[_CODES] = np.arange(len(_CODES))

PIXEL_KINDS: Mapping[str, tuple[int, Callable[[NDArray[np.uint8]], NDArray[np.float64]]]] = {
    "pixels": (_PIXELS_PX, pixels),
    "hog": (_SIDE_PX, hog),
    "lbp": (_SIDE_PX, uniform_patterns),
}
"""Side of the crop in pixels, and what describes it, by the kind of recipe."""


def crop_features(study: Study, rows: NDArray[np.int64], kind: str) -> NDArray[np.float64]:
    """Return the descriptors of some pictures' exact crops, shape (k, d).

    Args:
        study: The pictures.
        rows: Shape (k,).
        kind: A key of `PIXEL_KINDS`.

    Raises:
        RejectedImageError: A picture can no longer be read.
        CheckpointError: There is no room for the crops.
    """
    side, describe = PIXEL_KINDS[kind]
    crops = study.crop_set(InputContract(size_px=side)).exact(rows)
    if not len(rows):
        return np.zeros((0, len(describe(np.zeros((side, side), np.uint8)))))
    return np.stack([describe(np.asarray(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), np.uint8)) for crop in crops])
