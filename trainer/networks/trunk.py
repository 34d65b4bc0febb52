"""Networks of a trunk that others may have trained and a dense head: what they share, whatever the trunk."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Literal, Self

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import nn

from trainer.networks.base import CellGrid, PainNetwork
from trainer.networks.contract import InputContract

__all__ = ["TrunkHead", "TrunkNetwork", "TrunkSettings"]


class TrunkSettings(BaseModel):
    """The head, and what is trained."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    head: tuple[int, ...] = Field(default=(512, 512), description="Units of the dense layers before the output.")
    dropout: float = Field(default=0.5, ge=0.0, lt=1.0)
    train: Literal["all", "last-stage", "head"] = Field(default="all", description="What is not frozen.")


class TrunkNetwork(PainNetwork):
    """A trunk, the mean of its last map, and a dense head for one logit.

    A subclass builds its trunk, then `head` by `dense`, then calls `freeze`.
    """

    settings: TrunkSettings
    head: nn.Sequential

    @abstractmethod
    def trunk(self, crops: torch.Tensor) -> torch.Tensor:
        """Return the last map, shape (N, C, cells, cells), of prepared crops (N, 3, S, S)."""

    @abstractmethod
    def stages(self) -> tuple[Sequence[nn.Module], nn.Module]:
        """Return the modules before the last stage, and the last stage."""

    @staticmethod
    def dense(units: int, settings: TrunkSettings) -> nn.Sequential:
        """Return a head for maps of so many channels."""
        layers: list[nn.Module] = [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
        for following in settings.head:
            layers += [nn.Linear(units, following), nn.ReLU(), nn.Dropout(settings.dropout)]
            units = following
        return nn.Sequential(*layers, nn.Linear(units, 1))

    def freeze(self) -> None:
        """Take what the settings do not train out of every gradient."""
        for module in self._frozen():
            for parameter in module.parameters():
                parameter.requires_grad_(False)  # noqa: FBT003 - torch's stub wants it by position

    def _frozen(self) -> list[nn.Module]:
        first, last = self.stages()
        return {"all": [], "last-stage": [*first], "head": [*first, last]}[self.settings.train]

    def train(self, mode: bool = True) -> Self:
        """Switch to training; frozen layers keep the statistics that they came with."""
        super().train(mode)
        for module in self._frozen():
            module.eval()
        return self

    def features(self, crops: torch.Tensor) -> torch.Tensor:
        """Return what the dense layers see, shape (N, C): the mean over the last map."""
        return self.trunk(crops).mean(dim=(2, 3))

    def forward(self, crops: torch.Tensor) -> torch.Tensor:
        """Score crops of shape (N, 3, S, S); returns logits of shape (N,)."""
        logits: torch.Tensor = self.head(self.trunk(crops))
        return logits.squeeze(1)


class TrunkHead(PainNetwork):
    """The dense layers alone, for features that a frozen trunk gave once.

    Args:
        network: Whose layers these are; they are shared, so that training them trains the network.
    """

    def __init__(self, network: TrunkNetwork) -> None:
        super().__init__()
        self.layers = network.head[2:]  # without the pooling, which is part of the features

    def prepare(self, crops: torch.Tensor, contract: InputContract) -> torch.Tensor:
        """Return features (N, C), stored in half or single precision, as float32."""
        del contract
        return crops.to(torch.float32)

    def forward(self, crops: torch.Tensor) -> torch.Tensor:
        """Score features of shape (N, C); returns logits of shape (N,)."""
        logits: torch.Tensor = self.layers(crops)
        return logits.squeeze(1)

    def cell_grid(self) -> CellGrid:
        """Refuse: features have no position in the crop.

        Raises:
            TypeError: Always.
        """
        raise TypeError("the dense layers of a network see no picture; explain the whole network")
