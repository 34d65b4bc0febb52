"""The whole classifier of facial actions as one graph: raw pixels in, calibrated probability and log-odds out."""

from dataclasses import dataclass

import torch
from torch import Tensor

from export.mesh.flatbuffer import Graph
from export.mesh.network import MeshGraph

__all__ = ["MEASURES", "ActionsGraph", "Head", "measures"]

MEASURES = ("mouth opening", "mouth width", "eye closure", "brow lowering")

# The points of the measures in `monitor.faces.actions.geometry`, which a test compares.
_EYES = ((33, 133), (263, 362))
_UPPER_LIDS, _LOWER_LIDS = ((160, 159, 158), (385, 386, 387)), ((144, 145, 153), (380, 374, 373))
_UPPER_LIP, _LOWER_LIP = (82, 13, 312), (87, 14, 317)
_MOUTH_CORNERS, _EYE_INNERS = (61, 291), (133, 362)
_BROWS = (55, 65, 52, 285, 295, 282)
_LEAST = 1e-6


@dataclass(frozen=True, slots=True)
class Head:
    """A linear head over the four measures, each standardised.

    Attributes:
        mean: Of each measure over the training pictures.
        scale: Standard deviation of each.
        weights: Of the standardised measures in the log-odds: each product is that measure's contribution.
        bias: The log-odds where every measure has its mean.
    """

    mean: tuple[float, ...]
    scale: tuple[float, ...]
    weights: tuple[float, ...]
    bias: float


class ActionsGraph(MeshGraph):
    """Face mesh, measures and head.

    Args:
        mesh: The steps of the face mesh's network.
        head: What turns its measures into a score.
    """

    mean: Tensor
    scale: Tensor
    weights: Tensor

    def __init__(self, mesh: Graph, head: Head) -> None:
        super().__init__(mesh)
        for name in ("mean", "scale", "weights"):
            self.register_buffer(name, torch.tensor(getattr(head, name)), persistent=False)
        self.bias = head.bias

    def forward(self, crops: Tensor) -> tuple[Tensor, ...]:
        """Map uint8 RGB crops (N, 192, 192, 3) to score (N,), log-odds (N,) and contributions (N, 4)."""
        points, _ = super().forward(crops)
        contributions = (measures(points[..., :2]) - self.mean) / self.scale * self.weights
        logit = contributions.sum(dim=1) + self.bias
        return torch.sigmoid(logit), logit, contributions


def measures(points: Tensor) -> Tensor:
    """Return the four measures (N, 4) of points (N, 468, 2)."""
    left, right = (points[:, pair].mean(dim=1) for pair in _EYES)
    unit = _length(left - right)
    opening = _length(_middle(points, _UPPER_LIP) - _middle(points, _LOWER_LIP)) / unit
    width = _length(points[:, _MOUTH_CORNERS[0]] - points[:, _MOUTH_CORNERS[1]]) / unit
    closures = [
        -_length(_middle(points, upper) - _middle(points, lower)) / _length(points[:, outer] - points[:, inner])
        for (outer, inner), upper, lower in zip(_EYES, _UPPER_LIDS, _LOWER_LIDS, strict=True)
    ]
    first = points[:, _EYE_INNERS[0]]
    along = points[:, _EYE_INNERS[1]] - first
    brows = _middle(points, _BROWS) - first
    height = (brows[:, 0] * along[:, 1] - brows[:, 1] * along[:, 0]) / _length(along)
    return torch.stack([opening, width, (closures[0] + closures[1]) / 2, -height / unit], dim=1)


def _middle(points: Tensor, numbers: tuple[int, ...]) -> Tensor:
    return points[:, list(numbers)].mean(dim=1)


def _length(vector: Tensor) -> Tensor:
    return torch.sqrt((vector * vector).sum(dim=1)).clamp_min(_LEAST)
