"""The network out of a bundle answers as the runtime does, and is the same after it was written and read."""

import numpy as np
import pytest
import torch
from onnx import helper, numpy_helper

from monitor.errors import BundleError
from monitor.inference.bundle import Bundle, read_bundle
from monitor.inference.engine_factory import open_engine
from trainer.checkpoint import Provenance
from trainer.detector.bundle_weights import empty_network, read_pretrained
from trainer.detector.fitted import DETECTOR_NAME, find_fitted, read_fitted, write_fitted
from trainer.detector.graph import DetectorGraph
from trainer.detector_fitting.pictures import draw_views
from trainer.errors import CheckpointError

SIZE_PX = 320
TOP_K = 128


@pytest.fixture(scope="module")
def bundle():
    torch.set_num_threads(1)
    try:
        return read_bundle("retinaface", kind="detector")
    except BundleError as error:
        pytest.skip(f"the face detector is not installed: {error}")


@pytest.fixture(scope="module")
def pretrained(bundle):
    return read_pretrained(bundle)


def answers_of(detector, picture):
    graph = DetectorGraph(
        detector.network,
        size_px=SIZE_PX,
        normalisation=detector.normalisation,
        anchors=detector.anchors,
        top_k=TOP_K,
    ).eval()
    with torch.inference_mode():
        return [part[0].numpy() for part in graph(torch.from_numpy(picture[None]))]


@pytest.fixture(scope="module")
def picture():
    return draw_views(0, 0, 1, SIZE_PX)[0].bare.image


def test_the_network_gives_the_boxes_of_the_runtime(bundle, pretrained, picture):
    assert pretrained.backbone == "mobilenet-v2"
    engine = open_engine(bundle, size_px=SIZE_PX)
    runtime = {name: values[0] for name, values in engine.run({"images": picture[None]}).items()}
    boxes, scores, points = answers_of(pretrained, picture)
    likely = scores > 0.1
    assert likely.any()
    np.testing.assert_allclose(scores, runtime["scores"], atol=2e-3)
    np.testing.assert_allclose(boxes[likely], runtime["boxes"][likely], atol=0.2)
    np.testing.assert_allclose(points[likely], runtime["landmarks"][likely], atol=0.2)


def test_a_written_detector_is_read_as_it_was(pretrained, picture, tmp_path):
    write_fitted(
        tmp_path / DETECTOR_NAME,
        pretrained,
        architecture="a network",
        metrics=(),
        provenance=Provenance(source="a test", licence="MIT"),
    )
    assert find_fitted(tmp_path) == find_fitted(tmp_path / DETECTOR_NAME) == tmp_path / DETECTOR_NAME
    fitted = read_fitted(tmp_path / DETECTOR_NAME)
    assert (fitted.record.architecture, fitted.record.provenance.licence) == ("a network", "MIT")
    assert fitted.detector.anchors == pretrained.anchors
    assert fitted.detector.normalisation == pretrained.normalisation
    for before, after in zip(answers_of(pretrained, picture), answers_of(fitted.detector, picture), strict=True):
        assert np.array_equal(before, after)


def test_what_is_no_fitted_detector_is_none_or_refused(tmp_path):
    file = tmp_path / "garbage"
    file.write_bytes(b"garbage")
    torch.save({"weight": torch.zeros(1)}, tmp_path / "other.pth")
    assert find_fitted(tmp_path) is find_fitted(tmp_path / "missing") is find_fitted(file) is None
    assert find_fitted(tmp_path / "other.pth") is None
    with pytest.raises(CheckpointError, match="is no fine-tuned detector; `nicu-trainer fit-detector` writes one"):
        read_fitted(tmp_path / "other.pth")


def test_weights_of_another_network_are_refused(pretrained, tmp_path):
    write_fitted(
        tmp_path / DETECTOR_NAME,
        pretrained,
        architecture="a network",
        metrics=(),
        provenance=Provenance(source="a test", licence="MIT"),
    )
    content = torch.load(tmp_path / DETECTOR_NAME, weights_only=True)
    content["state_dict"] = empty_network("mobilenet-0.25").state_dict()
    torch.save(content, tmp_path / DETECTOR_NAME)
    with pytest.raises(CheckpointError, match="do not fit the detector's network"):
        read_fitted(tmp_path / DETECTOR_NAME)


class OtherContent(Bundle):
    """A bundle whose files are something else than its manifest says."""

    content = b""

    def read(self, file):  # noqa: ARG002 - whichever file
        return self.content


def test_a_bundle_with_another_network_is_refused(bundle):
    weight = numpy_helper.from_array(np.zeros((1, 3, 1, 1), np.float32), "network.backbone.stem.conv.weight")
    other = OtherContent(bundle.path, bundle.manifest)
    OtherContent.content = helper.make_model(helper.make_graph([], "other", [], [], [weight])).SerializeToString()
    with pytest.raises(CheckpointError, match="does not hold the weights of a RetinaFace of this program"):
        read_pretrained(other)
    OtherContent.content = b"\xff" * 50
    with pytest.raises(CheckpointError, match="is no ONNX model; build the bundle"):
        read_pretrained(other)


def test_a_classifier_is_refused():
    try:
        classifier = read_bundle("ncnn-demo")
    except BundleError as error:
        pytest.skip(f"the demo's classifier is not there: {error}")
    with pytest.raises(BundleError, match="is a classifier, not a detector"):
        read_pretrained(classifier)
