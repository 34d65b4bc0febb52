"""Checkpoints of PyTorch: real ones (third-party), and what is refused."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray

from export.detector import torch_weights
from export.detector.bundle import DetectorSource, write_detector_bundle
from export.detector.validation import validate_detector
from monitor.errors import BundleError
from monitor.inference.engine_factory import open_engine
from monitor.inference.manifest import Provenance

_GOOD = "retinaface_mobilenet0.25_official.pth"
_OTHER_ANCHORS = "retinaface_mobilenet0.25_1MBrepo_DIFFERENT_ANCHORS.pth"
_GOOD_ONNX = "retinaface_mobilenet0.25_official_640.onnx"


def _source(path: Path) -> DetectorSource:
    tensors, sha256 = torch_weights.read_checkpoint(path)
    return DetectorSource(
        network=torch_weights.network_from_checkpoint(tensors, path.name),
        architecture="RetinaFace, MobileNet 0.25",
        normalisation=torch_weights.NORMALISATION,
        anchors=torch_weights.ANCHORS,
        provenance=Provenance(source=path.name, source_sha256=sha256, licence="MIT"),
    )


@pytest.mark.media
def test_equals_the_published_onnx_of_the_same_weights(
    shared_weights: Path, tmp_path: Path, synthetic_pictures: dict[int, NDArray[np.uint8]]
) -> None:
    bundle = write_detector_bundle(_source(shared_weights / _GOOD), tmp_path / "b", name="b", sizes_px=(640,))
    session = onnxruntime.InferenceSession(shared_weights / _GOOD_ONNX, providers=["CPUExecutionProvider"])
    engine = open_engine(bundle, choice="onnxruntime")
    for picture in synthetic_pictures[640]:
        answer = {name: values[0] for name, values in engine.run({"images": picture[None]}).items()}
        bgr = picture[:, :, ::-1].astype(np.float32) - np.float32([104, 117, 123])
        boxes, scores, landmarks = _decode(
            *session.run(None, {session.get_inputs()[0].name: bgr.transpose(2, 0, 1)[None]})
        )
        best = np.argsort(-scores, kind="stable")[:5]
        np.testing.assert_allclose(answer["scores"][:5], scores[best], atol=1e-3)
        for box, points in zip(answer["boxes"][:5], answer["landmarks"][:5], strict=True):
            match = np.abs(boxes - box).max(axis=1).argmin()
            np.testing.assert_allclose(box, boxes[match], atol=0.5)
            np.testing.assert_allclose(points, landmarks[match], atol=0.5)


def _decode(
    loc: NDArray[np.float32], conf: NDArray[np.float32], landm: NDArray[np.float32]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Decode raw outputs as the published code does: fractions of the picture, anchors from nested loops."""
    size, priors = 640, []
    for step, sides in ((8, (16, 32)), (16, (64, 128)), (32, (256, 512))):
        cells = size // step
        priors += [
            ((j + 0.5) * step / size, (i + 0.5) * step / size, side / size, side / size)
            for i in range(cells)
            for j in range(cells)
            for side in sides
        ]
    p = np.array(priors)
    center = p[:, :2] + loc[0, :, :2] * 0.1 * p[:, 2:]
    extent = p[:, 2:] * np.exp(loc[0, :, 2:] * 0.2)
    boxes = np.concatenate([center - extent / 2, center + extent / 2], axis=1) * size
    points = (p[:, None, :2] + landm[0].reshape(-1, 5, 2) * 0.1 * p[:, None, 2:]) * size
    return boxes, conf[0, :, 1].astype(np.float64), points


@pytest.mark.media
def test_refuses_weights_that_want_other_anchors_and_says_which(shared_weights: Path, tmp_path: Path) -> None:
    """Two public repositories share all 300 names and shapes but not the anchors; nothing else distinguishes them."""
    with pytest.raises(
        BundleError, match=r"wrong position.*other anchors than \[16, 32\].*\[10, 20\].*would fit better"
    ):
        write_detector_bundle(_source(shared_weights / _OTHER_ANCHORS), tmp_path / "b", name="b")
    assert not (tmp_path / "b").exists()


@pytest.mark.media
def test_refuses_wrong_pixel_scaling(shared_weights: Path) -> None:
    source = _source(shared_weights / _GOOD)
    wrong = torch_weights.Normalisation(mean=(127.5, 127.5, 127.5), std=(127.5, 127.5, 127.5))
    with pytest.raises(BundleError, match="does not see a synthetic face"):
        validate_detector(source.network, wrong, source.anchors, label="weights")


def test_refuses_untrained_weights(tmp_path: Path) -> None:
    torch.manual_seed(3)
    network = torch_weights.network_from_checkpoint(_untrained(), "weights")
    with pytest.raises(BundleError, match="was not imported"):
        validate_detector(network, torch_weights.NORMALISATION, torch_weights.ANCHORS, label="weights")


def _untrained() -> dict[str, torch.Tensor]:
    network = torch_weights.RetinaFace(torch_weights.MobileNetQuarter())
    return {torch_weights._source_name(name): value for name, value in network.state_dict().items()}


def test_takes_checkpoints_wrapped_by_data_parallel_and_state_dict(tmp_path: Path) -> None:
    wrapped = {"state_dict": {f"module.{name}": value for name, value in _untrained().items()}, "epoch": 3}
    torch.save(wrapped, tmp_path / "c.pth")
    tensors, _ = torch_weights.read_checkpoint(tmp_path / "c.pth")
    assert len(tensors) == 300
    torch_weights.network_from_checkpoint(tensors, "c.pth")


class _Explosive:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (exec, ("raise SystemExit('code from a checkpoint was run')",))


def test_runs_no_code_from_a_checkpoint(tmp_path: Path) -> None:
    torch.save({"body": _Explosive()}, tmp_path / "c.pth")
    with pytest.raises(BundleError, match="tensors only"):
        torch_weights.read_checkpoint(tmp_path / "c.pth")


@pytest.mark.parametrize(("size", "reason"), [(0, "tensors only"), (1000, "tensors only"), (None, "cannot be read")])
def test_names_a_file_that_is_cut_short_or_missing(tmp_path: Path, size: int | None, reason: str) -> None:
    path = tmp_path / "c.pth"
    if size is not None:
        torch.save(_untrained(), path)
        path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(BundleError, match=reason):
        torch_weights.read_checkpoint(path)


def test_names_what_is_missing_unknown_or_of_another_shape() -> None:
    with pytest.raises(BundleError, match=r"lacks ssh1\.conv3X3\.0\.weight"):
        torch_weights.network_from_checkpoint(_without("ssh1.conv3X3.0.weight"), "c.pth")
    with pytest.raises(BundleError, match=r"also has body\.fc\.weight"):
        torch_weights.network_from_checkpoint({**_untrained(), "body.fc.weight": torch.zeros(2)}, "c.pth")
    with pytest.raises(BundleError, match=r"ssh1\.conv3X3\.0\.weight in c\.pth has the shape \(2,\)"):
        torch_weights.network_from_checkpoint({**_untrained(), "ssh1.conv3X3.0.weight": torch.zeros(2)}, "c.pth")


def _without(name: str) -> dict[str, torch.Tensor]:
    return {key: value for key, value in _untrained().items() if key != name}
