"""The convolution blocks that RetinaFace is built from."""

import copy
from typing import Literal, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

__all__ = ["ConvBn", "DepthwiseSeparable", "InvertedResidual", "fold_batch_norms"]

Activation = Literal["none", "leaky", "relu6"]
_LEAKY_SLOPE = 0.1
ModuleT = TypeVar("ModuleT", bound=nn.Module)


class ConvBn(nn.Module):
    """Convolution without bias, batch normalisation, activation.

    Args:
        inputs: Channels in.
        outputs: Channels out.
        kernel: Side of the kernel; the picture keeps its size at stride 1.
        stride: 1 or 2.
        groups: As for `nn.Conv2d`.
        activation: `leaky` has slope 0.1.
        epsilon: Of the batch normalisation.
        pad_end: At stride 2, pad only on the right and at the bottom, as Keras does; PyTorch pads all around.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        kernel: int = 3,
        stride: int = 1,
        groups: int = 1,
        activation: Activation = "leaky",
        epsilon: float = 1e-5,
        pad_end: bool = False,
    ) -> None:
        super().__init__()
        self.pad: nn.Module = nn.ZeroPad2d((0, 1, 0, 1)) if pad_end else nn.Identity()
        padding = 0 if pad_end else kernel // 2
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=False)
        self.bn: nn.Module = nn.BatchNorm2d(outputs, eps=epsilon)
        self.activation: nn.Module = {
            "none": nn.Identity(),
            "leaky": nn.LeakyReLU(_LEAKY_SLOPE),
            "relu6": nn.ReLU6(),
        }[activation]

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, inputs, H, W) to (N, outputs, H / stride, W / stride)."""
        y: Tensor = self.activation(self.bn(self.conv(self.pad(x))))
        return y


class DepthwiseSeparable(nn.Sequential):
    """MobileNet's block: a depthwise 3x3 convolution, then a pointwise one, both with leaky activation."""

    def __init__(self, inputs: int, outputs: int, *, stride: int) -> None:
        super().__init__(
            ConvBn(inputs, inputs, stride=stride, groups=inputs),
            ConvBn(inputs, outputs, kernel=1),
        )


class InvertedResidual(nn.Module):
    """MobileNetV2's block: expand, depthwise 3x3, project; added to its input where the shapes agree.

    Args:
        inputs: Channels in.
        outputs: Channels out.
        stride: 1 or 2.
        expansion: Factor of the hidden channels; 1 leaves the expansion out.
        epsilon: Of the batch normalisations.
    """

    def __init__(self, inputs: int, outputs: int, *, stride: int, expansion: int, epsilon: float) -> None:
        super().__init__()
        hidden = inputs * expansion
        self.expand: nn.Module = (
            nn.Identity() if expansion == 1 else ConvBn(inputs, hidden, kernel=1, activation="relu6", epsilon=epsilon)
        )
        self.depthwise = ConvBn(
            hidden, hidden, stride=stride, groups=hidden, activation="relu6", epsilon=epsilon, pad_end=stride == 2
        )
        self.project = ConvBn(hidden, outputs, kernel=1, activation="none", epsilon=epsilon)
        self.is_residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, inputs, H, W) to (N, outputs, H / stride, W / stride)."""
        y: Tensor = self.project(self.depthwise(self.expand(x)))
        return x + y if self.is_residual else y


def fold_batch_norms(module: ModuleT) -> ModuleT:
    """Return a copy for inference whose batch normalisations are folded into the convolutions before them.

    Half-precision and integer weights then have no tiny variances to divide by.
    """
    folded = copy.deepcopy(module).eval()
    with torch.no_grad():
        for block in folded.modules():
            if isinstance(block, ConvBn) and isinstance(block.bn, nn.BatchNorm2d):
                block.conv = fuse_conv_bn_eval(block.conv, block.bn)
                block.bn = nn.Identity()
    return folded
