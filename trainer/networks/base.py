"""What every network of this project offers."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import nn

from trainer.networks.contract import InputContract, prepare_crops

__all__ = ["CellGrid", "PainNetwork"]


@dataclass(frozen=True, slots=True)
class CellGrid:
    """Where the cells of a feature map lie in the crop.

    The centre of cell i lies at pixel `scale_px * i + offset_px` of the crop, along both axes; (0, 0) is the centre of
    the top left pixel. Stretching a feature map over the crop is wrong for most networks; this mapping is exact.

    Attributes:
        layer: The module whose output is the feature map, shape (N, C, cells, cells).
        scale_px: Distance of neighbouring cells.
        offset_px: Centre of cell 0.
        mirrored_calls: For every call of the layer in one pass, whether it sees the crop's mirror image (left to right)
            in place of the crop.
    """

    layer: nn.Module
    scale_px: float
    offset_px: float
    mirrored_calls: tuple[bool, ...] = (False,)


class PainNetwork(nn.Module, ABC):
    """A classifier of one crop: pain against no pain."""

    @abstractmethod
    def forward(self, crops: torch.Tensor) -> torch.Tensor:
        """Score crops.

        Args:
            crops: Shape (N, 3, S, S), float, prepared as the input contract says.

        Returns:
            Shape (N,), the uncalibrated logit of pain.
        """

    @abstractmethod
    def cell_grid(self) -> CellGrid:
        """Return the feature map that Grad-CAM reads, and where its cells lie in the crop."""

    def constant_logit(self) -> float | None:
        """Return what the network answers, whatever the crop, when its last hidden units are all silent.

        None where no such constant answer exists. A network with one must not be believed when it gives it.
        """
        return None

    def prepare(self, crops: torch.Tensor, contract: InputContract) -> torch.Tensor:
        """Turn what samples give into what `forward` takes: crops (N, S, S, 3) uint8 as the input contract says."""
        return prepare_crops(crops, contract)

    def parameter_groups(self, learning_rate: float, weight_decay: float) -> list[dict[str, object]]:
        """Return the optimiser's groups: weight decay for kernels, none for biases and normalisation."""
        trainable = [parameter for parameter in self.parameters() if parameter.requires_grad]
        kernels = [parameter for parameter in trainable if parameter.ndim > 1]
        others = [parameter for parameter in trainable if parameter.ndim <= 1]
        groups: list[dict[str, object]] = [{"params": kernels, "lr": learning_rate, "weight_decay": weight_decay}]
        if others:
            groups.append({"params": others, "lr": learning_rate, "weight_decay": 0.0})
        return groups
