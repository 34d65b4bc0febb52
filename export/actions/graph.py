"""The whole classifier of facial actions as one graph: raw pixels in, probability and log-odds of distress out.

Beside them it says which regions of the face are visible, from features of the expression network.

The log-likelihood ratios of two models are added, as of independent evidence (a product of experts):

- four actions measured on the face mesh, in a linear head of three classes (distress, yawning, anything else);
- the expression network, whose "angry", "disgust", "fear" and "sad" count as distress.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from export.actions.region_head import RegionHead
from export.expression.network import EXPRESSIONS, ExpressionGraph
from export.mesh.network import MeshGraph

__all__ = ["CONTRIBUTIONS", "MEASURES", "OUTPUTS", "PRIOR", "ActionsGraph", "Head", "measures"]

MEASURES = ("mouth opening", "mouth width", "eye closure", "brow lowering")
CONTRIBUTIONS = (*MEASURES, "not a yawn", "expression")
OUTPUTS = ("score", "logit", "contributions", "points", "presence", "visible")
# Share of faces in distress that the score assumes. The weights of the head and of the expression network come from
# sets in which distress is common; a bed shows it rarely. `models.expected_prior` sets another one.
PRIOR = 0.05

_DISTRESS = tuple(EXPRESSIONS.index(name) for name in ("angry", "disgust", "fear", "sad"))
_OTHER = tuple(EXPRESSIONS.index(name) for name in ("happy", "surprise", "neutral"))
# Faces of these four classes against the other three in FER2013's training set: 4953 + 547 + 5121 + 6077 of 35887
# (Goodfellow et al. 2013, arXiv 1307.0414, counts of the published file).
_EXPRESSION_PRIOR_LOGIT = -0.139
# An answer of less than one in a thousand is not known so well.
_LEAST_PROBABILITY = 1e-3

# The points of the measures in `monitor.faces.actions.geometry`, which a test compares.
_EYES = ((33, 133), (263, 362))
_UPPER_LIDS, _LOWER_LIDS = ((160, 159, 158), (385, 386, 387)), ((144, 145, 153), (380, 374, 373))
_UPPER_LIP, _LOWER_LIP = (82, 13, 312), (87, 14, 317)
_MOUTH_CORNERS, _EYE_INNERS = (61, 291), (133, 362)
_BROWS = (55, 65, 52, 285, 295, 282)
_LEAST = 1e-6


@dataclass(frozen=True, slots=True)
class Head:
    """A linear head over the four measures, each standardised, with three classes.

    Attributes:
        mean: Of each measure over the training pictures.
        scale: Standard deviation of each.
        distress: Weights of the log-odds of distress against anything that is neither distress nor a yawn.
        distress_bias: The same log-odds where every measure has its mean, without the training set's share of distress.
        yawn: Weights of the log-odds of a yawn against anything that is neither.
        yawn_bias: The same where every measure has its mean.
    """

    mean: tuple[float, ...]
    scale: tuple[float, ...]
    distress: tuple[float, ...]
    distress_bias: float
    yawn: tuple[float, ...]
    yawn_bias: float


class ActionsGraph(nn.Module):
    """Face mesh, measures, head and expression network.

    Args:
        mesh: The face mesh.
        expression: The expression network.
        head: What turns the measures into log-odds.
        regions: What turns the expression network's features into the visibility of regions.
    """

    region_weights: Tensor
    region_bias: Tensor
    mean: Tensor
    scale: Tensor
    distress: Tensor
    yawn: Tensor

    def __init__(self, mesh: MeshGraph, expression: ExpressionGraph, head: Head, regions: RegionHead) -> None:
        super().__init__()
        self.mesh, self.expression = mesh, expression
        for name in ("mean", "scale", "distress", "yawn"):
            self.register_buffer(name, torch.tensor(getattr(head, name)), persistent=False)
        self.register_buffer("region_weights", torch.from_numpy(regions.weights.astype(np.float32)), persistent=False)
        self.register_buffer("region_bias", torch.from_numpy(regions.bias), persistent=False)
        prior = torch.logit(torch.tensor(PRIOR, dtype=torch.float64))
        self.bias = head.distress_bias - _EXPRESSION_PRIOR_LOGIT + float(prior)
        self.yawn_bias = head.yawn_bias

    def forward(self, crops: Tensor) -> tuple[Tensor, ...]:
        """Map uint8 RGB crops (N, 192, 192, 3) to what `OUTPUTS` names.

        Score (N,), log-odds (N,), contributions (N, 6), which add up to the log-odds with the bias, points of the mesh
        (N, 468, 3) in pixels of the crop, the probability (N,) that the crop shows a face, and the probability (N, 4)
        that left eye, right eye, nose and mouth are visible.
        """
        points, presence = self.mesh(crops)
        standard = (measures(points[..., :2]) - self.mean) / self.scale
        yawn = (standard * self.yawn).sum(dim=1) + self.yawn_bias
        expression, features = self.expression.with_features(crops)
        evidence = torch.log(expression[:, _DISTRESS].sum(dim=1) + _LEAST_PROBABILITY) - torch.log(
            expression[:, _OTHER].sum(dim=1) + _LEAST_PROBABILITY
        )
        parts = [standard * self.distress, -functional.softplus(yawn)[:, None], evidence[:, None]]
        contributions = torch.cat(parts, dim=1)
        logit = contributions.sum(dim=1) + self.bias
        visible = torch.sigmoid(features @ self.region_weights.T + self.region_bias)
        return torch.sigmoid(logit), logit, contributions, points, presence, visible


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
