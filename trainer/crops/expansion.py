"""The dissertation's augmentation: every picture becomes 37, itself and 36 rotations and inversions of its crop.

The text counts 36|I*| + |I*| pictures, made "by rotation and inversion", and gives no angles. Every preset is the
original and one reading of the 36; the default is a full turn in steps of 20 degrees, plain and mirrored. No preset
holds a picture twice, so angles lie beside 0 where the inversions include none. Nothing published states which one was
used, so the preset is a setting and is written into every result.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.crops.cropset import CropSet

__all__ = ["DEFAULT_EXPANSION", "EXPANSIONS", "ExpandedSamples", "Variant", "expand"]

Inversion = Literal["none", "horizontal", "vertical", "both"]


@dataclass(frozen=True, slots=True)
class Variant:
    """One of the 37: a clockwise rotation about the crop's centre, then an inversion."""

    rotation_deg: float
    inversion: Inversion = "none"


_ORIGINAL = Variant(0.0)
EXPANSIONS: Mapping[str, tuple[Variant, ...]] = {
    "full-turn-18x2": (
        _ORIGINAL,
        *(Variant(10.0 + 20.0 * step, inversion) for inversion in ("none", "horizontal") for step in range(18)),
    ),
    "full-turn-36": tuple(Variant(360.0 / 37.0 * step) for step in range(37)),
    "small-angles-9x4": (
        _ORIGINAL,
        *(
            Variant(-22.5 + 5.0 * step, inversion)
            for inversion in ("none", "horizontal", "vertical", "both")
            for step in range(9)
        ),
    ),
    "small-angles-18x2": (
        _ORIGINAL,
        *(Variant(-25.5 + 3.0 * step, inversion) for inversion in ("none", "horizontal") for step in range(18)),
    ),
    "none": (_ORIGINAL,),
}
DEFAULT_EXPANSION = "full-turn-18x2"


def expand(crop: NDArray[np.uint8], variant: Variant) -> NDArray[np.uint8]:
    """Return one variant of a crop (S, S, 3): turned with replicated borders, then inverted."""
    turned = crop
    if variant.rotation_deg % 360.0:
        side = crop.shape[0]
        middle = ((side - 1) / 2, (side - 1) / 2)
        matrix = cv2.getRotationMatrix2D(middle, -variant.rotation_deg, 1.0)
        turned = np.asarray(
            cv2.warpAffine(crop, matrix, (side, side), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE), np.uint8
        )
    match variant.inversion:
        case "none":
            return turned
        case "horizontal":
            return turned[:, ::-1]
        case "vertical":
            return turned[::-1]
        case "both":
            return turned[::-1, ::-1]


class ExpandedSamples:
    """Fixed variants of crops.

    Args:
        crops: Where the crops are.
        rows: Shape (k,): which crop each sample is made from.
        variants: Shape (k,): which variant of it, an index into the preset.
        preset: A key of `EXPANSIONS`.
    """

    def __init__(self, crops: CropSet, rows: NDArray[np.int64], variants: NDArray[np.int64], preset: str) -> None:
        self._crops, self._rows, self._variants, self._preset = crops, rows, variants, EXPANSIONS[preset]
        self.labels = crops.labels[rows]

    def crops(self, items: NDArray[np.int64], epoch: int) -> NDArray[np.uint8]:
        """Return the chosen variants; they are the same in every epoch."""
        del epoch
        exact = self._crops.exact(self._rows[items])
        chosen = self._variants[items]
        return np.stack([expand(crop, self._preset[index]) for crop, index in zip(exact, chosen, strict=True)])
