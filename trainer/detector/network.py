"""RetinaFace (Deng et al. 2019, arXiv 1905.00641) with the single-stage heads of its light versions."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from trainer.detector.backbones import Backbone
from trainer.detector.layers import ConvBn

__all__ = ["ContextModule", "FeaturePyramid", "RawFaces", "RetinaFace"]

_CHANNELS = 64
_ANCHORS_A_CELL = 2


class RawFaces(NamedTuple):
    """What the network says of every anchor, before decoding; A anchors, finest stride first, row by row.

    Attributes:
        boxes: (N, A, 4): centre and size offsets.
        logits: (N, A): log-odds of a face.
        landmarks: (N, A, 10): offsets of five points.
    """

    boxes: Tensor
    logits: Tensor
    landmarks: Tensor


class FeaturePyramid(nn.Module):
    """Brings three maps to 64 channels and adds each coarser one to the next finer one."""

    def __init__(self, channels: tuple[int, int, int], epsilon: float) -> None:
        super().__init__()
        self.lateral = nn.ModuleList(ConvBn(inputs, _CHANNELS, kernel=1, epsilon=epsilon) for inputs in channels)
        self.merge = nn.ModuleList(ConvBn(_CHANNELS, _CHANNELS, epsilon=epsilon) for _ in range(2))
        # The input's side is a multiple of 32, so a factor of exactly 2 lies between the maps.
        self.upsample = nn.Upsample(scale_factor=2, mode="nearest")

    def forward(self, first: Tensor, second: Tensor, third: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return three maps of 64 channels, finest first."""
        coarse: Tensor = self.lateral[2](third)
        middle: Tensor = self.merge[1](self.lateral[1](second) + self.upsample(coarse))
        fine: Tensor = self.merge[0](self.lateral[0](first) + self.upsample(middle))
        return fine, middle, coarse


class ContextModule(nn.Module):
    """SSH's context module (Najibi et al. 2017, arXiv 1708.03979): receptive fields 3, 5 and 7 side by side."""

    def __init__(self, epsilon: float) -> None:
        super().__init__()
        half, quarter = _CHANNELS // 2, _CHANNELS // 4
        self.field3 = ConvBn(_CHANNELS, half, activation="none", epsilon=epsilon)
        self.field5_in = ConvBn(_CHANNELS, quarter, epsilon=epsilon)
        self.field5_out = ConvBn(quarter, quarter, activation="none", epsilon=epsilon)
        self.field7_in = ConvBn(quarter, quarter, epsilon=epsilon)
        self.field7_out = ConvBn(quarter, quarter, activation="none", epsilon=epsilon)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, 64, H, W) to (N, 64, H, W)."""
        shared = self.field5_in(x)
        joined = torch.cat([self.field3(x), self.field5_out(shared), self.field7_out(self.field7_in(shared))], dim=1)
        return torch.relu(joined)


class RetinaFace(nn.Module):
    """A backbone, a feature pyramid, three context modules and the heads.

    Args:
        backbone: Feature extractor.
        epsilon: Of the batch normalisations after the backbone.
    """

    def __init__(self, backbone: Backbone, *, epsilon: float = 1e-5) -> None:
        super().__init__()
        self.backbone = backbone
        self.pyramid = FeaturePyramid(backbone.channels, epsilon)
        self.context = nn.ModuleList(ContextModule(epsilon) for _ in range(3))
        self.class_head = _heads(2)
        self.box_head = _heads(4)
        self.landmark_head = _heads(10)

    def forward(self, x: Tensor) -> RawFaces:
        """Run on normalised pictures (N, 3, S, S), S a multiple of 32."""
        maps = [context(level) for context, level in zip(self.context, self.pyramid(*self.backbone(x)), strict=True)]
        classes = _gather(self.class_head, maps, 2)
        # A softmax over (background, face) depends on their difference alone.
        return RawFaces(
            boxes=_gather(self.box_head, maps, 4),
            logits=classes[..., 1] - classes[..., 0],
            landmarks=_gather(self.landmark_head, maps, 10),
        )


def _heads(values: int) -> nn.ModuleList:
    return nn.ModuleList(nn.Conv2d(_CHANNELS, _ANCHORS_A_CELL * values, 1) for _ in range(3))


def _gather(heads: nn.ModuleList, maps: list[Tensor], values: int) -> Tensor:
    """Return (N, A, values): all levels' answers, row by row, anchor by anchor."""
    flat = [
        head(level).permute(0, 2, 3, 1).reshape(level.shape[0], -1, values)
        for head, level in zip(heads, maps, strict=True)
    ]
    return torch.cat(flat, dim=1)
