"""Reads a TensorFlow Lite file as a list of steps with their weights.

The schema is read with the package `tflite`, which is generated from TensorFlow's own schema.fbs. Only the operators
of the face mesh and of the expression network are known, in floating point; weights in half precision, and in 8 bits
with a scale for each channel, are widened.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import tflite
from numpy.typing import NDArray

from monitor.errors import BundleError

__all__ = ["Graph", "Operation", "Step", "read_graph"]

Operation = Literal["convolution", "depthwise", "prelu", "add", "max_pool", "pad_channels", "mean", "softmax"]
_FLOATS: dict[int, type[np.floating[Any]]] = {
    tflite.TensorType.FLOAT32: np.float32,
    tflite.TensorType.FLOAT16: np.float16,
}
_ACTIVATIONS = {tflite.ActivationFunctionType.NONE: False, tflite.ActivationFunctionType.RELU: True}


@dataclass(frozen=True, slots=True)
class Step:
    """One operator.

    Attributes:
        operation: What it does.
        inputs: Numbers of the tensors that it takes.
        output: Number of the tensor that it makes.
        weights: Of a convolution kernel (out, H, W, in) and bias; of a depthwise one kernel (1, H, W, channels) and
            bias; of a PReLU its slopes (1, 1, channels).
        stride: In both directions.
        same: Whether the picture is padded so that its size is divided by the stride, rounded up; else not padded.
        size: Of a pooling window, in both directions.
        channels: Of a padding: how many channels of zeros are added.
        relu: Whether negative results become 0.
    """

    operation: Operation
    inputs: tuple[int, ...]
    output: int
    weights: tuple[NDArray[np.float32], ...] = ()
    stride: int = 1
    same: bool = True
    size: int = 1
    channels: int = 0
    relu: bool = False


@dataclass(frozen=True, slots=True)
class Graph:
    """A network as steps, in an order in which they can run.

    Attributes:
        input: Number of the input tensor.
        input_shape: As (N, H, W, C).
        outputs: Numbers of the output tensors with their shapes.
        steps: All operators.
    """

    input: int
    input_shape: tuple[int, ...]
    outputs: tuple[tuple[int, tuple[int, ...]], ...]
    steps: tuple[Step, ...] = field(repr=False)


def read_graph(content: bytes) -> Graph:
    """Return the network of a file.

    Raises:
        BundleError: It is no TensorFlow Lite file, or has an operator that is not known here.
    """
    if content[4:8] != b"TFL3":
        raise BundleError("this is no TensorFlow Lite file: it does not carry the mark TFL3")
    model = tflite.Model.GetRootAsModel(content, 0)
    graph = model.Subgraphs(0)
    constants = _Constants(model, graph)
    steps = tuple(
        step
        for index in range(graph.OperatorsLength())
        if (step := _step(model, graph.Operators(index), constants)) is not None
    )
    tensors = [int(graph.Outputs(index)) for index in range(graph.OutputsLength())]
    return Graph(
        input=int(graph.Inputs(0)),
        input_shape=_shape(graph, int(graph.Inputs(0))),
        outputs=tuple((tensor, _shape(graph, tensor)) for tensor in tensors),
        steps=steps,
    )


def _shape(graph: Any, tensor: int) -> tuple[int, ...]:  # noqa: ANN401 - generated classes have no types
    return tuple(int(side) for side in graph.Tensors(tensor).ShapeAsNumpy())


class _Constants:
    """The tensors that do not depend on the input; those that were widened from half precision included."""

    def __init__(self, model: Any, graph: Any) -> None:  # noqa: ANN401 - generated classes have no types
        self._model, self._graph = model, graph
        self._widened: dict[int, int] = {}

    def widen(self, source: int, target: int) -> None:
        self._widened[target] = source

    def floats(self, tensor: int) -> NDArray[np.float32]:
        tensor = self._widened.get(tensor, tensor)
        kind = self._graph.Tensors(tensor).Type()
        if kind == tflite.TensorType.INT8:
            return self._from_integers(tensor)
        if kind not in _FLOATS:
            raise BundleError(f"tensor {tensor} of the file is not in floating point")
        return self._raw(tensor, _FLOATS[kind]).astype(np.float32)

    def _from_integers(self, tensor: int) -> NDArray[np.float32]:
        """Return 8-bit weights times the scale of their channel; there is no offset."""
        quantization = self._graph.Tensors(tensor).Quantization()
        values = self._raw(tensor, np.int8).astype(np.float32)
        scales = np.asarray(quantization.ScaleAsNumpy(), np.float32)
        if np.any(quantization.ZeroPointAsNumpy()):
            raise BundleError(f"tensor {tensor} of the file has 8-bit weights with an offset, which is not known here")
        shape = [1] * values.ndim
        shape[quantization.QuantizedDimension()] = scales.size
        return values * scales.reshape(shape)

    def integers(self, tensor: int) -> NDArray[np.int32]:
        return self._raw(tensor, np.int32)

    def _raw(self, tensor: int, kind: type[np.generic]) -> NDArray[Any]:
        data = self._model.Buffers(self._graph.Tensors(tensor).Buffer()).DataAsNumpy()
        if not isinstance(data, np.ndarray):
            raise BundleError(f"tensor {tensor} of the file holds no weights")
        return np.frombuffer(data.tobytes(), kind).reshape(_shape(self._graph, tensor))


def _step(model: Any, operator: Any, constants: _Constants) -> Step | None:  # noqa: ANN401 - generated classes
    """Return one operator as a step; None for one that only widens weights."""
    code = model.OperatorCodes(operator.OpcodeIndex())
    number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
    inputs = [int(operator.Inputs(index)) for index in range(operator.InputsLength())]
    output = int(operator.Outputs(0))
    if number == tflite.BuiltinOperator.DEQUANTIZE:
        constants.widen(inputs[0], output)
        return None
    reader = _READERS.get(number)
    if reader is None:
        names = {value: name for name, value in vars(tflite.BuiltinOperator).items() if isinstance(value, int)}
        raise BundleError(f"the file has the operator {names.get(number, number)}, which is not known here")
    return reader(operator, inputs, output, constants)


def _options(operator: Any, kind: type[Any]) -> Any:  # noqa: ANN401 - generated classes have no types
    options = kind()
    table = operator.BuiltinOptions()
    options.Init(table.Bytes, table.Pos)
    return options


def _read_convolution(operator: Any, inputs: list[int], output: int, constants: _Constants) -> Step:  # noqa: ANN401
    options = _options(operator, tflite.Conv2DOptions)
    return Step(
        "convolution",
        (inputs[0],),
        output,
        (constants.floats(inputs[1]), constants.floats(inputs[2])),
        stride=options.StrideW(),
        same=options.Padding() == tflite.Padding.SAME,
        relu=_ACTIVATIONS[options.FusedActivationFunction()],
    )


def _read_depthwise(operator: Any, inputs: list[int], output: int, constants: _Constants) -> Step:  # noqa: ANN401
    options = _options(operator, tflite.DepthwiseConv2DOptions)
    return Step(
        "depthwise",
        (inputs[0],),
        output,
        (constants.floats(inputs[1]), constants.floats(inputs[2])),
        stride=options.StrideW(),
        same=options.Padding() == tflite.Padding.SAME,
        relu=_ACTIVATIONS[options.FusedActivationFunction()],
    )


def _read_prelu(_: Any, inputs: list[int], output: int, constants: _Constants) -> Step:  # noqa: ANN401
    return Step("prelu", (inputs[0],), output, (constants.floats(inputs[1]),))


def _read_add(operator: Any, inputs: list[int], output: int, _: _Constants) -> Step:  # noqa: ANN401
    options = _options(operator, tflite.AddOptions)
    return Step("add", tuple(inputs), output, relu=_ACTIVATIONS[options.FusedActivationFunction()])


def _read_max_pool(operator: Any, inputs: list[int], output: int, _: _Constants) -> Step:  # noqa: ANN401
    options = _options(operator, tflite.Pool2DOptions)
    return Step(
        "max_pool",
        (inputs[0],),
        output,
        stride=options.StrideW(),
        same=options.Padding() == tflite.Padding.SAME,
        size=options.FilterWidth(),
    )


def _read_pad(_: Any, inputs: list[int], output: int, constants: _Constants) -> Step:  # noqa: ANN401
    margins = constants.integers(inputs[1])
    if margins[:3].any() or margins[3, 0]:
        raise BundleError("the file pads something else than the end of the channels, which is not known here")
    return Step("pad_channels", (inputs[0],), output, channels=int(margins[3, 1]))


def _read_mean(_: Any, inputs: list[int], output: int, constants: _Constants) -> Step:  # noqa: ANN401
    if sorted(constants.integers(inputs[1]).tolist()) != [1, 2]:
        raise BundleError("the file averages over something else than height and width, which is not known here")
    return Step("mean", (inputs[0],), output)


def _read_softmax(_: Any, inputs: list[int], output: int, __: _Constants) -> Step:  # noqa: ANN401
    return Step("softmax", (inputs[0],), output)


_READERS: dict[int, Callable[[Any, list[int], int, _Constants], Step]] = {
    tflite.BuiltinOperator.CONV_2D: _read_convolution,
    tflite.BuiltinOperator.DEPTHWISE_CONV_2D: _read_depthwise,
    tflite.BuiltinOperator.PRELU: _read_prelu,
    tflite.BuiltinOperator.ADD: _read_add,
    tflite.BuiltinOperator.MAX_POOL_2D: _read_max_pool,
    tflite.BuiltinOperator.PAD: _read_pad,
    tflite.BuiltinOperator.MEAN: _read_mean,
    tflite.BuiltinOperator.SOFTMAX: _read_softmax,
}
