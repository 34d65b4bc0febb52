"""Reads the cells of a feature map and puts them where they look."""

import numpy as np
import torch
from numpy.typing import NDArray

from trainer.errors import SettingsError
from trainer.networks import CellGrid, PainNetwork

__all__ = ["feature_maps", "spread_cells"]


def feature_maps(
    network: PainNetwork, grid: CellGrid, inputs: torch.Tensor
) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
    """Score crops and return the feature map of every call of the grid's layer.

    Args:
        network: In evaluation mode; not an ensemble.
        grid: Of that network.
        inputs: Shape (N, 3, S, S), prepared as the input contract says.

    Returns:
        The logits, shape (N,), and a map of shape (N, C, cells, cells) for each of `grid.mirrored_calls`.

    Raises:
        SettingsError: The layer is called otherwise than the grid says: what a map shows would not be known.
    """
    seen: list[torch.Tensor] = []
    handle = grid.layer.register_forward_hook(lambda _module, _inputs, output: seen.append(output))
    try:
        logits: torch.Tensor = network(inputs)
    finally:
        handle.remove()
    if len(seen) != len(grid.mirrored_calls):
        raise SettingsError(
            f"{type(network).__name__} calls the layer of its cell grid {len(seen)} times in one pass, and the grid "
            f"names {len(grid.mirrored_calls)} (mirrored_calls): where its feature maps look is not known"
        )
    return logits, tuple(seen)


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
