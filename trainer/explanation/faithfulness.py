"""Does a heat map show what the network uses? Pixels are taken away, or brought in, hottest first.

Deletion and insertion: Petsiuk et al., "RISE: Randomized Input Sampling for Explanation of Black-box Models", BMVC
2018, with the blurred crop as the baseline. Only the order of the pixels counts, and the halfway crops are unlike any
picture, so a map is compared with random maps of the same crop and not with a number. Weight randomisation: Adebayo et
al., "Sanity Checks for Saliency Maps", NeurIPS 2018.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from trainer.explanation.perturbing import blurred
from trainer.networks import PainNetwork

__all__ = ["Curves", "deletion_insertion", "map_agreement", "random_map", "randomised"]

_STEPS = 16
_RANDOM_CELLS = 8


@dataclass(frozen=True, slots=True)
class Curves:
    """Areas under the answer's probability while the crop is taken away or brought in, both in [0, 1].

    Attributes:
        deletion: Low for a map that finds what is used.
        insertion: High for a map that finds what is used.
    """

    deletion: float
    insertion: float


def deletion_insertion(
    answer: Callable[[torch.Tensor], NDArray[np.float64]], inputs: torch.Tensor, heat: NDArray[np.float32]
) -> Curves:
    """Measure one crop's heat map.

    Args:
        answer: The probability of the answer that the map is for; from inputs (N, 3, S, S) to shape (N,).
        inputs: The crop, shape (1, 3, S, S).
        heat: Shape (S, S).
    """
    order = np.argsort(-heat, axis=None, kind="stable")
    rank = np.empty(heat.size, dtype=np.int64)
    rank[order] = np.arange(heat.size)
    ranks = torch.from_numpy(rank.reshape(heat.shape)).to(inputs.device)
    limits = torch.linspace(0, heat.size, _STEPS + 1, device=inputs.device).reshape(-1, 1, 1, 1)
    is_hot = ranks < limits
    without = blurred(inputs)
    areas = [
        float(np.trapezoid(answer(torch.where(is_hot, new, old)), dx=1.0 / _STEPS))
        for old, new in ((inputs, without), (without, inputs))
    ]
    return Curves(*areas)


def random_map(size_px: int, generator: np.random.Generator) -> NDArray[np.float32]:
    """Return a map of smooth random blobs, as coarse as Grad-CAM's: the control of every score, shape (S, S)."""
    cells = generator.random((_RANDOM_CELLS, _RANDOM_CELLS), dtype=np.float32)
    grown = cv2.resize(cells, (size_px, size_px), interpolation=cv2.INTER_LINEAR)
    return np.asarray(grown, np.float32)


def randomised(network: PainNetwork, layers: int, seed: int) -> PainNetwork:
    """Return a copy whose last layers with weights have random weights; what they learnt is gone.

    Args:
        network: Stays as it is.
        layers: How many, from the answer backwards; more than there are means all.
        seed: Decides the new weights.
    """
    changed = copy.deepcopy(network)
    modules = [module for module in changed.modules() if isinstance(module, (nn.Linear, nn.Conv2d))]
    generator = torch.Generator().manual_seed(seed)
    for module in modules[-layers:] if layers else []:
        # As large as they were: only what was learnt changes, not how strongly the layer answers.
        with torch.no_grad():
            order = torch.randn(module.weight.shape, generator=generator)
            spread = module.weight.std(correction=0).clamp_min(1e-6)
            module.weight.copy_(order * spread)
    return changed.eval()


def map_agreement(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    """Return Spearman's correlation of two maps, in [-1, 1]; 0 if one of them is even everywhere.

    It is 1 for a method that draws the same map whatever the network learnt.
    """
    from scipy.stats import spearmanr

    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return 0.0
    return float(spearmanr(first, second, axis=None).statistic)
