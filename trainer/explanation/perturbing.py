"""Two attribution methods that share nothing with Grad-CAM: gradients along a path, and covering up.

Sundararajan et al., "Axiomatic Attribution for Deep Networks", ICML 2017; Zeiler and Fergus, "Visualizing and
Understanding Convolutional Networks", ECCV 2014. Both are captum's.
"""

import cv2
import numpy as np
import torch
from captum.attr import IntegratedGradients, Occlusion
from numpy.typing import NDArray

from trainer.explanation.target_class import Evidence, TargetClass, of_both_signs
from trainer.networks import PainNetwork

__all__ = [
    "blurred",
    "integrated_gradients",
    "integrated_gradients_evidence",
    "occlusion",
    "occlusion_evidence",
]

_STEPS = 32
_BATCH = 32
_BLUR_SHARE = 1 / 12
_WINDOW_SHARE, _STRIDE_SHARE = 6, 15
_WINDOWS = 16


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
    return integrated_gradients_evidence(network, inputs)(target)


def integrated_gradients_evidence(network: PainNetwork, inputs: torch.Tensor) -> Evidence:
    """Return the maps of `integrated_gradients` for either answer."""
    method = IntegratedGradients(network)
    signed = []
    for start in range(0, len(inputs), _BATCH):
        crops = inputs[start : start + _BATCH]
        values = crops.detach().clone().requires_grad_()
        found = method.attribute(values, baselines=blurred(crops), n_steps=_STEPS, internal_batch_size=_BATCH)
        signed.append(_as_array(found.sum(dim=1)))
    return of_both_signs(np.concatenate(signed))


def occlusion(network: PainNetwork, inputs: torch.Tensor, target: TargetClass) -> NDArray[np.float32]:
    """Return by how much an answer's logit falls when a window of a sixth of the crop is blurred there.

    Args:
        network: In evaluation mode.
        inputs: Shape (N, 3, S, S), prepared as the input contract says.
        target: For which answer.

    Returns:
        Shape (N, S, S), not negative, the mean over the windows that cover a pixel.
    """
    return occlusion_evidence(network, inputs)(target)


def occlusion_evidence(network: PainNetwork, inputs: torch.Tensor) -> Evidence:
    """Return the maps of `occlusion` for either answer."""
    side = inputs.shape[-1]
    window, stride = max(2, side // _WINDOW_SHARE), max(1, side // _STRIDE_SHARE)
    with torch.no_grad():
        signed = [
            _as_array(
                Occlusion(network)
                .attribute(
                    crop,
                    (3, window, window),
                    strides=(3, stride, stride),
                    baselines=blurred(crop),
                    perturbations_per_eval=_WINDOWS,
                )
                .mean(dim=1)
            )
            for crop in inputs.split(1)  # type: ignore[no-untyped-call]  # torch has no type for it
        ]
    return of_both_signs(np.concatenate(signed))


def _as_array(values: torch.Tensor) -> NDArray[np.float32]:
    array: NDArray[np.float32] = values.detach().cpu().numpy().astype(np.float32)
    return array
