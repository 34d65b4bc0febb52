"""A fine-tuned detector becomes a bundle that answers as the network does; `make slow` runs the whole way."""

from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from export.commands import detector as command
from export.detector.bundle import write_detector_bundle
from export.known_face import draw_known_face
from monitor.errors import BundleError
from monitor.inference.bundle import Bundle, read_bundle
from monitor.inference.engine_factory import open_engine
from monitor.inference.manifest import Metric
from trainer.checkpoint import Provenance
from trainer.detector.bundle_weights import PretrainedDetector, empty_network, read_pretrained
from trainer.detector.fitted import DETECTOR_NAME, write_fitted
from trainer.detector.graph import AnchorSpec, DetectorGraph, Normalisation


def _write(detector: PretrainedDetector, path: Path) -> None:
    write_fitted(
        path,
        detector,
        architecture="RetinaFace, fine-tuned",
        metrics=(Metric(name="share found", value=0.5, data="a test"),),
        provenance=Provenance(source="a package; fine-tuned", licence="MIT"),
    )


def test_a_detector_that_finds_no_face_is_not_exported(tmp_path: Path) -> None:
    torch.manual_seed(1)
    network = empty_network("mobilenet-0.25")
    grey = Normalisation((127.5,) * 3, (127.5,) * 3)
    _write(PretrainedDetector(network, "mobilenet-0.25", grey, AnchorSpec()), tmp_path / DETECTOR_NAME)
    with pytest.raises(BundleError, match="fine-tuned"):
        CliRunner().invoke(
            command.command, ["--from", str(tmp_path), "--out", str(tmp_path / "bundle")], catch_exceptions=False
        )
    assert not (tmp_path / "bundle").exists()


@pytest.mark.slow
def test_the_bundle_of_a_fine_tuned_detector_answers_as_its_network(
    package_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(write_detector_bundle.__kwdefaults__, "sizes_px", (320,))
    pretrained = read_pretrained(package_bundle)
    with torch.no_grad():
        pretrained.network.class_head[1].bias.add_(torch.tensor([0.0, 0.3] * 2))
    _write(pretrained, tmp_path / DETECTOR_NAME)
    arguments = ["--from", str(tmp_path), "--out", str(tmp_path / "bundle")]
    result = CliRunner().invoke(command.command, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output

    bundle = read_bundle(tmp_path / "bundle", kind="detector")
    assert [metric.name for metric in bundle.manifest.metrics] == ["share found"]
    assert "fine-tuned" in bundle.manifest.provenance.source
    assert {variant.verification["onnxruntime"] for variant in bundle.manifest.variants} == {"passed"}
    picture = draw_known_face(320, 120.0).image[None]
    runtime = open_engine(bundle, size_px=320, choice="onnxruntime").run({"images": picture})
    graph = DetectorGraph(
        pretrained.network,
        size_px=320,
        normalisation=pretrained.normalisation,
        anchors=pretrained.anchors,
        top_k=10,
    ).eval()
    with torch.inference_mode():
        boxes, scores, points = graph(torch.from_numpy(picture))
    np.testing.assert_allclose(runtime["scores"][0, :10], scores[0], atol=1e-3)
    np.testing.assert_allclose(runtime["boxes"][0, :5], boxes[0, :5], atol=0.5)
    np.testing.assert_allclose(runtime["landmarks"][0, :5], points[0, :5], atol=0.5)
