"""The fitted weights that say which regions of a face are visible."""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = ["RegionHead", "read_region_head", "write_region_head"]


@dataclass(frozen=True, slots=True)
class RegionHead:
    """A linear head over the expression network's features.

    Attributes:
        weights: Shape (4, 2048), float16: log-odds that each region of `export.actions.covers.REGIONS` is visible.
        bias: Shape (4,), float32; moved so that a probability of 0.5 is where a region counts as hidden.
    """

    weights: NDArray[np.float16]
    bias: NDArray[np.float32]


def read_region_head() -> RegionHead:
    """Return the head of this version; `python -m export.actions.region_fitting` fits it again."""
    with np.load(Path(__file__).parent / "region_head.npz", allow_pickle=False) as arrays:
        return RegionHead(arrays["weights"], arrays["bias"])


def write_region_head(head: RegionHead, path: Path) -> None:
    """Store a head where `read_region_head` finds it."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, weights=head.weights, bias=head.bias)
    path.write_bytes(buffer.getvalue())
