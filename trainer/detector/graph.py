"""The whole detector as one graph: raw pixels in; boxes, scores and landmarks in pixels out, best first."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from trainer.detector.network import RawFaces, RetinaFace

__all__ = ["AnchorSpec", "Decoder", "DetectorGraph", "Normalisation", "anchors_px"]


@dataclass(frozen=True, slots=True)
class AnchorSpec:
    """Where the network expects faces, and how its offsets are scaled.

    Attributes:
        strides_px: Cell sizes, finest first.
        sizes_px: Sides of the square anchors of one cell, per stride.
        variances: Scales of the centre (and landmark) offsets and of the size offsets.
    """

    strides_px: tuple[int, ...] = (8, 16, 32)
    sizes_px: tuple[tuple[float, ...], ...] = ((16.0, 32.0), (64.0, 128.0), (256.0, 512.0))
    variances: tuple[float, float] = (0.1, 0.2)


@dataclass(frozen=True, slots=True)
class Normalisation:
    """How pixels become the network's input: (pixel - mean) / std, per RGB channel, in grey levels of 0 to 255.

    Attributes:
        mean: Per RGB channel.
        std: Per RGB channel.
        colour_order: Order of the channels that the network was trained on.
    """

    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    colour_order: str = "RGB"


def anchors_px(size_px: int, spec: AnchorSpec) -> NDArray[np.float32]:
    """Return all anchors, shape (A, 3) as (centre x, centre y, side) in pixels, finest stride first, row by row.

    Raises:
        ValueError: The coarsest stride does not divide the input's side.
    """
    if size_px % max(spec.strides_px):
        raise ValueError(f"the input's side must be a multiple of {max(spec.strides_px)} px, got {size_px}")
    rows = [
        ((column + 0.5) * stride, (row + 0.5) * stride, side)
        for stride, sides in zip(spec.strides_px, spec.sizes_px, strict=True)
        for row in range(size_px // stride)
        for column in range(size_px // stride)
        for side in sides
    ]
    return np.array(rows, dtype=np.float32)


class Decoder(nn.Module):
    """Keeps the k best anchors and turns their offsets into pixels.

    The best are chosen by log-odds, which still separate scores that round to 1. Only those k are decoded.
    """

    anchors: Tensor

    def __init__(self, size_px: int, spec: AnchorSpec, top_k: int) -> None:
        super().__init__()
        self.register_buffer("anchors", torch.from_numpy(anchors_px(size_px, spec)), persistent=False)
        self.center_scale, self.size_scale = spec.variances
        self.top_k = top_k

    def forward(self, raw: RawFaces) -> tuple[Tensor, Tensor, Tensor]:
        """Return boxes (N, K, 4), scores (N, K) and landmarks (N, K, 5, 2)."""
        logits, index = torch.topk(raw.logits.float(), self.top_k, dim=1, sorted=True)
        anchors = nn.functional.embedding(index, self.anchors)
        center, side = anchors[..., :2], anchors[..., 2:]
        box = _pick(raw.boxes.float(), index)
        box_center = center + box[..., :2] * self.center_scale * side
        half = torch.exp(box[..., 2:] * self.size_scale) * side / 2
        boxes = torch.cat([box_center - half, box_center + half], dim=-1)
        offsets = _pick(raw.landmarks.float(), index).reshape(-1, self.top_k, 5, 2)
        landmarks = center.unsqueeze(2) + offsets * self.center_scale * side.unsqueeze(2)
        return boxes, torch.sigmoid(logits), landmarks


class DetectorGraph(nn.Module):
    """Pre-processing, network and decoding.

    Args:
        network: RetinaFace with its weights.
        size_px: Side of the square input, a multiple of 32.
        normalisation: How pixels become the network's input.
        anchors: Its prior boxes.
        top_k: Candidates a picture.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self, network: RetinaFace, *, size_px: int, normalisation: Normalisation, anchors: AnchorSpec, top_k: int
    ) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(normalisation.mean).reshape(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(normalisation.std).reshape(3, 1, 1), persistent=False)
        self.swap = normalisation.colour_order == "BGR"
        self.network = network
        self.decoder = Decoder(size_px, anchors, top_k)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Map uint8 RGB pictures (N, S, S, 3) to boxes (N, K, 4), scores (N, K) and landmarks (N, K, 5, 2)."""
        # TensorRT wants 8-bit pixels cast before anything else is done with them. Channels come first before they are
        # normalised: ONNX Runtime broadcasts over three interleaved numbers at a tenth of the speed of whole planes.
        x = (images.float().permute(0, 3, 1, 2) - self.mean) / self.std
        if self.swap:
            x = x.flip(1)
        boxes, scores, landmarks = self.decoder(self.network(x))
        return boxes, scores, landmarks


def _pick(values: Tensor, index: Tensor) -> Tensor:
    return torch.gather(values, 1, index.unsqueeze(-1).expand(-1, -1, values.shape[-1]))
