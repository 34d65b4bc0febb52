"""The two feature extractors that pre-trained RetinaFace weights exist for."""

from torch import Tensor, nn

from trainer.detector.layers import ConvBn, DepthwiseSeparable, InvertedResidual

__all__ = ["Backbone", "MobileNetQuarter", "MobileNetV2"]

_KERAS_EPSILON = 1e-3

# Sandler et al. 2018 (arXiv 1801.04381), table 2, up to block 15, as (expansion, outputs, stride): the first row is
# Keras's `expanded_conv`, row i is its `block_i`.
_MOBILENET_V2_ROWS = (
    (1, 16, 1),
    (6, 24, 2),
    (6, 24, 1),
    (6, 32, 2),
    (6, 32, 1),
    (6, 32, 1),
    (6, 64, 2),
    (6, 64, 1),
    (6, 64, 1),
    (6, 64, 1),
    (6, 96, 1),
    (6, 96, 1),
    (6, 96, 1),
    (6, 160, 2),
    (6, 160, 1),
    (6, 160, 1),
)
_MOBILENET_V2_TAPS = (5, 12, 15)


class Backbone(nn.Module):
    """Turns a picture into three feature maps of strides 8, 16 and 32.

    Attributes:
        channels: Of the three maps.
    """

    channels: tuple[int, int, int]

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Map (N, 3, H, W) to three maps (N, channels[i], H / stride, W / stride)."""
        raise NotImplementedError


class MobileNetV2(Backbone):
    """MobileNetV2 of width 1 up to block 15, in Keras's convention (padding at the end, epsilon 1e-3)."""

    channels = (32, 96, 160)

    def __init__(self) -> None:
        super().__init__()
        self.stem = ConvBn(3, 32, stride=2, activation="relu6", epsilon=_KERAS_EPSILON, pad_end=True)
        inputs, blocks = 32, []
        for expansion, outputs, stride in _MOBILENET_V2_ROWS:
            blocks.append(InvertedResidual(inputs, outputs, stride=stride, expansion=expansion, epsilon=_KERAS_EPSILON))
            inputs = outputs
        self.blocks = nn.ModuleList(blocks)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Map (N, 3, H, W) to the outputs of blocks 5, 12 and 15."""
        x = self.stem(x)
        taps = []
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in _MOBILENET_V2_TAPS:
                taps.append(x)
        return taps[0], taps[1], taps[2]


class MobileNetQuarter(Backbone):
    """MobileNet (version 1) of width 0.25, as RetinaFace's PyTorch weights have it."""

    channels = (64, 128, 256)

    def __init__(self) -> None:
        super().__init__()
        self.stage1 = nn.Sequential(
            ConvBn(3, 8, stride=2),
            DepthwiseSeparable(8, 16, stride=1),
            DepthwiseSeparable(16, 32, stride=2),
            DepthwiseSeparable(32, 32, stride=1),
            DepthwiseSeparable(32, 64, stride=2),
            DepthwiseSeparable(64, 64, stride=1),
        )
        self.stage2 = nn.Sequential(
            DepthwiseSeparable(64, 128, stride=2),
            *(DepthwiseSeparable(128, 128, stride=1) for _ in range(5)),
        )
        self.stage3 = nn.Sequential(
            DepthwiseSeparable(128, 256, stride=2),
            DepthwiseSeparable(256, 256, stride=1),
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Map (N, 3, H, W) to the outputs of the three stages."""
        first: Tensor = self.stage1(x)
        second: Tensor = self.stage2(first)
        third: Tensor = self.stage3(second)
        return first, second, third
