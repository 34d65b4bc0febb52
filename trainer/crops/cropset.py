"""Crops of one input contract, ready to train on: as arrays, with their surroundings.

Beside the exact crop that the monitor would cut, a training run wants the picture around it, so that turning, shifting
or shrinking a crop shows real surroundings instead of smeared border pixels. Each face is therefore stored as one
*wide* crop, a quarter larger on every side and cut with the same sampling grid: its middle is the exact crop, pixel for
pixel.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.faces.crop import CropSpec, crop_face
from monitor.faces.geometry import OrientedBox
from trainer.networks import InputContract

__all__ = ["CropSet", "cut_wide", "pad_px", "wide_spec"]


def pad_px(contract: InputContract) -> int:
    """Return how many pixels a wide crop has more than the exact one, on every side."""
    return contract.size_px // 4


def wide_spec(contract: InputContract) -> CropSpec:
    """Return the specification of the wide crop: the exact crop's sampling grid, continued on every side."""
    wide = contract.size_px + 2 * pad_px(contract)
    return CropSpec(size_px=wide, margin=((1.0 + 2.0 * contract.margin) * wide / contract.size_px - 1.0) / 2.0)


def cut_wide(image: NDArray[np.uint8], box: OrientedBox, contract: InputContract) -> NDArray[np.uint8]:
    """Cut the wide crop of one face, shape (W, W, 3), RGB, with W = size + 2 * pad."""
    return crop_face(image, box, wide_spec(contract))


@dataclass(frozen=True, slots=True)
class CropSet:
    """Labelled wide crops.

    Attributes:
        wide: Shape (n, W, W, 3), uint8, RGB; may be a memory-mapped file.
        labels: Shape (n,), float32: 1 pain, 0 no pain.
        subjects: Shape (n,), strings: whose face it is. Folds never separate one subject's pictures.
        contract: The input that the exact crops are made for.

    Raises:
        ValueError: The arrays do not fit each other or the contract.
    """

    wide: NDArray[np.uint8]
    labels: NDArray[np.float32]
    subjects: NDArray[np.str_]
    contract: InputContract

    def __post_init__(self) -> None:
        """Check that the arrays belong together."""
        side = self.contract.size_px + 2 * pad_px(self.contract)
        if self.wide.ndim != 4 or self.wide.shape[1:] != (side, side, 3):
            raise ValueError(f"wide crops have the shape {self.wide.shape}, not (n, {side}, {side}, 3)")
        if not len(self.wide) == len(self.labels) == len(self.subjects):
            raise ValueError("there must be one label and one subject for every crop")

    def exact(self, items: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Return the crops that the monitor would cut, shape (k, S, S, 3)."""
        pad = pad_px(self.contract)
        end = pad + self.contract.size_px
        return np.ascontiguousarray(self.wide[items, pad:end, pad:end])
