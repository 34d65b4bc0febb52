"""Weights that others trained fit ResNet50 in any of their layouts; what cannot fit is said in one sentence."""

import os
import pickle

import numpy as np
import pytest
import torch

from trainer.errors import CheckpointError
from trainer.networks import InputContract, ResNet50, ResNet50Settings, load_resnet50_weights

STAGES = {1: 3, 2: 4, 3: 6, 4: 3}


@pytest.fixture(scope="module")
def given():
    """Trunk weights with torchvision's names, as a source of all layouts."""
    torch.manual_seed(5)
    state = ResNet50(ResNet50Settings(head=())).state_dict()
    return {name: tensor for name, tensor in state.items() if not name.startswith("head.")}


@pytest.fixture(autouse=True)
def _starts_with_zeros(given, monkeypatch):
    """Let networks that weights are read into start with zeros: 23 million random numbers take half a second."""
    del given  # made before, with random numbers
    monkeypatch.setattr(torch.nn.init, "kaiming_uniform_", lambda tensor, *_, **__: torch.nn.init.zeros_(tensor))


def caffe_name(name):
    """Return VGGFace2's other name of a weight (layout B)."""
    first = {"conv1.": "conv1_7x7_s2.", "bn1.": "conv1_7x7_s2_bn."}
    for ours, theirs in first.items():
        if name.startswith(ours):
            return name.replace(ours, theirs, 1)
    layer, block, part, *rest = name.split(".")
    stem = f"conv{int(layer[5:]) + 1}_{int(block) + 1}_"
    if part == "downsample":
        index, field = rest
        return f"{stem}1x1_proj{'_bn' if index == '1' else ''}.{field}"
    kernel = {"1": "1x1_reduce", "2": "3x3", "3": "1x1_increase"}[part[-1]]
    return f"{stem}{kernel}{'_bn' if part.startswith('bn') else ''}.{rest[0]}"


def loaded(path, *, stride_first=False):
    network = ResNet50(ResNet50Settings(head=(8,), stride_first=stride_first))
    load_resnet50_weights(network, path)
    return network


def check(network, given):
    state = network.state_dict()
    assert all(torch.equal(state[name], tensor) for name, tensor in given.items() if "num_batches" not in name)


def test_torchvisions_layout_with_its_thousand_classes(given, tmp_path):
    torch.save(given | {"fc.weight": torch.zeros(1000, 2048), "fc.bias": torch.zeros(1000)}, tmp_path / "w.pth")

    check(loaded(tmp_path / "w.pth"), given)


def test_a_checkpoint_of_a_parallel_training_with_prefixes(given, tmp_path):
    state = {f"module.{name}": tensor for name, tensor in given.items()}
    torch.save({"state_dict": state, "epoch": 3}, tmp_path / "w.pth")

    check(loaded(tmp_path / "w.pth"), given)


def test_vggface2_as_arrays_with_8631_identities(given, tmp_path):
    state = {name: tensor.numpy() for name, tensor in given.items() if "num_batches" not in name}
    state |= {"fc.weight": np.zeros((8631, 2048), np.float32), "fc.bias": np.zeros(8631, np.float32)}
    (tmp_path / "w.pkl").write_bytes(pickle.dumps(state, protocol=2))

    check(loaded(tmp_path / "w.pkl", stride_first=True), given)


def test_vggface2_with_caffes_names(given, tmp_path):
    state = {caffe_name(name): tensor for name, tensor in given.items() if "num_batches" not in name}
    state |= {"classifier.weight": torch.zeros(8631, 2048, 1, 1), "classifier.bias": torch.zeros(8631)}
    torch.save(state, tmp_path / "w.pth")

    check(loaded(tmp_path / "w.pth", stride_first=True), given)


@pytest.mark.parametrize("layout", ["arrays", "caffe", "identities"])
def test_vggface2s_weights_are_refused_by_a_network_of_torchvisions_geometry(given, tmp_path, layout):
    state = {name: tensor for name, tensor in given.items() if "num_batches" not in name}
    if layout == "arrays":
        (tmp_path / "w.pth").write_bytes(pickle.dumps({name: tensor.numpy() for name, tensor in state.items()}))
    elif layout == "caffe":
        torch.save({caffe_name(name): tensor for name, tensor in state.items()}, tmp_path / "w.pth")
    else:
        torch.save(state | {"fc.weight": torch.zeros(8631, 2048)}, tmp_path / "w.pth")

    with pytest.raises(CheckpointError, match=r"VGGFace2's weights.*network\.stride_first=true.*colour_order=BGR"):
        loaded(tmp_path / "w.pth")
    network = ResNet50(ResNet50Settings(stride_first=True))
    with pytest.raises(CheckpointError, match="another stride, colour order and mean"):
        load_resnet50_weights(network, tmp_path / "w.pth", InputContract(size_px=224))
    own = InputContract(size_px=224, colour_order="BGR", value_maximum=255, mean=(91.4953, 103.8827, 131.0912))
    load_resnet50_weights(network, tmp_path / "w.pth", own)


def test_the_head_is_left_alone(given, tmp_path):
    torch.save(given, tmp_path / "w.pth")
    network = ResNet50(ResNet50Settings(head=(8,)))
    for parameter in network.head.parameters():
        torch.nn.init.normal_(parameter)
    before = {name: tensor.clone() for name, tensor in network.head.state_dict().items()}

    load_resnet50_weights(network, tmp_path / "w.pth")

    assert all(torch.equal(network.head.state_dict()[name], tensor) for name, tensor in before.items())


class _Evil:
    def __reduce__(self):
        return os.system, ("touch /tmp/should-not-exist",)


def test_what_cannot_serve_is_said_with_the_files_name(given, tmp_path):
    network = ResNet50(ResNet50Settings(head=()))
    half = dict(list(given.items())[:40])
    wide = given | {"conv1.weight": torch.zeros(64, 4, 7, 7)}
    cases = {
        "half.pth": (half, r"half\.pth lacks \d+ of ResNet50's 265 weights, such as layer"),
        "wide.pth": (wide, r"wide\.pth: conv1\.weight has the shape \(64, 4, 7, 7\), ResNet50 needs \(64, 3, 7, 7\)"),
        "list.pth": ([1, 2], r"list\.pth holds no state dict"),
    }
    for name, (content, message) in cases.items():
        torch.save(content, tmp_path / name)
        with pytest.raises(CheckpointError, match=message):
            load_resnet50_weights(network, tmp_path / name)
    with pytest.raises(CheckpointError, match=r"there are no weights at .*none\.pth"):
        load_resnet50_weights(network, tmp_path / "none.pth")
    (tmp_path / "text.pth").write_text("hello")
    with pytest.raises(CheckpointError, match=r"text\.pth is neither a torch state dict nor a pickle of arrays"):
        load_resnet50_weights(network, tmp_path / "text.pth")


def test_no_code_in_a_file_is_run(tmp_path):
    (tmp_path / "evil.pkl").write_bytes(pickle.dumps({"conv1.weight": _Evil()}))

    with pytest.raises(CheckpointError, match=r"evil\.pkl .*system is not an array"):
        load_resnet50_weights(ResNet50(ResNet50Settings(head=())), tmp_path / "evil.pkl")


def test_numbers_that_are_none_are_refused(given, tmp_path):
    torch.save(given | {"layer1.0.conv1.weight": torch.full((64, 64, 1, 1), torch.nan)}, tmp_path / "nan.pth")

    with pytest.raises(CheckpointError, match=r"nan\.pth: layer1\.0\.conv1\.weight has values that are no numbers"):
        load_resnet50_weights(ResNet50(ResNet50Settings(head=())), tmp_path / "nan.pth")
