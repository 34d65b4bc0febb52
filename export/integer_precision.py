"""Integer variants of ONNX models: Q/DQ pairs around the network's convolutions and dense layers."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

from export.onnx_files import finish, is_in_network

__all__ = ["to_integer"]

# Everything between the convolutions too, so that values stay integers on their way from one to the next.
_ON_MAPS = {"Add", "Clip", "Concat", "Conv", "LeakyRelu", "MaxPool", "Relu", "Resize"}
_DENSE = {"Gemm", "MatMul"}
_WEIGHTED = {"Conv", "Gemm", "MatMul"}


class _Pictures(CalibrationDataReader):  # type: ignore[misc] # ONNX Runtime publishes no types
    """Hands out calibration pictures one by one."""

    def __init__(self, name: str, pictures: Sequence[NDArray[np.uint8]]) -> None:
        self._name = name
        self._rest = list(pictures)

    def get_next(self) -> dict[str, NDArray[Any]] | None:
        return {self._name: self._rest.pop(0)[np.newaxis]} if self._rest else None


def to_integer(content: bytes, pictures: Sequence[NDArray[np.uint8]]) -> bytes:
    """Return an ONNX file whose convolutions and dense layers compute with 8-bit integers.

    Weights are quantised per channel, activations per tensor, both symmetrically, which is what TensorRT accepts too.

    Args:
        content: An fp32 file of `export.onnx_files.to_onnx`.
        pictures: What the ranges of the activations are taken from: inputs of the model without the batch axis.
    """
    model = onnx.load_from_string(content)
    metadata = {prop.key: prop.value for prop in model.metadata_props}
    with tempfile.TemporaryDirectory(prefix="nicu-export-") as directory:
        source, prepared, target = (Path(directory) / name for name in ("fp32.onnx", "prepared.onnx", "int8.onnx"))
        source.write_bytes(content)
        # Symbolic shape inference cannot follow the detector's TopK; nothing here needs it.
        quant_pre_process(source, prepared, skip_symbolic_shape=True)
        quantize_static(
            prepared,
            target,
            _Pictures(model.graph.input[0].name, pictures),
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
            nodes_to_quantize=_nodes_to_quantise(model),
            calibrate_method=CalibrationMethod.MinMax,
            extra_options={"WeightSymmetric": True},
        )
        quantised = onnx.load_from_string(target.read_bytes())
    return finish(quantised, metadata)


def _nodes_to_quantise(model: onnx.ModelProto) -> list[str]:
    """Return the names of the network's nodes that work on feature maps or are dense layers, but for the last layers.

    The layers that give the answers are little work and stay in fp32, as does what joins their answers afterwards.
    """
    graph = onnx.shape_inference.infer_shapes(model).graph
    ranks = {value.name: len(value.type.tensor_type.shape.dim) for value in graph.value_info}
    nodes = [
        node
        for node in graph.node
        if is_in_network(node)
        and (node.op_type in _DENSE or (node.op_type in _ON_MAPS and ranks.get(node.output[0]) == 4))
    ]
    # From the end: a tensor that another weighted layer depends on is not the answer of a last layer.
    awaited: set[str] = set()
    last: set[str] = set()
    for node in reversed(graph.node):
        is_weighted = node.op_type in _WEIGHTED and is_in_network(node)
        if is_weighted and not awaited.intersection(node.output):
            last.add(node.name)
        if is_weighted or awaited.intersection(node.output):
            awaited.update(node.input)
    return [node.name for node in nodes if node.name not in last]
