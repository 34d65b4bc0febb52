"""How well a heat map agrees with a region.

Energy in a region: the energy-based pointing game (Wang et al., "Score-CAM", CVPR workshops 2020). Pointing game:
Zhang et al., "Top-Down Neural Attention by Excitation Backprop", 2018.
"""

import numpy as np
from numpy.typing import NDArray

__all__ = ["energy_in", "enrichment", "points_into"]

_TOLERANCE_SHARE = 15 / 224


def energy_in(heat: NDArray[np.float32], mask: NDArray[np.bool_]) -> float:
    """Return the share of the heat that lies in a region, in [0, 1]; not a number for an empty map.

    Args:
        heat: Shape (S, S), not negative.
        mask: Shape (S, S).
    """
    total = float(heat.sum(dtype=np.float64))
    return float(heat[mask].sum(dtype=np.float64)) / total if total > 0 else float("nan")


def enrichment(heat: NDArray[np.float32], mask: NDArray[np.bool_]) -> float:
    """Return the energy in a region over the region's share of the crop: 1 is chance.

    Not a number for an empty map or an empty region.
    """
    area = float(mask.mean())
    return energy_in(heat, mask) / area if area > 0 else float("nan")


def points_into(heat: NDArray[np.float32], mask: NDArray[np.bool_]) -> bool | None:
    """Return whether the hottest pixel lies in a region or within 15/224 of the crop's side of it; None if no heat.

    Of several equally hot pixels their mean place counts for the one nearest to it, so that a flat top has its middle.
    """
    if heat.max() <= 0:
        return None
    tops = np.argwhere(heat >= heat.max())
    top = tops[np.argmin(((tops - tops.mean(axis=0)) ** 2).sum(axis=1))]
    places = np.argwhere(mask)
    if not len(places):
        return False
    nearest = float(np.sqrt(((places - top) ** 2).sum(axis=1).min()))
    return nearest <= _TOLERANCE_SHARE * len(heat)
