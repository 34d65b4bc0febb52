"""Grad-CAM, drawn where the cells really look.

Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization", ICCV 2017.
"""

import numpy as np
import torch
from numpy.typing import NDArray

from trainer.explanation.cells import feature_maps, spread_cells
from trainer.explanation.target_class import Evidence, TargetClass, of_both_signs
from trainer.networks import PainNetwork

__all__ = ["grad_cam", "grad_cam_evidence"]


def grad_cam(network: PainNetwork, inputs: torch.Tensor, target: TargetClass) -> NDArray[np.float32]:
    """Return how much each position of a crop speaks for an answer, by one network.

    A network that averages over the crop and its mirror image has a map of each; that of the mirror image is flipped
    back and added.

    Args:
        network: In evaluation mode; not an ensemble, whose members have a map each.
        inputs: Shape (N, 3, S, S), prepared as the input contract says.
        target: For which answer.

    Returns:
        Shape (N, S, S), not negative, in the logit's units per cell.

    Raises:
        SettingsError: The network calls the layer of its cell grid otherwise than the grid says.
    """
    return grad_cam_evidence(network, inputs)(target)


def grad_cam_evidence(network: PainNetwork, inputs: torch.Tensor) -> Evidence:
    """Return the maps of `grad_cam` for either answer."""
    grid = network.cell_grid()
    # With a frozen trunk only the input asks for gradients.
    logits, maps = feature_maps(network, grid, inputs.detach().clone().requires_grad_())
    gradients = torch.autograd.grad(logits.sum(), maps)
    views = []
    for cells, gradient in zip(maps, gradients, strict=True):
        weighted = (gradient.mean(dim=(2, 3), keepdim=True) * cells).sum(dim=1)
        views.append(of_both_signs(weighted.detach().cpu().numpy().astype(np.float32)))

    def heat(target: TargetClass) -> NDArray[np.float32]:
        total = np.zeros((len(inputs), *inputs.shape[-2:]), np.float32)
        for view, is_mirrored in zip(views, grid.mirrored_calls, strict=True):
            spread = spread_cells(view(target), grid, inputs.shape[-1])
            # Flipped as a picture, not as cells: a grid need not lie in the middle of the crop.
            total += spread[..., ::-1] if is_mirrored else spread
        return total

    return heat
