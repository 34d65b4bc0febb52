"""What the network should answer at every anchor: faces matched to anchors, and encoded as the decoder undoes it."""

from dataclasses import dataclass

import torch
from torch import Tensor

from trainer.detector.graph import AnchorSpec

__all__ = ["BACKGROUND", "FACE", "IGNORED", "Targets", "encode_boxes", "encode_points", "match_anchors", "overlaps"]

FACE, BACKGROUND, IGNORED = 1, 0, -1
# RetinaFace's training code takes an anchor that overlaps a face by 0.35 for the face, and every other for background;
# here those in between teach nothing.
_FACE_OVERLAP = 0.35
_BACKGROUND_OVERLAP = 0.25
# The best anchor of a face that no anchor overlaps well.
_LEAST_OVERLAP = 0.2


@dataclass(frozen=True, slots=True)
class Targets:
    """The wanted answers for one picture; A anchors, finest stride first.

    Attributes:
        labels: Shape (A,), int64: `FACE`, `BACKGROUND` or `IGNORED`.
        boxes: Shape (A, 4): offsets, as the network gives them; 0 where the label is not `FACE`.
        landmarks: Shape (A, 10), likewise.
    """

    labels: Tensor
    boxes: Tensor
    landmarks: Tensor


def encode_boxes(boxes: Tensor, anchors: Tensor, spec: AnchorSpec) -> Tensor:
    """Return the offsets, shape (N, 4), that the decoder turns into boxes (N, 4) at anchors (N, 3), in pixels."""
    center_scale, size_scale = spec.variances
    center, side = anchors[:, :2], anchors[:, 2:]
    middle, size = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
    return torch.cat([(middle - center) / (center_scale * side), torch.log(size / side) / size_scale], dim=1)


def encode_points(points: Tensor, anchors: Tensor, spec: AnchorSpec) -> Tensor:
    """Return the offsets, shape (N, 10), that the decoder turns into points (N, 5, 2) at anchors (N, 3), in pixels."""
    center, side = anchors[:, None, :2], anchors[:, None, 2:]
    return ((points - center) / (spec.variances[0] * side)).flatten(1)


def overlaps(boxes: Tensor, anchors: Tensor) -> Tensor:
    """Return intersection over union, shape (F, A), of boxes (F, 4) and the square anchors (A, 3), in pixels."""
    half = anchors[:, 2:] / 2
    low, high = anchors[:, :2] - half, anchors[:, :2] + half
    inner = torch.minimum(boxes[:, None, 2:], high) - torch.maximum(boxes[:, None, :2], low)
    shared = inner.clamp(min=0.0).prod(dim=2)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(dim=1)
    return shared / (areas[:, None] + anchors[:, 2] ** 2 - shared)


def match_anchors(boxes: Tensor, points: Tensor, is_certain: Tensor, anchors: Tensor, spec: AnchorSpec) -> Targets:
    """Match the faces of one picture to the anchors.

    Args:
        boxes: Shape (F, 4): x0, y0, x1, y1 in pixels; F may be 0.
        points: Shape (F, 5, 2), in pixels.
        is_certain: Shape (F,), bool: False for a face that may be found or not (hidden, or turned too far); its
            anchors are ignored.
        anchors: Shape (A, 3), as from `anchors_px`.
        spec: How offsets are scaled.
    """
    count = len(anchors)
    labels = torch.full((count,), BACKGROUND, dtype=torch.int64)
    wanted_boxes, wanted_points = torch.zeros(count, 4), torch.zeros(count, 10)
    if len(boxes) == 0:
        return Targets(labels, wanted_boxes, wanted_points)
    overlap = overlaps(boxes, anchors)
    best, face = overlap.max(dim=0)
    labels[best >= _BACKGROUND_OVERLAP] = IGNORED
    labels[best >= _FACE_OVERLAP] = FACE
    own, anchor = overlap.max(dim=1)
    for index in torch.nonzero(own >= _LEAST_OVERLAP).flatten().tolist():
        labels[anchor[index]], face[anchor[index]] = FACE, index
    labels[(labels == FACE) & ~is_certain[face]] = IGNORED
    chosen = torch.nonzero(labels == FACE).flatten()
    wanted_boxes[chosen] = encode_boxes(boxes[face[chosen]], anchors[chosen], spec)
    wanted_points[chosen] = encode_points(points[face[chosen]], anchors[chosen], spec)
    return Targets(labels, wanted_boxes, wanted_points)
