"""The converted face mesh answers as the interpreters that its makers' file was written for."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from export.mesh.bundle import write_mesh_bundle
from export.mesh.flatbuffer import read_graph
from export.mesh.network import MESH_POINTS, SIDE_PX, MeshGraph
from export.verification.golden import classifier_pictures
from monitor.errors import BundleError
from monitor.faces.crop import CropSpec
from monitor.inference.bundle import read_bundle
from monitor.inference.engine_factory import open_engine

_LARGEST_POINT_PX = 0.5
_LARGEST_PRESENCE = 1e-3

Answers = tuple[NDArray[np.float32], NDArray[np.float32]]


@pytest.fixture(scope="module")
def crops() -> NDArray[np.uint8]:
    """Synthetic infants and noise."""
    noise = np.random.default_rng(3).integers(0, 256, (2, SIDE_PX, SIDE_PX, 3), dtype=np.uint8)
    return np.concatenate([classifier_pictures(CropSpec(SIDE_PX, 0.1)), noise])


def _converted(content: bytes, crops: NDArray[np.uint8]) -> Answers:
    with torch.inference_mode():
        points, presence = MeshGraph(read_graph(content)).eval()(torch.from_numpy(crops))
    return points.numpy(), presence.numpy()


def _check(converted: Answers, reference: list[dict[int, NDArray[np.float32]]]) -> None:
    """Compare with another interpreter's answers, by their number of values."""
    for points, presence, answers in zip(*converted, reference, strict=True):
        expected = answers[3 * MESH_POINTS].reshape(MESH_POINTS, 3)
        assert np.abs(points - expected).max() <= _LARGEST_POINT_PX
        assert presence == pytest.approx(1.0 / (1.0 + np.exp(-answers[1][0])), abs=_LARGEST_PRESENCE)


def test_agrees_with_the_original_interpreter(mesh_file: bytes, crops: NDArray[np.uint8]) -> None:
    litert = pytest.importorskip("ai_edge_litert.interpreter", reason="ai-edge-litert is not installed")
    interpreter = litert.Interpreter(model_content=mesh_file)
    interpreter.allocate_tensors()
    (entry,) = interpreter.get_input_details()
    reference = []
    for crop in crops:
        interpreter.set_tensor(entry["index"], crop[None].astype(np.float32) / 255.0)
        interpreter.invoke()
        answers = [interpreter.get_tensor(one["index"]).ravel() for one in interpreter.get_output_details()]
        reference.append({values.size: values for values in answers})
    _check(_converted(mesh_file, crops), reference)


def test_agrees_with_a_second_reader_of_the_file(mesh_file: bytes, crops: NDArray[np.uint8], tmp_path: Path) -> None:
    openvino = pytest.importorskip("openvino", reason="openvino is not installed")
    path = tmp_path / "mesh.tflite"
    path.write_bytes(mesh_file)
    core = openvino.Core()
    model = core.compile_model(core.read_model(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    pictures = (crop[None].astype(np.float32) / 255.0 for crop in crops)
    reference = [{values.size: values.ravel() for values in model([picture]).values()} for picture in pictures]
    _check(_converted(mesh_file, crops), reference)


def test_the_bundle_answers_as_the_network(mesh_file: bytes, crops: NDArray[np.uint8], tmp_path: Path) -> None:
    written = write_mesh_bundle(mesh_file, tmp_path / "face-mesh", name="face-mesh", precisions=("fp32",))
    bundle = read_bundle(written.path, kind="mesh")
    assert bundle.mesh.points == MESH_POINTS
    engine = open_engine(bundle, choice="onnxruntime")
    answer = engine.run({"crops": crops})
    engine.close()
    points, presence = _converted(mesh_file, crops)
    assert np.abs(answer["points"] - points).max() <= 0.05
    assert np.abs(answer["presence"] - presence).max() <= _LARGEST_PRESENCE


def test_refuses_what_is_no_such_file() -> None:
    with pytest.raises(BundleError, match="no TensorFlow Lite file"):
        read_graph(b"something else")


def test_refuses_a_network_that_is_no_mesh(mesh_file: bytes) -> None:
    graph = read_graph(mesh_file)
    with pytest.raises(BundleError, match="no face mesh"):
        MeshGraph(replace(graph, outputs=graph.outputs[:1]))
