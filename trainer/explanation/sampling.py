"""Two attribution methods that average over many changed crops: random masks, and random noise.

RISE: Petsiuk et al., "RISE: Randomized Input Sampling for Explanation of Black-box Models", BMVC 2018. It sees answers
only, no gradients and no layers. SmoothGrad: Smilkov et al., "SmoothGrad: removing noise by adding noise", 2017; the
noise and its average are captum's.
"""

import numpy as np
import torch
from captum.attr import NoiseTunnel, Saliency
from numpy.typing import NDArray

from trainer.explanation.perturbing import blurred
from trainer.explanation.target_class import Evidence, TargetClass, of_both_signs
from trainer.networks import PainNetwork

__all__ = ["rise", "rise_evidence", "smooth_grad", "smooth_grad_evidence"]

_MASKS, _CELLS, _SHOWN_SHARE = 384, 7, 0.5
_NOISY_CROPS, _NOISE_SHARE = 24, 0.1
_BATCH = 32
_SEED = 20190901


def _masks(size_px: int) -> NDArray[np.float32]:
    """Return smooth random masks with values in [0, 1], shape (n, S, S): coarse cells, enlarged and shifted."""
    random = np.random.default_rng(_SEED)
    cell = -(-size_px // _CELLS)
    coarse = torch.from_numpy((random.random((_MASKS, 1, _CELLS + 1, _CELLS + 1)) < _SHOWN_SHARE).astype(np.float32))
    side = (_CELLS + 1) * cell
    grown = torch.nn.functional.interpolate(coarse, (side, side), mode="bilinear", align_corners=False).numpy()[:, 0]
    shifts = random.integers(0, cell, (_MASKS, 2))
    return np.stack(
        [mask[y : y + size_px, x : x + size_px] for mask, (y, x) in zip(grown, shifts.tolist(), strict=True)]
    )


def rise(network: PainNetwork, inputs: torch.Tensor, target: TargetClass) -> NDArray[np.float32]:
    """Return by how much showing a position raises an answer's logit, over crops that random masks half blur.

    The masks' mean answer is subtracted, so that a position without influence has no heat; what is hidden is blurred.

    Args:
        network: In evaluation mode.
        inputs: Shape (N, 3, S, S), prepared as the input contract says.
        target: For which answer.

    Returns:
        Shape (N, S, S), not negative: the covariance of the logit with the mask over the mask's variance.
    """
    return rise_evidence(network, inputs)(target)


def rise_evidence(network: PainNetwork, inputs: torch.Tensor) -> Evidence:
    """Return the maps of `rise` for either answer."""
    masks = torch.from_numpy(_masks(inputs.shape[-1])).to(inputs.device, inputs.dtype)
    varied = masks - masks.mean(dim=0)
    spread = varied.square().mean(dim=0).clamp_min(1e-6)
    signed = []
    with torch.no_grad():
        for crop, hidden in zip(inputs, blurred(inputs), strict=True):
            answers = torch.cat(
                [
                    network(part[:, None] * crop + (1.0 - part[:, None]) * hidden)
                    for part in masks.split(_BATCH)  # type: ignore[no-untyped-call]  # torch has no type for it
                ]
            )
            weights = (answers - answers.mean()) / len(answers)
            signed.append((torch.einsum("n,nyx->yx", weights, varied) / spread).cpu().numpy())
    return of_both_signs(np.stack(signed).astype(np.float32))


def smooth_grad(network: PainNetwork, inputs: torch.Tensor, target: TargetClass) -> NDArray[np.float32]:
    """Return which details speak for an answer: the gradient's mean over noisy copies, times the detail.

    The gradient alone has no side: it is large where a change would matter, for either answer. Times what the crop has
    there beyond its blurred self, it says which answer the detail speaks for.

    Args:
        network: In evaluation mode.
        inputs: Shape (N, 3, S, S), prepared as the input contract says.
        target: For which answer.

    Returns:
        Shape (N, S, S), not negative: the sum over the channels, in the logit's units per pixel.
    """
    return smooth_grad_evidence(network, inputs)(target)


def smooth_grad_evidence(network: PainNetwork, inputs: torch.Tensor) -> Evidence:
    """Return the maps of `smooth_grad` for either answer."""
    method = NoiseTunnel(Saliency(network))
    signed = []
    for crop in inputs.split(1):  # type: ignore[no-untyped-call]  # torch has no type for it
        deviation = _NOISE_SHARE * float(crop.max() - crop.min()) or 1e-3
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(_SEED)
            gradient = method.attribute(
                crop.detach().clone().requires_grad_(),
                nt_type="smoothgrad",
                nt_samples=_NOISY_CROPS,
                nt_samples_batch_size=_BATCH,
                stdevs=deviation,
                abs=False,
            )
        signed.append((gradient.detach() * (crop - blurred(crop))).sum(dim=1).cpu().numpy())
    return of_both_signs(np.concatenate(signed).astype(np.float32))
