"""The bundle against the original graph of the package, which OpenVINO's TensorFlow reader runs."""

from collections.abc import Callable

import numpy as np
import openvino
import pytest
from numpy.typing import NDArray

from monitor.inference.bundle import Bundle
from monitor.inference.engine_factory import open_engine

_BEFORE_SUPPRESSION = "RetinaFaceModel/tf_op_layer_concat_10/concat_10:0"
_SCORE_TOLERANCE = 1e-3
_TOLERANCE_PX = 0.5

Reference = Callable[[NDArray[np.uint8]], tuple[NDArray[np.float32], NDArray[np.float32]]]


@pytest.fixture(scope="module", params=[320, pytest.param(640, marks=pytest.mark.slow)])
def size_px(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture(scope="module")
def reference(retinaface_graph: bytes, size_px: int, tmp_path_factory: pytest.TempPathFactory) -> Reference:
    """The original: a picture to all anchors (A, 16) and to the faces left by suppression (F, 16), in fractions."""
    path = tmp_path_factory.mktemp("graph") / "frozen_graph.pb"
    path.write_bytes(retinaface_graph)
    core = openvino.Core()
    model = core.read_model(path)
    model.add_outputs(_BEFORE_SUPPRESSION)
    model.reshape([1, size_px, size_px, 3])
    compiled = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1})

    def run(picture: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        results = compiled(picture[None].astype(np.float32))
        return results[_BEFORE_SUPPRESSION], results["Identity:0"]

    return run


@pytest.fixture
def bundle(request: pytest.FixtureRequest, size_px: int) -> Bundle:
    """The detector as the command makes it; of all sizes where the quick one lacks this."""
    found: Bundle = request.getfixturevalue("package_bundle" if size_px == 320 else "whole_package_bundle")
    return found


def test_equals_the_original_graph_on_synthetic_faces(
    bundle: Bundle, reference: Reference, size_px: int, synthetic_pictures: dict[int, NDArray[np.uint8]]
) -> None:
    faces = _compare(bundle, reference, size_px, synthetic_pictures[size_px])
    assert faces == [1, 1, 1, 1, 1, 0]


@pytest.mark.media
def test_equals_the_original_graph_on_real_frames(
    bundle: Bundle, reference: Reference, size_px: int, real_pictures: dict[int, NDArray[np.uint8]]
) -> None:
    faces = _compare(bundle, reference, size_px, real_pictures[size_px])
    assert sum(faces) >= len(faces) // 2


def _compare(bundle: Bundle, reference: Reference, size_px: int, pictures: NDArray[np.uint8]) -> list[int]:
    """Compare every answer of the bundle with the original's, and return how many faces the original found."""
    engine = open_engine(bundle, size_px=size_px, choice="onnxruntime")
    answers = engine.run({"images": pictures})
    found = []
    for index, picture in enumerate(pictures):
        anchors, faces = reference(picture)
        scores = answers["scores"][index]
        ours = np.concatenate([answers["boxes"][index], answers["landmarks"][index].reshape(-1, 10)], axis=1)
        # Every candidate of ours is one of the original's anchors...
        best = np.argsort(-anchors[:, 15])[: 2 * len(ours)]
        distance = np.abs(ours[:, None] - anchors[best, :14][None] * size_px).max(axis=2)
        nearest = distance.argmin(axis=1)
        assert distance.min(axis=1).max() <= _TOLERANCE_PX
        np.testing.assert_allclose(scores, anchors[best[nearest], 15], atol=_SCORE_TOLERANCE)
        # ...the best ones, best first...
        np.testing.assert_allclose(scores, -np.sort(-anchors[:, 15])[: len(scores)], atol=_SCORE_TOLERANCE)
        assert np.diff(scores).max() <= 1e-6  # ONNX Runtime's sigmoid may swap neighbours by a rounding error
        # ...and every face that the original reports is among them.
        for face in faces:
            assert np.abs(ours - face[:14] * size_px).max(axis=1).min() <= _TOLERANCE_PX
        found.append(len(faces))
    engine.close()
    return found
