"""Fills RetinaFace with a checkpoint in the layout that most PyTorch implementations share.

Its parts are called body, fpn, ssh1 to ssh3, ClassHead, BboxHead and LandmarkHead, with MobileNet of width 0.25. The
file says nothing about the anchors and the pixel scaling it was trained with; those of WIDER FACE training code are
assumed, and `export.known_face` finds out whether they hold.
"""

import hashlib
import io
import pickle
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from monitor.errors import BundleError
from trainer.detector.backbones import MobileNetQuarter
from trainer.detector.graph import AnchorSpec, Normalisation
from trainer.detector.network import RetinaFace

__all__ = ["ANCHORS", "NORMALISATION", "network_from_checkpoint", "read_checkpoint"]

# Means of ImageNet, subtracted in BGR order by the training code; given here per RGB channel.
NORMALISATION = Normalisation(mean=(123.0, 117.0, 104.0), std=(1.0, 1.0, 1.0), colour_order="BGR")
ANCHORS = AnchorSpec()
_PREFIXES = ("module.", "_orig_mod.", "model.", "net.")
_WRAPPERS = ("state_dict", "model_state_dict", "model", "net", "network", "weights", "ema")
_COUNTER = "num_batches_tracked"
_HEADS = {"class_head": "ClassHead", "box_head": "BboxHead", "landmark_head": "LandmarkHead"}
_CONTEXT = {
    "field3": "conv3X3",
    "field5_in": "conv5X5_1",
    "field5_out": "conv5X5_2",
    "field7_in": "conv7X7_2",
    "field7_out": "conv7x7_3",
}


def read_checkpoint(path: Path) -> tuple[dict[str, Tensor], str]:
    """Return a checkpoint's tensors by name, and the file's SHA-256.

    Only tensors are unpickled (`weights_only`): a checkpoint cannot run code here.

    Raises:
        BundleError: The file cannot be read, or holds anything but tensors.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BundleError(f"the checkpoint {path} cannot be read: {error.strerror}") from error
    try:
        loaded: Any = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError) as error:
        raise BundleError(
            f"{path} is cut short, or is no checkpoint of PyTorch that holds tensors only, so nothing was loaded from "
            f"it; copy it again, or save the model's state_dict() alone"
        ) from error
    loaded = next(
        (loaded[name] for name in _WRAPPERS if isinstance(loaded, dict) and isinstance(loaded.get(name), dict)), loaded
    )
    if not isinstance(loaded, dict) or not all(isinstance(value, Tensor) for value in loaded.values()):
        raise BundleError(f"{path} holds no state dictionary (names with tensors)")
    tensors = {_without_prefixes(str(name)): value for name, value in loaded.items()}
    return tensors, hashlib.sha256(content).hexdigest()


def _without_prefixes(name: str) -> str:
    """Return a tensor's name without what DataParallel, torch.compile and both put before it, in any order."""
    while (shorter := next((name.removeprefix(prefix) for prefix in _PREFIXES if name.startswith(prefix)), "")) != "":
        name = shorter
    return name


def network_from_checkpoint(tensors: dict[str, Tensor], label: str) -> RetinaFace:
    """Return RetinaFace with MobileNet 0.25, filled with a checkpoint's tensors.

    Args:
        tensors: By their names in the checkpoint.
        label: What to call the checkpoint in errors.

    Raises:
        BundleError: Tensors are missing, unknown or of another shape.
    """
    network = RetinaFace(MobileNetQuarter()).eval()
    state = network.state_dict()
    sources = {name: _source_name(name) for name in state}
    # Older versions of PyTorch do not count the batches of a normalisation; nothing here uses the count.
    uncounted = {name for name, source in sources.items() if name.endswith(_COUNTER) and source not in tensors}
    sources = {name: source for name, source in sources.items() if name not in uncounted}
    missing = sorted(set(sources.values()) - set(tensors))
    unknown = sorted(set(tensors) - set(sources.values()))
    if missing or unknown:
        odd = f"lacks {missing[0]}" if missing else f"also has {unknown[0]}"
        raise BundleError(
            f"{label} is no RetinaFace with MobileNet 0.25 in the body/fpn/ssh layout: it {odd} "
            f"({len(missing)} names missing, {len(unknown)} unknown)"
        )
    for name, source in sources.items():
        if tensors[source].shape != state[name].shape:
            raise BundleError(
                f"{source} in {label} has the shape {tuple(tensors[source].shape)}, expected {tuple(state[name].shape)}"
            )
    network.load_state_dict(state | {name: tensors[source].to(state[name].dtype) for name, source in sources.items()})
    return network


def _source_name(name: str) -> str:
    """Translate a parameter's name into the checkpoint's."""
    parts = name.split(".")
    if parts[0] in _HEADS:
        return f"{_HEADS[parts[0]]}.{parts[1]}.conv1x1.{parts[2]}"
    *block, layer, field = parts
    position = 0 if layer == "conv" else 1
    if block[0] == "pyramid":
        scope = "output" if block[1] == "lateral" else "merge"
        return f"fpn.{scope}{int(block[2]) + 1}.{position}.{field}"
    if block[0] == "context":
        return f"ssh{int(block[1]) + 1}.{_CONTEXT[block[2]]}.{position}.{field}"
    _, stage, index, *half = block
    # A depthwise separable block is one flat list there: conv, norm, activation, conv, norm, activation.
    offset = 3 * int(half[0]) if half else 0
    return f"body.{stage}.{index}.{offset + position}.{field}"
