"""Score-CAM: a network's own feature maps as masks, weighted by what showing only that part does to the answer.

Wang et al., "Score-CAM: Score-Weighted Visual Explanations for Convolutional Neural Networks", CVPR workshops 2020. It
needs the maps that Grad-CAM reads, and no gradient. Two things differ from the paper: what a mask hides is blurred, not
black, as in every method here; and the weights are the increases themselves, as in the paper's definition of them, not
their softmax, which would give weight to maps that speak against the answer, too.
"""

import numpy as np
import torch
from numpy.typing import NDArray

from trainer.explanation.cells import feature_maps, spread_cells
from trainer.explanation.perturbing import blurred
from trainer.explanation.target_class import Evidence, TargetClass, of_both_signs
from trainer.networks import CellGrid, PainNetwork

__all__ = ["score_cam", "score_cam_evidence"]

_MAPS = 256
_BATCH = 32


def score_cam(network: PainNetwork, inputs: torch.Tensor, target: TargetClass) -> NDArray[np.float32]:
    """Return the sum of a network's feature maps, each times the increase of the logit when only it is shown.

    Of more than 256 maps the 256 with the widest range of values are taken; a map that is even everywhere is none.

    Args:
        network: In evaluation mode; not an ensemble, whose members have a map each.
        inputs: Shape (N, 3, S, S), prepared as the input contract says.
        target: For which answer.

    Returns:
        Shape (N, S, S), not negative, in the logit's units, and 0 where it is least, as in the paper: what every
        position shares says nothing of where.
    """
    return score_cam_evidence(network, inputs)(target)


def score_cam_evidence(network: PainNetwork, inputs: torch.Tensor) -> Evidence:
    """Return the maps of `score_cam` for either answer."""
    grid = network.cell_grid()
    with torch.no_grad():
        cells = _cells(network, grid, inputs)
        signed = [
            _signed(network, crop, hidden, _masks(own, grid, inputs.shape[-1]).to(inputs.device))
            for crop, hidden, own in zip(inputs, blurred(inputs), cells, strict=True)
        ]
    found = of_both_signs(np.stack(signed).astype(np.float32))

    def above_the_least(target: TargetClass) -> NDArray[np.float32]:
        heat = found(target)
        above: NDArray[np.float32] = heat - heat.min(axis=(1, 2), keepdims=True)
        return above

    return above_the_least


def _cells(network: PainNetwork, grid: CellGrid, inputs: torch.Tensor) -> NDArray[np.float32]:
    """Return the feature maps of crops, shape (N, C, cells, cells)."""
    _, maps = feature_maps(network, grid, inputs)
    return maps[grid.mirrored_calls.index(False)].cpu().numpy().astype(np.float32)


def _masks(cells: NDArray[np.float32], grid: CellGrid, size_px: int) -> torch.Tensor:
    """Return one crop's maps (C, cells, cells) as masks from 0 to 1, shape (k, size_px, size_px), k at most 256."""
    low, high = cells.min(axis=(1, 2)), cells.max(axis=(1, 2))
    order = np.argsort(low - high, kind="stable")[:_MAPS]
    chosen = order[high[order] > low[order]]
    shares = (cells[chosen] - low[chosen, None, None]) / (high - low)[chosen, None, None]
    return torch.from_numpy(spread_cells(shares, grid, size_px))


def _signed(network: PainNetwork, crop: torch.Tensor, hidden: torch.Tensor, masks: torch.Tensor) -> NDArray[np.float32]:
    """Return the sum of the masks, each times the increase of the logit of pain, shape (S, S)."""
    without = network(hidden[None])
    heat = torch.zeros(crop.shape[1:], device=crop.device)
    for part in masks.split(_BATCH) if len(masks) else ():  # type: ignore[no-untyped-call]  # torch has no type for it
        shown = part[:, None] * crop + (1.0 - part[:, None]) * hidden
        heat += torch.einsum("n,nyx->yx", network(shown) - without, part)
    signed: NDArray[np.float32] = heat.cpu().numpy()
    return signed
