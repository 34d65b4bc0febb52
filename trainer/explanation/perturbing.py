"""Two attribution methods that share nothing with Grad-CAM: gradients along a path, and covering up.

Sundararajan et al., "Axiomatic Attribution for Deep Networks", ICML 2017; Zeiler and Fergus, "Visualizing and
Understanding Convolutional Networks", ECCV 2014. Both are captum's.
"""

import cv2
import numpy as np
import torch
from captum.attr import IntegratedGradients, Occlusion
from numpy.typing import NDArray

from trainer.explanation.target_class import TargetClass
from trainer.networks import PainNetwork

__all__ = ["blurred", "integrated_gradients", "occlusion"]

_STEPS = 32
_BATCH = 32
_BLUR_SHARE = 1 / 12
_WINDOW_SHARE, _STRIDE_SHARE = 6, 15


def blurred(inputs: torch.Tensor) -> torch.Tensor:
    """Return crops without detail: the baseline that features are measured against.

    A blurred crop keeps light and skin colour, so that only structure counts as a feature; black would make every
    bright position one.

    Args:
        inputs: Shape (N, 3, S, S), float.
    """
    sigma = inputs.shape[-1] * _BLUR_SHARE
    pictures = inputs.detach().cpu().permute(0, 2, 3, 1).contiguous().numpy()
    smooth = np.stack([cv2.GaussianBlur(picture, (0, 0), sigma) for picture in pictures])
    return torch.from_numpy(smooth).permute(0, 3, 1, 2).to(inputs.device, inputs.dtype)


def integrated_gradients(network: PainNetwork, inputs: torch.Tensor, target: TargetClass) -> NDArray[np.float32]:
    """Return which pixels speak for an answer, measured on the straight way from the blurred crop to the crop.

    Args:
        network: In evaluation mode.
        inputs: Shape (N, 3, S, S), prepared as the input contract says.
        target: For which answer.

    Returns:
        Shape (N, S, S), not negative: the sum over the channels, in the logit's units per pixel. What speaks against
        the answer is left out; it is what speaks for the other one.
    """
    method = IntegratedGradients(lambda values: target.sign * network(values))
    heat = []
    for start in range(0, len(inputs), _BATCH):
        crops = inputs[start : start + _BATCH]
        values = crops.detach().clone().requires_grad_()
        found = method.attribute(values, baselines=blurred(crops), n_steps=_STEPS, internal_batch_size=_BATCH)
        heat.append(_heat(found.sum(dim=1)))
    return np.concatenate(heat)


def occlusion(network: PainNetwork, inputs: torch.Tensor, target: TargetClass) -> NDArray[np.float32]:
    """Return by how much an answer's logit falls when a window of a sixth of the crop is blurred there.

    Args:
        network: In evaluation mode.
        inputs: Shape (N, 3, S, S), prepared as the input contract says.
        target: For which answer.

    Returns:
        Shape (N, S, S), not negative, the mean over the windows that cover a pixel.
    """
    side = inputs.shape[-1]
    window, stride = max(2, side // _WINDOW_SHARE), max(1, side // _STRIDE_SHARE)
    method = Occlusion(lambda values: target.sign * network(values))
    with torch.no_grad():
        found = method.attribute(
            inputs,
            (3, window, window),
            strides=(3, stride, stride),
            baselines=blurred(inputs),
            perturbations_per_eval=4,
        )
    return _heat(found.mean(dim=1))


def _heat(signed: torch.Tensor) -> NDArray[np.float32]:
    heat: NDArray[np.float32] = signed.detach().clamp_min(0.0).cpu().numpy().astype(np.float32)
    return heat
