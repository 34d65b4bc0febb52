"""ResNet50, written here because the usual package of it cannot be relied on beside a CPU build of torch.

He et al., "Deep Residual Learning for Image Recognition", 2016. The names of the weights are torchvision's, so that its
state dicts load unchanged; `stride_first` puts the stride into the 1x1 convolution, as the original Caffe model and
the VGGFace2 weights have it, instead of the 3x3 one (torchvision's).
"""

from collections.abc import Sequence

import torch
from pydantic import Field
from torch import nn

from trainer.networks.base import CellGrid
from trainer.networks.trunk import TrunkNetwork, TrunkSettings

__all__ = ["ResNet50", "ResNet50Settings"]

_FEATURES = 2048
_STAGES = ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2))


class ResNet50Settings(TrunkSettings):
    """Head, what is trained, and where the weights come from.

    The layers of the published heads are not known. `head: [512, 512]` with dropout 0.5 is the head that the same group
    published for its VGG-Face model; an empty list is a single linear layer.
    """

    stride_first: bool = Field(default=False, description="Stride in the 1x1 convolution, as in VGGFace2's weights.")


class _Bottleneck(nn.Module):
    def __init__(self, channels_in: int, width: int, stride: int, *, stride_first: bool) -> None:
        super().__init__()
        first, second = (stride, 1) if stride_first else (1, stride)
        self.conv1 = nn.Conv2d(channels_in, width, 1, first, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, second, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, width * 4, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(width * 4)
        self.downsample: nn.Module | None = None
        if stride != 1 or channels_in != width * 4:
            self.downsample = nn.Sequential(
                nn.Conv2d(channels_in, width * 4, 1, stride, bias=False), nn.BatchNorm2d(width * 4)
            )

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        shortcut = values if self.downsample is None else self.downsample(values)
        changed = torch.relu(self.bn1(self.conv1(values)))
        changed = torch.relu(self.bn2(self.conv2(changed)))
        changed = self.bn3(self.conv3(changed))
        return torch.relu(changed + shortcut)


class ResNet50(TrunkNetwork):
    """ResNet50 with a dense head for one logit; takes square crops of 32 px or more, 224 by default.

    Args:
        settings: Head, what is trained, and the position of the stride.
    """

    settings: ResNet50Settings

    def __init__(self, settings: ResNet50Settings | None = None) -> None:
        super().__init__()
        self.settings = settings or ResNet50Settings()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        # VGGFace2's Caffe model rounds the pooled size up instead of padding.
        first = self.settings.stride_first
        self.maxpool = nn.MaxPool2d(3, 2, 0 if first else 1, ceil_mode=first)
        channels, stages = 64, []
        for width, blocks, stride in _STAGES:
            stage = [_Bottleneck(channels, width, stride, stride_first=first)]
            channels = width * 4
            stage += [_Bottleneck(channels, width, 1, stride_first=first) for _ in range(blocks - 1)]
            stages.append(nn.Sequential(*stage))
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        self.head = self.dense(_FEATURES, self.settings)
        self.freeze()

    def stages(self) -> tuple[Sequence[nn.Module], nn.Module]:
        """Return the modules before the last stage, and the last stage."""
        return (self.conv1, self.bn1, self.layer1, self.layer2, self.layer3), self.layer4

    def trunk(self, crops: torch.Tensor) -> torch.Tensor:
        """Return the last stage's map, shape (N, 2048, S / 32, S / 32), of crops (N, 3, S, S)."""
        values = self.maxpool(torch.relu(self.bn1(self.conv1(crops))))
        mapped: torch.Tensor = self.layer4(self.layer3(self.layer2(self.layer1(values))))
        return mapped

    def cell_grid(self) -> CellGrid:
        """Return the last stage's map, 7 x 7 cells of a 224 px crop.

        Five strides of 2, each with its kernel centred on the first pixel, leave cell i centred on pixel 32 i; the
        unpadded pooling of `stride_first` moves that by 2 px.
        """
        return CellGrid(self.layer4, scale_px=32.0, offset_px=2.0 if self.settings.stride_first else 0.0)
