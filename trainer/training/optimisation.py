"""Optimisers and learning rates from their settings."""

import math
from collections.abc import Iterable

import torch

from trainer.networks import PainNetwork
from trainer.training.settings import OptimiserSettings, ScheduleSettings

__all__ = ["WeightAverage", "build_optimiser", "learning_rate"]


def build_optimiser(network: PainNetwork, settings: OptimiserSettings) -> torch.optim.Optimizer:
    """Return the optimiser of a network's trainable parameters."""
    groups = network.parameter_groups(settings.learning_rate, settings.weight_decay)
    for group in groups:
        group["share"] = float(group["lr"]) / settings.learning_rate  # type: ignore[arg-type]  # a group is free-form
    match settings.name:
        case "rmsprop":
            return torch.optim.RMSprop(groups, lr=settings.learning_rate, momentum=settings.momentum)
        case "adamw":
            return torch.optim.AdamW(groups, lr=settings.learning_rate)
        case "sgd":
            return torch.optim.SGD(groups, lr=settings.learning_rate, momentum=settings.momentum, nesterov=False)


def learning_rate(epoch: int, epochs: int, base: float, settings: ScheduleSettings) -> float:
    """Return the learning rate of an epoch; it depends on nothing else, so a resumed run needs no schedule's state.

    Args:
        epoch: From 0.
        epochs: Planned number.
        base: The optimiser's learning rate.
        settings: The schedule.
    """
    if epoch < settings.warmup_epochs:
        return base * (epoch + 1) / (settings.warmup_epochs + 1)
    since = epoch - settings.warmup_epochs
    match settings.name:
        case "constant":
            return base
        case "cosine":
            phase = since / max(epochs - settings.warmup_epochs, 1)
        case "cosine-cycle":
            phase = since / settings.half_period_epochs
    low = min(settings.final_learning_rate, base)
    return low + (base - low) * (1.0 + math.cos(math.pi * phase)) / 2.0


class WeightAverage:
    """An exponential average of a network's weights over the steps of its training.

    The decay grows from 0 towards its final value (as (1 + n) / (10 + n)) so that the random start is soon forgotten.

    Args:
        state: The network's state dict at the start.
        decay: Final decay per step in [0, 1).
    """

    def __init__(self, state: dict[str, torch.Tensor], decay: float) -> None:
        self._decay = decay
        self.steps = 0
        self.state = {name: tensor.detach().clone() for name, tensor in state.items()}

    def update(self, named: Iterable[tuple[str, torch.Tensor]]) -> None:
        """Take in the weights after one step."""
        self.steps += 1
        decay = min(self._decay, (1 + self.steps) / (10 + self.steps))
        for name, tensor in named:
            averaged = self.state[name]
            if averaged.is_floating_point():
                averaged.mul_(decay).add_(tensor.detach(), alpha=1.0 - decay)
            else:
                averaged.copy_(tensor)
