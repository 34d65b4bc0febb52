"""The loss of a batch."""

import math

import torch
from torch.nn import functional

from trainer.training.determinism import generator
from trainer.training.settings import TrainingSettings

__all__ = ["batch_loss", "constant_loss", "mix", "positive_weight", "smoothed"]


def positive_weight(labels: torch.Tensor) -> float:
    """Return the weight of the pain class that makes both classes count the same."""
    positive = float(labels.sum())
    return (len(labels) - positive) / positive


def mix(
    crops: torch.Tensor, labels: torch.Tensor, settings: TrainingSettings, *seed: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Blend every crop and its label with another one of the batch (mixup, arXiv 1710.09412)."""
    if settings.mixup == 0.0 or len(labels) < 2:
        return crops, labels
    random = generator(*seed)
    share = float(random.beta(settings.mixup, settings.mixup))
    other = torch.from_numpy(random.permutation(len(labels))).to(crops.device)
    return crops * share + crops[other] * (1.0 - share), labels * share + labels[other] * (1.0 - share)


def smoothed(labels: torch.Tensor, settings: TrainingSettings) -> torch.Tensor:
    """Return the targets of labels in [0, 1], moved towards 0.5 by the label smoothing."""
    return labels * (1.0 - settings.label_smoothing) + settings.label_smoothing / 2.0


def constant_loss(positive: float, negative: float) -> float:
    """Return the lowest summed cross-entropy that one answer to all pictures can have, in nats.

    Args:
        positive: Sum of the targets, times the weight of the pain class.
        negative: Sum of what the targets lack to 1.
    """
    total = positive + negative
    return -sum(part * math.log(part / total) for part in (positive, negative) if part > 0.0)


def batch_loss(logits: torch.Tensor, labels: torch.Tensor, settings: TrainingSettings, weight: float) -> torch.Tensor:
    """Return the mean cross-entropy against smoothed labels."""
    return functional.binary_cross_entropy_with_logits(
        logits.float(),
        smoothed(labels, settings),
        pos_weight=None if weight == 1.0 else logits.new_tensor(weight, dtype=torch.float32),
    )
