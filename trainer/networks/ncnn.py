"""N-CNN: the small convolutional network made for neonatal pain.

Zamzmi et al., "Pain Assessment From Facial Expression: Neonatal Convolutional Neural Network (N-CNN)", IJCNN 2019,
doi 10.1109/IJCNN.2019.8851879. Kernels and padding follow the re-implementation of the FEI group; they reproduce the
published 72,593 parameters exactly.

Order of pooling and activation: LeakyReLU never decreases, so the maximum of its values is its value at the maximum.
Pooling first therefore gives the same numbers and applies the activation to a hundredth (right branch) or a ninth
(centre) of them. On one CPU core a training step takes half the time that the order of the paper takes, and 0.6 of that
with a backward pass that visits the maxima only (`pooled_convolution`).
"""

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import nn

from trainer.networks.base import CellGrid, PainNetwork
from trainer.networks.pooled_convolution import pooled_convolutions

__all__ = ["NCNN", "NCNNSettings"]

_SIZE_PX = 120
_LEAK = 0.01


class NCNNSettings(BaseModel):
    """What may be varied without changing the published shape of the network.

    `merge_dropout` is the second dropout of some published variants; 0 leaves it out. `head_leak` adds no parameter.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    branch_dropout: float = Field(default=0.1, ge=0.0, lt=1.0, description="After the centre and the right branch.")
    merge_dropout: float = Field(default=0.0, ge=0.0, lt=1.0, description="After the merged convolution's pooling.")
    head_dropout: float = Field(default=0.1, ge=0.0, lt=1.0, description="After the dense layer of 8 units.")
    head_leak: float = Field(
        default=0.0,
        ge=0.0,
        lt=1.0,
        description="Slope of the 8 units below zero; 0, as published, lets all of them be silent at once, and the "
        "answer is then a constant.",
    )


class NCNN(PainNetwork):
    """Three branches over a 120 x 120 crop, merged at 12 x 12.

    Args:
        settings: Dropout rates.
    """

    def __init__(self, settings: NCNNSettings | None = None) -> None:
        super().__init__()
        settings = settings or NCNNSettings()
        self.left_branch = nn.MaxPool2d(10)
        self.center_branch = nn.Sequential(
            nn.Conv2d(3, 64, 5),
            nn.MaxPool2d(3),
            nn.LeakyReLU(_LEAK),
            nn.Conv2d(64, 64, 2),
            nn.MaxPool2d(3),
            nn.LeakyReLU(_LEAK),
            nn.Dropout(settings.branch_dropout),
        )
        self.right_branch = nn.Sequential(
            nn.Conv2d(3, 64, 5, padding=2),
            nn.MaxPool2d(10),
            nn.LeakyReLU(_LEAK),
            nn.Dropout(settings.branch_dropout),
        )
        self.merge_branch = nn.Sequential(
            nn.Conv2d(3 + 64 + 64, 64, 2),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Dropout(settings.merge_dropout),
        )
        self._leak = settings.head_leak
        self.head = nn.Sequential(
            nn.Flatten(),
            nn.Linear(64 * 5 * 5, 8),
            nn.LeakyReLU(settings.head_leak) if settings.head_leak else nn.ReLU(),
            nn.Dropout(settings.head_dropout),
            nn.Linear(8, 1),
        )

    def forward(self, crops: torch.Tensor) -> torch.Tensor:
        """Score crops of shape (N, 3, 120, 120) with values in [0, 1]; returns logits of shape (N,)."""
        if crops.shape[1:] != (3, _SIZE_PX, _SIZE_PX):
            raise ValueError(f"N-CNN takes crops of 3 x {_SIZE_PX} x {_SIZE_PX}, not {tuple(crops.shape[1:])}")
        center, right = pooled_convolutions(crops, [self.center_branch[:2], self.right_branch[:2]])
        (center,) = pooled_convolutions(self.center_branch[2](center), [self.center_branch[3:5]])
        branches = [self.left_branch(crops), self.center_branch[5:](center), self.right_branch[2:](right)]
        logits: torch.Tensor = self.head(self.merge_branch(torch.cat(branches, dim=1)))
        return logits.squeeze(1)

    def constant_logit(self) -> float | None:
        """Return the output's bias: the answer when the 8 units before it are silent. None where they leak."""
        output = self.head[-1]
        return float(output.bias.detach()) if isinstance(output, nn.Linear) and not self._leak else None

    def cell_grid(self) -> CellGrid:
        """Return the merged map of 11 x 11 cells.

        The branches do not agree on where a cell lies: 9 i + 12 for the centre, 10 i + 9.5 for the other two. Their
        mean is 9.5 i + 10.75; a naive stretch would put the cell at 10.91 i + 4.95, up to a tenth of the crop away.
        """
        return CellGrid(self.merge_branch[0], scale_px=9.5, offset_px=10.75)
