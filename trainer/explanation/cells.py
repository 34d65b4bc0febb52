"""Puts the cells of a feature map where they look."""

import numpy as np
from numpy.typing import NDArray

from trainer.networks import CellGrid

__all__ = ["spread_cells"]


def spread_cells(cells: NDArray[np.float32], grid: CellGrid, size_px: int) -> NDArray[np.float32]:
    """Return feature maps as pictures: linear between the cells' centres, constant beyond the outermost ones.

    The centres come from the network's own affine map (`CellGrid`). Stretching the map over the crop instead would
    draw N-CNN's cells up to a tenth of the crop too far outwards, and make heat on the face look like heat beside it.

    Args:
        cells: Shape (N, cells, cells).
        grid: Where each cell's centre lies.
        size_px: Side of the crop.

    Returns:
        Shape (N, size_px, size_px).
    """
    if cells.ndim != 3 or cells.shape[1] != cells.shape[2]:
        raise ValueError(f"feature maps have the shape {cells.shape}, not (N, cells, cells)")
    count = cells.shape[1]
    position = np.clip((np.arange(size_px) - grid.offset_px) / grid.scale_px, 0.0, count - 1.0)
    # A hat function around each cell's centre: every row has at most two weights, and they sum to 1.
    weights = np.maximum(0.0, 1.0 - np.abs(position[:, None] - np.arange(count))).astype(np.float32)
    spread: NDArray[np.float32] = weights @ cells @ weights.T
    return spread
