"""Mimic: a compact network for a few hundred pictures of faces.

What differs from N-CNN, and why. Depthwise separable convolutions with residual connections see the whole face at
70,000 to 200,000 weights; batch normalisation lets them train from scratch in minutes; an average over the last map (in
place of 12,808 dense weights that know every cell's position) does not memorise where a training infant's features lay;
a blurring stem averages noise away before the first stride; the mean over a crop and its mirror image, at no cost in
training, removes a left-right preference that no pain has.
"""

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import nn

from trainer.networks.base import CellGrid, PainNetwork

__all__ = ["Mimic", "MimicSettings"]


class MimicSettings(BaseModel):
    """Width, depth and regularisation."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    width: int = Field(default=24, ge=8, le=128, description="Channels after the stem; doubled at every stage.")
    depth: int = Field(default=2, ge=1, le=8, description="Residual blocks of each of the three stages.")
    dropout: float = Field(default=0.3, ge=0.0, lt=1.0)
    mirror: bool = Field(default=True, description="Average over the crop and its mirror image when evaluating.")


class _Squeeze(nn.Module):
    """Channel attention (squeeze and excitation, arXiv 1709.01507)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = max(8, channels // 4)
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, inner, 1),
            nn.ReLU(),
            nn.Conv2d(inner, channels, 1),
            nn.Sigmoid(),
        )

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        gated: torch.Tensor = values * self.gate(values)
        return gated


class _Block(nn.Module):
    """Depthwise 3x3, attention, pointwise; with a shortcut where the shape allows."""

    def __init__(self, channels_in: int, channels_out: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels_in, channels_in, 3, stride, 1, groups=channels_in, bias=False),
            nn.BatchNorm2d(channels_in),
            nn.ReLU(),
            _Squeeze(channels_in),
            nn.Conv2d(channels_in, channels_out, 1, bias=False),
            nn.BatchNorm2d(channels_out),
        )
        self.shortcut = stride == 1 and channels_in == channels_out

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        changed: torch.Tensor = self.body(values)
        return torch.relu(values + changed) if self.shortcut else torch.relu(changed)


class Mimic(PainNetwork):
    """The network; takes square crops of 64 px or more.

    Args:
        settings: Width, depth and regularisation.
    """

    def __init__(self, settings: MimicSettings | None = None) -> None:
        super().__init__()
        settings = settings or MimicSettings()
        width = settings.width
        self._mirror = settings.mirror
        layers: list[nn.Module] = [
            nn.Conv2d(3, width, 5, 2, 2, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
        ]
        channels = width
        for stage in range(3):
            wider = width * 2 ** (stage + 1)
            layers.append(_Block(channels, wider, 2))
            layers += [_Block(wider, wider, 1) for _ in range(settings.depth - 1)]
            channels = wider
        self.features = nn.Sequential(*layers)
        self.head = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(settings.dropout), nn.Linear(channels, 1)
        )

    def forward(self, crops: torch.Tensor) -> torch.Tensor:
        """Score crops of shape (N, 3, S, S); returns logits of shape (N,)."""
        logits: torch.Tensor = self.head(self.features(crops))
        if self._mirror and not self.training:
            logits = (logits + self.head(self.features(crops.flip(-1)))) / 2.0
        return logits.squeeze(1)

    def cell_grid(self) -> CellGrid:
        """Return the last feature map; each of its four strides of 2 keeps cell 0 centred on pixel 0."""
        calls = (False, True) if self._mirror and not self.training else (False,)
        return CellGrid(self.features, scale_px=16.0, offset_px=0.0, mirrored_calls=calls)
