"""Grad-CAM, drawn where the cells really look.

Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization", ICCV 2017.
"""

import numpy as np
import torch
from captum.attr import LayerGradCam
from numpy.typing import NDArray

from trainer.explanation.cells import spread_cells
from trainer.explanation.target_class import Evidence, TargetClass, of_both_signs
from trainer.networks import PainNetwork

__all__ = ["grad_cam", "grad_cam_evidence"]


def grad_cam(network: PainNetwork, inputs: torch.Tensor, target: TargetClass) -> NDArray[np.float32]:
    """Return how much each position of a crop speaks for an answer, by one network.

    Args:
        network: In evaluation mode; not an ensemble, whose members have a map each.
        inputs: Shape (N, 3, S, S), prepared as the input contract says.
        target: For which answer.

    Returns:
        Shape (N, S, S), not negative, in the logit's units per cell.
    """
    return grad_cam_evidence(network, inputs)(target)


def grad_cam_evidence(network: PainNetwork, inputs: torch.Tensor) -> Evidence:
    """Return the maps of `grad_cam` for either answer."""
    grid = network.cell_grid()

    def answer(values: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = network(values)
        return logits

    # With a frozen trunk only the input asks for gradients.
    values = inputs.detach().clone().requires_grad_()
    found = LayerGradCam(answer, grid.layer).attribute(values)
    cells = of_both_signs(found.detach().squeeze(1).cpu().numpy().astype(np.float32))
    return lambda target: spread_cells(cells(target), grid, inputs.shape[-1])
