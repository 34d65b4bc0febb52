"""Several networks of one kind as one: the mean of their calibrated probabilities, and how much they disagree."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Self

import torch
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import nn
from torch.nn import functional

from trainer.networks.base import CellGrid, PainNetwork

__all__ = ["Ensemble", "EnsembleSettings", "mutual_information"]

_SMALLEST = 1e-6


class EnsembleSettings(BaseModel):
    """What an ensemble is made of."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    member: str = Field(description="Name of the members' architecture.")
    member_settings: dict[str, Any] = Field(default_factory=dict)
    count: int = Field(ge=1, le=64)
    temperatures: tuple[Annotated[float, Field(gt=0.0)], ...] = Field(
        default=(), description="By which each member's logit is divided; none means 1 for all."
    )

    @model_validator(mode="after")
    def _one_each(self) -> Self:
        if self.temperatures and len(self.temperatures) != self.count:
            raise ValueError("give one temperature for each member, or none")
        return self


class Ensemble(PainNetwork):
    """The mean probability of several networks, as a logit.

    Args:
        members: Networks of one architecture, with one input contract.
        temperatures: By which each member's logit is divided before the mean is taken.
    """

    temperatures: torch.Tensor

    def __init__(self, members: list[PainNetwork], temperatures: tuple[float, ...] = ()) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        values = torch.tensor(temperatures or (1.0,) * len(members), dtype=torch.float32)
        self.register_buffer("temperatures", values.reshape(-1, 1), persistent=False)

    @classmethod
    def from_settings(
        cls, settings: EnsembleSettings, create: Callable[[str, Mapping[str, Any]], PainNetwork]
    ) -> "Ensemble":
        """Return an untrained ensemble.

        Args:
            settings: What it is made of.
            create: Makes an untrained member from the name of an architecture and its settings.
        """
        members = [create(settings.member, settings.member_settings) for _ in range(settings.count)]
        return cls(members, settings.temperatures)

    def member_logits(self, crops: torch.Tensor) -> torch.Tensor:
        """Return every member's calibrated logit, shape (members, N)."""
        return torch.stack([member(crops) for member in self.members]) / self.temperatures

    def forward(self, crops: torch.Tensor) -> torch.Tensor:
        """Return the logit of the members' mean probability, shape (N,)."""
        return _pooled(self.member_logits(crops))

    def mutual_information(self, crops: torch.Tensor) -> torch.Tensor:
        """Return how much the members disagree, in nats, shape (N,): H[mean p] - mean H[p], 0 where all agree."""
        return mutual_information(self.member_logits(crops))

    def constant_logit(self) -> float | None:
        """Return the answer when the last hidden units of every member are silent; None where one cannot be."""
        constants = [member.constant_logit() for member in self._networks()]
        known = [constant for constant in constants if constant is not None]
        if len(known) < len(constants):
            return None
        return float(_pooled(torch.tensor(known, dtype=torch.float64).reshape(-1, 1) / self.temperatures.double()))

    def cell_grid(self) -> CellGrid:
        """Return the first member's feature map."""
        return self._networks()[0].cell_grid()

    def _networks(self) -> list[PainNetwork]:
        networks = [member for member in self.members if isinstance(member, PainNetwork)]
        if len(networks) < len(self.members):
            raise TypeError("an ensemble's members are pain networks")
        return networks


def _pooled(logits: torch.Tensor) -> torch.Tensor:
    """Return the logit of the mean probability over the first axis of logits, shape (members, N)."""
    mean = torch.sigmoid(logits).mean(dim=0).clamp(_SMALLEST, 1.0 - _SMALLEST)
    return torch.log(mean) - torch.log1p(-mean)


def mutual_information(logits: torch.Tensor) -> torch.Tensor:
    """Return H[mean p] - mean H[p] in nats over the first axis of logits, shape (members, N)."""
    mean = torch.sigmoid(logits).mean(dim=0)
    total = _entropy(mean)
    # H(p) from the logit, exact also where p rounds to 0 or 1.
    each = functional.softplus(logits) - logits * torch.sigmoid(logits)
    return (total - each.mean(dim=0)).clamp_min(0.0)


def _entropy(p: torch.Tensor) -> torch.Tensor:
    return -(torch.xlogy(p, p) + torch.xlogy(1.0 - p, 1.0 - p))
