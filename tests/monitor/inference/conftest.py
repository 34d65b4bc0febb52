"""Small models and bundles, made with onnx alone."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper

from monitor.inference.manifest import (
    BundleInput,
    BundleManifest,
    ClassifierContract,
    CropContract,
    FileRecord,
    Provenance,
    Variant,
)

SIZE_PX = 16


def classifier_model(score_expression: str = "mean", *, opset: int = 18) -> bytes:
    """Return a classifier: score = mean grey level / 255, or 1 / (mean - 7), or by an operator that does not exist."""
    nodes = [
        helper.make_node("Cast", ["crops"], ["x"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["x", "axes"], ["mean"], keepdims=0),
        helper.make_node("Div", ["mean", "scale"], ["share"]),
    ]
    constants = [
        helper.make_tensor("axes", TensorProto.INT64, [3], [1, 2, 3]),
        helper.make_tensor("scale", TensorProto.FLOAT, [], [255.0]),
        helper.make_tensor("seven", TensorProto.FLOAT, [], [7.0]),
        helper.make_tensor("one", TensorProto.FLOAT, [], [1.0]),
    ]
    nodes += {
        "mean": [helper.make_node("Identity", ["share"], ["score"])],
        "pole": [helper.make_node("Sub", ["mean", "seven"], ["d"]), helper.make_node("Div", ["one", "d"], ["score"])],
        "unknown": [helper.make_node("Frobnicate", ["share"], ["score"], name="the_odd_one")],
    }[score_expression]
    nodes.append(helper.make_node("Sub", ["share", "one"], ["logit"]))
    vector = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch"]) for name in ("score", "logit")]
    images = helper.make_tensor_value_info("crops", TensorProto.UINT8, ["batch", SIZE_PX, SIZE_PX, 3])
    graph = helper.make_graph(nodes, "classifier", [images], vector, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)
    content: bytes = model.SerializeToString()
    return content


def make_manifest(model: bytes, **changes: object) -> BundleManifest:
    fields: dict[str, object] = {
        "name": "tiny",
        "kind": "classifier",
        "architecture": "the mean",
        "generation": "demo",
        "intended_use": "tests",
        "input": BundleInput(tensor="crops", mean=(0.0, 0.0, 0.0), std=(255.0, 255.0, 255.0)),
        "classifier": ClassifierContract(crop=CropContract(margin=0.1), temperature=1.0, training_prior=0.5),
        "variants": (Variant(file="model.onnx", precision="fp32", size_px=SIZE_PX),),
        "files": {"model.onnx": FileRecord(sha256=hashlib.sha256(model).hexdigest(), bytes=len(model))},
        "provenance": Provenance(source="a test", licence="Apache-2.0"),
    }
    return BundleManifest.model_validate({**fields, **changes}, by_name=True)


BundleMaker = Callable[..., Path]


@pytest.fixture
def make_bundle(tmp_path: Path) -> BundleMaker:
    """Write a bundle and return its directory."""

    def make(model: bytes | None = None, **changes: object) -> Path:
        content = classifier_model() if model is None else model
        directory = tmp_path / "bundle"
        directory.mkdir(exist_ok=True)
        (directory / "model.onnx").write_bytes(content)
        (directory / "bundle.json").write_text(make_manifest(content, **changes).to_json())
        return directory

    return make


@pytest.fixture
def crops() -> np.ndarray:
    return np.stack([np.full((SIZE_PX, SIZE_PX, 3), grey, np.uint8) for grey in (0, 51, 255)])


@pytest.fixture
def classifier_onnx() -> Callable[..., bytes]:
    return classifier_model
