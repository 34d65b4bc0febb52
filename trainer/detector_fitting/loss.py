"""The losses: what the pictures show, what the original network answers, and how far the weights went."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from trainer.detector.network import RawFaces
from trainer.detector_fitting.targets import BACKGROUND, FACE, Targets

__all__ = ["MultiboxLoss", "agreement_loss", "distance_loss", "multibox_loss"]

# As RetinaFace is trained (Deng et al. 2019, arXiv 1905.00641): seven background anchors a face anchor.
_BACKGROUND_SHARE = 7
# Of a picture without a face.
_LEAST_BACKGROUND = 16
_BOX_WEIGHT = 2.0
# Answers below this are background to both networks, and there are thousands of them.
_LEAST_SCORE = 0.02
_SURE = 0.5


@dataclass(frozen=True, slots=True)
class MultiboxLoss:
    """The loss against the truth, in parts; each is a scalar.

    Attributes:
        classes: Face or not, of all face anchors and the hardest background anchors.
        boxes: Smooth L1 of the box offsets of face anchors.
        landmarks: Likewise of the five points.
    """

    classes: Tensor
    boxes: Tensor
    landmarks: Tensor

    @property
    def total(self) -> Tensor:
        """The weighted sum."""
        return self.classes + _BOX_WEIGHT * self.boxes + self.landmarks


def multibox_loss(raw: RawFaces, targets: Sequence[Targets]) -> MultiboxLoss:
    """Return the loss of a batch.

    Args:
        raw: The network's answers to N pictures.
        targets: The N wanted answers.
    """
    labels = torch.stack([target.labels for target in targets])
    is_face = labels == FACE
    faces = is_face.sum().clamp(min=1)
    loss = functional.binary_cross_entropy_with_logits(raw.logits, is_face.float(), reduction="none")
    classes = loss[is_face].sum()
    for row, label in zip(loss, labels, strict=True):
        background = row[label == BACKGROUND]
        hard = max(_BACKGROUND_SHARE * int((label == FACE).sum()), _LEAST_BACKGROUND)
        classes = classes + torch.topk(background, min(hard, len(background))).values.sum()
    wanted_boxes = torch.stack([target.boxes for target in targets])[is_face]
    wanted_points = torch.stack([target.landmarks for target in targets])[is_face]
    return MultiboxLoss(
        classes=classes / faces,
        boxes=functional.smooth_l1_loss(raw.boxes[is_face], wanted_boxes, reduction="sum") / faces,
        landmarks=functional.smooth_l1_loss(raw.landmarks[is_face], wanted_points, reduction="sum") / faces,
    )


def agreement_loss(raw: RawFaces, original: RawFaces, targets: Sequence[Targets]) -> Tensor:
    """Return how far the answers went from the original network's, where these are right.

    Cross-entropy of the scores, less its least value, at anchors to which either network gives a score of 0.02 or more;
    smooth L1 of boxes and points where the original gives 0.5 or more. Anchors at which the truth says something else
    than the original are left out.

    Args:
        raw: The answers.
        original: The original network's answers to the same pictures, without gradient.
        targets: The truth of the same pictures.
    """
    labels = torch.stack([target.labels for target in targets])
    score = torch.sigmoid(original.logits)
    is_sure = score >= _SURE
    is_right = ~((labels == FACE) & ~is_sure) & ~((labels == BACKGROUND) & is_sure)
    compared = is_right & (torch.maximum(score, torch.sigmoid(raw.logits.detach())) >= _LEAST_SCORE)
    cross = functional.binary_cross_entropy_with_logits(raw.logits, score, reduction="none")
    least = functional.binary_cross_entropy_with_logits(original.logits, score, reduction="none")
    located = is_right & is_sure
    boxes = functional.smooth_l1_loss(raw.boxes[located], original.boxes[located], reduction="sum")
    points = functional.smooth_l1_loss(raw.landmarks[located], original.landmarks[located], reduction="sum")
    return (
        (cross - least)[compared].sum() / compared.sum().clamp(min=1)
        + (_BOX_WEIGHT * boxes + points) / located.sum().clamp(min=1)
    )  # fmt: skip


def distance_loss(parameters: Iterable[tuple[Tensor, Tensor]]) -> Tensor:
    """Return half the squared distance of weights from where they began (L2-SP, Li et al. 2018, arXiv 1802.01483).

    Args:
        parameters: Pairs of a weight and its value at the start.
    """
    parts = [((now - start) ** 2).sum() for now, start in parameters]
    return torch.stack(parts).sum() / 2 if parts else torch.zeros(())
