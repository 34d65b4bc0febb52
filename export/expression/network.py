"""The expression network: seven probabilities from a grey face of 64 px.

Mini-Xception (Arriaga et al. 2017, arXiv 1710.07557), trained by its makers on FER2013: grey photographs of faces,
nearly all of children and adults. It has seen no newborns on purpose, and its classes are the words of that data set.
"""

import numpy as np
import torch
from torch import Tensor, nn

from export.mesh.flatbuffer import Graph
from export.mesh.network import StepNetwork
from monitor.errors import BundleError

__all__ = ["EXPRESSIONS", "FACE_PX", "FEATURES", "ExpressionGraph", "area_weights"]

FACE_PX = 64
FEATURES = 2048
"""Of a face: 128 channels in 4 by 4 cells, the last before the cells are averaged."""
EXPRESSIONS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
_GREY = (0.299, 0.587, 0.114)  # ITU-R BT.601


class ExpressionGraph(nn.Module):
    """Cuts the face out of a crop, makes it grey and small, and gives the probabilities of the seven expressions.

    Args:
        graph: The network's steps.
        side_px: Side of the crops.
        margin: Share of the box that a crop adds on every side; the network sees the box itself.

    Raises:
        BundleError: The graph is not this network.
    """

    shrink: Tensor

    def __init__(self, graph: Graph, side_px: int, margin: float) -> None:
        super().__init__()
        shapes = [shape for _, shape in graph.outputs]
        if graph.input_shape != (1, FACE_PX, FACE_PX, 1) or shapes != [(1, len(EXPRESSIONS))]:
            raise BundleError(f"this is no expression network: it takes {graph.input_shape} and gives {shapes}")
        last_sum = [step.output for step in graph.steps if step.operation == "add"][-1]
        self.network = StepNetwork(graph, (last_sum,))
        weights = area_weights(side_px, margin * side_px / (1.0 + 2.0 * margin))
        self.register_buffer("shrink", torch.from_numpy(weights), persistent=False)

    def forward(self, crops: Tensor) -> Tensor:
        """Map uint8 RGB crops (N, S, S, 3) to probabilities (N, 7) in the order of `EXPRESSIONS`."""
        return self.with_features(crops)[0]

    def with_features(self, crops: Tensor) -> tuple[Tensor, Tensor]:
        """Map crops as `forward` does, and to the features (N, 2048) that the probabilities come from."""
        # Plane by plane: a product with three interleaved numbers takes ONNX Runtime ten times as long.
        red, green, blue = crops.float().permute(0, 3, 1, 2).unbind(dim=1)
        light = _GREY[0] * red + _GREY[1] * green + _GREY[2] * blue
        small = self.shrink @ light @ self.shrink.T
        probabilities, features = self.network((small / 127.5 - 1.0)[:, None])
        return probabilities.reshape(-1, len(EXPRESSIONS)), features.flatten(1)


def area_weights(side_px: int, border_px: float) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """Return the weights (64, side_px) that average a line without its borders down to 64 px, each by its area."""
    edges = np.linspace(border_px, side_px - border_px, FACE_PX + 1)
    pixels = np.arange(side_px)
    low, high = edges[:-1, None], edges[1:, None]
    overlap = np.clip(np.minimum(high, pixels + 1) - np.maximum(low, pixels), 0.0, None)
    return np.asarray(overlap / overlap.sum(axis=1, keepdims=True), np.float32)
