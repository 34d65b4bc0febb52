"""A network read from a TensorFlow Lite file as a PyTorch module, and the face mesh's whole graph around it."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from export.mesh.flatbuffer import Graph, Step
from monitor.errors import BundleError

__all__ = ["MESH_POINTS", "SIDE_PX", "MeshGraph", "StepNetwork"]

SIDE_PX = 192
MESH_POINTS = 468


class _Convolution(nn.Module):
    """A convolution with TensorFlow's padding: the odd pixel lies on the right and at the bottom."""

    def __init__(self, step: Step, side_px: int) -> None:
        super().__init__()
        kernel, bias = (torch.from_numpy(weight.copy()) for weight in step.weights)
        depthwise = step.operation == "depthwise"
        # TensorFlow Lite: (out, H, W, in), depthwise (1, H, W, channels); PyTorch: (out, in, H, W).
        kernel = kernel.permute(3, 0, 1, 2) if depthwise else kernel.permute(0, 3, 1, 2)
        channels_out, channels_in, size, _ = kernel.shape
        self.pad = _same_padding(side_px, size, step.stride) if step.same else (0, 0)
        groups = channels_out if depthwise else 1
        symmetric = self.pad[0] if self.pad[0] == self.pad[1] else 0
        self.layer = nn.Conv2d(
            channels_in * groups, channels_out, size, stride=step.stride, padding=symmetric, groups=groups
        )
        self.layer.weight.data.copy_(kernel)
        self.layer.bias.data.copy_(bias)  # type: ignore[union-attr] # made with a bias
        self.relu = step.relu

    def forward(self, x: Tensor) -> Tensor:
        before, after = self.pad
        if before != after:
            x = functional.pad(x, (before, after, before, after))
        x = self.layer(x)
        return functional.relu(x) if self.relu else x


class _Slopes(nn.Module):
    """PReLU as a sum of two products, for ONNX Runtime's own PRelu took three fifths of the mesh's time.

    With slope a of a channel, a x + (1 - a) max(x, 0) is x above 0 and a x below, whatever a is.
    """

    slopes: Tensor
    rest: Tensor

    def __init__(self, step: Step) -> None:
        super().__init__()
        slopes = torch.from_numpy(step.weights[0].reshape(1, -1, 1, 1).copy())
        self.register_buffer("slopes", slopes, persistent=False)
        self.register_buffer("rest", 1.0 - slopes, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.slopes * x + self.rest * functional.relu(x)


class _Sum(nn.Module):
    def __init__(self, step: Step) -> None:
        super().__init__()
        self.relu = step.relu

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return functional.relu(x + y) if self.relu else x + y


class _Pooling(nn.Module):
    def __init__(self, step: Step, side_px: int) -> None:
        super().__init__()
        self.size, self.stride = step.size, step.stride
        self.pad = _same_padding(side_px, step.size, step.stride) if step.same else (0, 0)

    def forward(self, x: Tensor) -> Tensor:
        before, after = self.pad
        if before or after:
            x = functional.pad(x, (before, after, before, after), value=float("-inf"))
        return functional.max_pool2d(x, self.size, self.stride)


class _MoreChannels(nn.Module):
    def __init__(self, step: Step) -> None:
        super().__init__()
        self.channels = step.channels

    def forward(self, x: Tensor) -> Tensor:
        return functional.pad(x, (0, 0, 0, 0, 0, self.channels))


class _Mean(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.mean(dim=(2, 3), keepdim=True)


class _Softmax(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.softmax(x, dim=1)


class StepNetwork(nn.Module):
    """Runs the steps of a graph in their order.

    Args:
        graph: As `export.mesh.flatbuffer.read_graph` returns it, with a square input.
        more: Numbers of inner tensors that are returned after the graph's outputs.
    """

    def __init__(self, graph: Graph, more: tuple[int, ...] = ()) -> None:
        super().__init__()
        self.steps = graph.steps
        self.entry = graph.input
        self.exits = (*(tensor for tensor, _ in graph.outputs), *more)
        sides = {graph.input: graph.input_shape[1]}
        layers = []
        for step in graph.steps:
            side = sides[step.inputs[0]]
            layers.append(_layer(step, side))
            sides[step.output] = _side_after(step, side)
        self.layers = nn.ModuleList(layers)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Map pictures (N, C, H, W) to the graph's outputs, channels first, in the graph's order, and to `more`."""
        known = {self.entry: x}
        for step, layer in zip(self.steps, self.layers, strict=True):
            known[step.output] = layer(*(known[number] for number in step.inputs))
        return tuple(known[number] for number in self.exits)


class MeshGraph(nn.Module):
    """Pre-processing, network and decoding of the face mesh.

    Args:
        graph: The network's steps, with the 468 points (x, y, depth) and the log-odds of presence as outputs.

    Raises:
        BundleError: The graph is not a face mesh.
    """

    def __init__(self, graph: Graph) -> None:
        super().__init__()
        shapes = [shape for _, shape in graph.outputs]
        if graph.input_shape != (1, SIDE_PX, SIDE_PX, 3) or shapes != [(1, 1, 1, 3 * MESH_POINTS), (1, 1, 1, 1)]:
            raise BundleError(f"this is no face mesh: it takes {graph.input_shape} and gives {shapes}")
        self.network = StepNetwork(graph)

    def forward(self, crops: Tensor) -> tuple[Tensor, ...]:
        """Map uint8 RGB crops (N, 192, 192, 3) to points (N, 468, 3), pixels of the crop, and presence (N,)."""
        x = crops.float().permute(0, 3, 1, 2) / 255.0
        points, presence = self.network(x)
        return points.reshape(-1, MESH_POINTS, 3), torch.sigmoid(presence.reshape(-1))


def _layer(step: Step, side_px: int) -> nn.Module:
    if step.operation in {"convolution", "depthwise"}:
        return _Convolution(step, side_px)
    if step.operation == "prelu":
        return _Slopes(step)
    if step.operation == "add":
        return _Sum(step)
    if step.operation == "max_pool":
        return _Pooling(step, side_px)
    if step.operation in {"mean", "softmax"}:
        return _Mean() if step.operation == "mean" else _Softmax()
    return _MoreChannels(step)


def _side_after(step: Step, side_px: int) -> int:
    if step.operation == "mean":
        return 1
    if step.same:
        return -(-side_px // step.stride)
    size = int(step.weights[0].shape[1]) if step.weights else step.size
    return (side_px - size) // step.stride + 1


def _same_padding(side_px: int, size: int, stride: int) -> tuple[int, int]:
    """Return the rows before and after that make the output's side the input's divided by the stride, rounded up."""
    total = max((-(-side_px // stride) - 1) * stride + size - side_px, 0)
    return total // 2, total - total // 2
