"""The attribution methods by name, for a network or for several together."""

from collections.abc import Callable, Sequence
from types import MappingProxyType

import numpy as np
import torch
from numpy.typing import NDArray

from trainer.explanation.choices import METHOD_NAMES
from trainer.explanation.gradcam import grad_cam, grad_cam_evidence
from trainer.explanation.perturbing import (
    integrated_gradients,
    integrated_gradients_evidence,
    occlusion,
    occlusion_evidence,
)
from trainer.explanation.sampling import rise, rise_evidence, smooth_grad, smooth_grad_evidence
from trainer.explanation.score_cam import score_cam, score_cam_evidence
from trainer.explanation.target_class import Evidence, TargetClass
from trainer.networks import Ensemble, PainNetwork

__all__ = ["METHODS", "Attribution", "heat_maps", "heat_maps_of_both", "members_of"]

Attribution = Callable[[PainNetwork, torch.Tensor, TargetClass], NDArray[np.float32]]

METHODS: MappingProxyType[str, Attribution] = MappingProxyType(
    dict(
        zip(METHOD_NAMES, (grad_cam, integrated_gradients, occlusion, rise, score_cam, smooth_grad), strict=True),
    )
)
"""From a network, prepared crops (N, 3, S, S) and an answer to heat maps (N, S, S) without negative values."""

_EVIDENCE: MappingProxyType[str, Callable[[PainNetwork, torch.Tensor], Evidence]] = MappingProxyType(
    dict(
        zip(
            METHOD_NAMES,
            (
                grad_cam_evidence,
                integrated_gradients_evidence,
                occlusion_evidence,
                rise_evidence,
                score_cam_evidence,
                smooth_grad_evidence,
            ),
            strict=True,
        )
    )
)


def members_of(network: PainNetwork) -> list[PainNetwork]:
    """Return the networks that an ensemble is made of; a single network is its own only member."""
    if not isinstance(network, Ensemble):
        return [network]
    return [member for member in network.members if isinstance(member, PainNetwork)]


def heat_maps(
    method: str, networks: Sequence[PainNetwork], inputs: torch.Tensor, target: TargetClass
) -> NDArray[np.float32]:
    """Return the mean of several networks' heat maps, shape (N, S, S).

    Args:
        method: A key of `METHODS`.
        networks: At least one, in evaluation mode.
        inputs: Shape (N, 3, S, S), prepared as the input contract says.
        target: For which answer.
    """
    singles = [single for network in networks for single in members_of(network)]
    heat: NDArray[np.float32] = np.mean([METHODS[method](single, inputs, target) for single in singles], axis=0)
    return heat


def heat_maps_of_both(
    method: str, networks: Sequence[PainNetwork], inputs: torch.Tensor
) -> dict[TargetClass, NDArray[np.float32]]:
    """Return what `heat_maps` does for each answer, in the time of one.

    Args:
        method: A key of `METHODS`.
        networks: At least one, in evaluation mode.
        inputs: Shape (N, 3, S, S), prepared as the input contract says.
    """
    found = [_EVIDENCE[method](single, inputs) for network in networks for single in members_of(network)]
    return {target: np.mean([evidence(target) for evidence in found], axis=0) for target in TargetClass}
