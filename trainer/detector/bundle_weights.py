"""Takes the network out of a detector's bundle, so that its training can go on."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from monitor.inference.bundle import Bundle
from trainer.detector.backbones import Backbone, MobileNetQuarter, MobileNetV2
from trainer.detector.graph import AnchorSpec, Normalisation
from trainer.detector.layers import fold_batch_norms
from trainer.detector.network import RetinaFace
from trainer.errors import CheckpointError, SettingsError

__all__ = ["BackboneName", "PretrainedDetector", "empty_network", "read_pretrained"]

BackboneName = Literal["mobilenet-v2", "mobilenet-0.25"]
_BACKBONES: dict[BackboneName, type[Backbone]] = {"mobilenet-v2": MobileNetV2, "mobilenet-0.25": MobileNetQuarter}
_PREFIX = "network."
# A parameter that only one of the backbones has.
_MARKS: dict[str, BackboneName] = {
    "backbone.stem.conv.weight": "mobilenet-v2",
    "backbone.stage1.0.conv.weight": "mobilenet-0.25",
}


@dataclass(frozen=True, slots=True)
class PretrainedDetector:
    """A bundle's network, and how its pixels come in and its answers become boxes.

    Attributes:
        network: With its batch normalisations folded into the convolutions, on the CPU, in evaluation mode.
        backbone: Which feature extractor it has.
        normalisation: How pixels become its input.
        anchors: Its prior boxes.
    """

    network: RetinaFace
    backbone: BackboneName
    normalisation: Normalisation
    anchors: AnchorSpec


def empty_network(backbone: BackboneName) -> RetinaFace:
    """Return a network without batch normalisations, as a bundle holds it, whose weights are random."""
    return fold_batch_norms(RetinaFace(_BACKBONES[backbone]()))


def read_pretrained(bundle: Bundle) -> PretrainedDetector:
    """Return the network of a bundle from its model in single precision.

    Raises:
        BundleError: It is no detector, or has no model in single precision.
        CheckpointError: The model does not hold the weights of a RetinaFace that this program built.
        SettingsError: The package `onnx` is not installed.
    """
    contract = bundle.detector
    sizes = sorted({variant.size_px for variant in bundle.manifest.variants})
    file = bundle.variant(size_px=sizes[0]).file
    tensors = _tensors(bundle.read(file), f"{bundle.path / file}")
    backbone = next((name for mark, name in _MARKS.items() if mark in tensors), None)
    network = empty_network("mobilenet-v2" if backbone is None else backbone)
    wanted = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    if backbone is None or {name: tuple(tensor.shape) for name, tensor in tensors.items()} != wanted:
        raise CheckpointError(
            f"{bundle.path / file} does not hold the weights of a RetinaFace of this program under their names; "
            "build the bundle with `nicu-export detector`"
        )
    network.load_state_dict(tensors)
    given = bundle.manifest.input
    return PretrainedDetector(
        network=network,
        backbone=backbone,
        normalisation=Normalisation(_three(given.mean), _three(given.std), given.network_colour_order),
        anchors=AnchorSpec(contract.strides_px, contract.anchor_sizes_px, contract.variances),
    )


def _tensors(content: bytes, label: str) -> dict[str, Tensor]:
    """Return the network's parameters in a model file, by their names in the network."""
    try:
        import onnx
        from google.protobuf.message import DecodeError
    except ImportError:
        raise SettingsError(
            "a bundle's weights are read with the package onnx: pip install 'nicu-pain-monitor[export]'"
        ) from None
    try:
        model = onnx.load_model_from_string(content)
    except DecodeError as error:
        raise CheckpointError(f"{label} is no ONNX model; build the bundle with `nicu-export detector`") from error
    return {
        tensor.name.removeprefix(_PREFIX): torch.from_numpy(onnx.numpy_helper.to_array(tensor).copy())
        for tensor in model.graph.initializer
        if tensor.name.startswith(_PREFIX)
    }


def _three(values: tuple[float, ...]) -> tuple[float, float, float]:
    first, second, third = values
    return first, second, third
