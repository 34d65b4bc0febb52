"""ResNet50, written here because the usual package of it cannot be relied on beside a CPU build of torch.

He et al., "Deep Residual Learning for Image Recognition", 2016. The names of the weights are torchvision's, so that its
state dicts load unchanged; `stride_first` puts the stride into the 1x1 convolution, as the original Caffe model and
the VGGFace2 weights have it, instead of the 3x3 one (torchvision's).
"""

from typing import Literal

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import nn

from trainer.networks.base import CellGrid, PainNetwork
from trainer.networks.contract import InputContract

__all__ = ["ResNet50", "ResNet50Head", "ResNet50Settings"]

_FEATURES = 2048
_STAGES = ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2))


class ResNet50Settings(BaseModel):
    """Head, what is trained, and where the weights come from.

    The layers of the published heads are not known. `head: [512, 512]` with dropout 0.5 is the head that the same group
    published for its VGG-Face model; an empty list is a single linear layer.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    head: tuple[int, ...] = Field(default=(512, 512), description="Units of the dense layers before the output.")
    dropout: float = Field(default=0.5, ge=0.0, lt=1.0)
    train: Literal["all", "last-stage", "head"] = Field(default="all", description="What is not frozen.")
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


class ResNet50Head(PainNetwork):
    """The dense layers alone, for features that a frozen trunk gave once.

    Args:
        network: Whose layers these are; they are shared, so that training them trains the network.
    """

    def __init__(self, network: "ResNet50") -> None:
        super().__init__()
        self.layers = network.head[2:]  # without the pooling, which is part of the features

    def prepare(self, crops: torch.Tensor, contract: InputContract) -> torch.Tensor:
        """Return features (N, 2048), stored in half precision, as float32."""
        del contract
        return crops.to(torch.float32)

    def forward(self, crops: torch.Tensor) -> torch.Tensor:
        """Score features of shape (N, 2048); returns logits of shape (N,)."""
        logits: torch.Tensor = self.layers(crops)
        return logits.squeeze(1)

    def cell_grid(self) -> CellGrid:
        """Refuse: features have no position in the crop.

        Raises:
            TypeError: Always.
        """
        raise TypeError("the dense layers of a ResNet50 see no picture; explain the whole network")


class ResNet50(PainNetwork):
    """ResNet50 with a dense head for one logit; takes square crops of 32 px or more, 224 by default.

    Args:
        settings: Head, what is trained, and the position of the stride.
    """

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
        dense: list[nn.Module] = [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
        units = _FEATURES
        for following in self.settings.head:
            dense += [nn.Linear(units, following), nn.ReLU(), nn.Dropout(self.settings.dropout)]
            units = following
        dense.append(nn.Linear(units, 1))
        self.head = nn.Sequential(*dense)
        self._freeze()

    def _frozen(self) -> list[nn.Module]:
        trunk = [self.conv1, self.bn1, self.layer1, self.layer2, self.layer3]
        return {"all": [], "last-stage": trunk, "head": [*trunk, self.layer4]}[self.settings.train]

    def _freeze(self) -> None:
        for module in self._frozen():
            for parameter in module.parameters():
                parameter.requires_grad_(False)  # noqa: FBT003 - torch's stub wants it by position

    def train(self, mode: bool = True) -> "ResNet50":
        """Switch to training; frozen layers keep the statistics that they came with."""
        super().train(mode)
        for module in self._frozen():
            module.eval()
        return self

    def trunk(self, crops: torch.Tensor) -> torch.Tensor:
        """Return the last stage's map, shape (N, 2048, S / 32, S / 32), of crops (N, 3, S, S)."""
        values = self.maxpool(torch.relu(self.bn1(self.conv1(crops))))
        mapped: torch.Tensor = self.layer4(self.layer3(self.layer2(self.layer1(values))))
        return mapped

    def features(self, crops: torch.Tensor) -> torch.Tensor:
        """Return what the dense layers see, shape (N, 2048): the mean over the last stage's map."""
        return self.trunk(crops).mean(dim=(2, 3))

    def forward(self, crops: torch.Tensor) -> torch.Tensor:
        """Score crops of shape (N, 3, S, S); returns logits of shape (N,)."""
        logits: torch.Tensor = self.head(self.trunk(crops))
        return logits.squeeze(1)

    def cell_grid(self) -> CellGrid:
        """Return the last stage's map, 7 x 7 cells of a 224 px crop.

        Five strides of 2, each with its kernel centred on the first pixel, leave cell i centred on pixel 32 i; the
        unpadded pooling of `stride_first` moves that by 2 px.
        """
        return CellGrid(self.layer4, scale_px=32.0, offset_px=2.0 if self.settings.stride_first else 0.0)
