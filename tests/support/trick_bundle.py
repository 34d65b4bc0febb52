"""Classifier bundles whose model is real and misbehaves: it answers NaN, or never answers."""

import hashlib
from pathlib import Path
from typing import Literal

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

SIZE_PX = 32
Trick = Literal["nan", "hang"]


def write_trick_bundle(directory: Path, trick: Trick) -> Path:
    """Write a bundle that passes every check, because nothing is wrong with it but its answers."""
    model = _model(trick)
    manifest = BundleManifest.model_validate(
        {
            "schema": "nicu-pain-monitor/bundle/1",
            "name": f"trick-{trick}",
            "kind": "classifier",
            "architecture": "none",
            "generation": "demo",
            "intended_use": "tests",
            "input": BundleInput(tensor="crops", mean=(0.0, 0.0, 0.0), std=(255.0, 255.0, 255.0)),
            "classifier": ClassifierContract(crop=CropContract(margin=0.1), temperature=1.0, training_prior=0.5),
            "variants": (Variant(file="model.onnx", precision="fp32", size_px=SIZE_PX),),
            "files": {"model.onnx": FileRecord(sha256=hashlib.sha256(model).hexdigest(), bytes=len(model))},
            "provenance": Provenance(source="a test", licence="Apache-2.0"),
        }
    )
    directory.mkdir(parents=True)
    (directory / "model.onnx").write_bytes(model)
    (directory / "bundle.json").write_text(manifest.to_json(), encoding="utf-8")
    return directory


def _model(trick: Trick) -> bytes:
    nodes = [
        helper.make_node("Cast", ["crops"], ["x"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["x", "axes"], ["mean"], keepdims=0),
    ]
    constants = [
        helper.make_tensor("axes", TensorProto.INT64, [3], [1, 2, 3]),
        helper.make_tensor("zero", TensorProto.FLOAT, [], [0.0]),
        helper.make_tensor("turns", TensorProto.INT64, [], [2**62]),
        helper.make_tensor("go_on", TensorProto.BOOL, [], [True]),
    ]
    if trick == "nan":  # the mean of what is seen, times nothing, through nothing
        nodes += [
            helper.make_node("Mul", ["mean", "zero"], ["nothing"]),
            helper.make_node("Div", ["nothing", "zero"], ["score"]),
        ]
    else:
        nodes.append(helper.make_node("Loop", ["turns", "go_on", "mean"], ["score"], body=_endless_body()))
    nodes.append(helper.make_node("Identity", ["score"], ["logit"]))
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch"]) for name in ("score", "logit")]
    crops = helper.make_tensor_value_info("crops", TensorProto.UINT8, ["batch", SIZE_PX, SIZE_PX, 3])
    graph = helper.make_graph(nodes, "classifier", [crops], outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    content: bytes = model.SerializeToString()
    return content


def _endless_body():
    inputs = [
        helper.make_tensor_value_info("turn", TensorProto.INT64, []),
        helper.make_tensor_value_info("again", TensorProto.BOOL, []),
        helper.make_tensor_value_info("value", TensorProto.FLOAT, ["batch"]),
    ]
    outputs = [
        helper.make_tensor_value_info("again_out", TensorProto.BOOL, []),
        helper.make_tensor_value_info("value_out", TensorProto.FLOAT, ["batch"]),
    ]
    nodes = [
        helper.make_node("Identity", ["again"], ["again_out"]),
        helper.make_node("Sqrt", ["value"], ["value_out"]),
    ]
    return helper.make_graph(nodes, "endless", inputs, outputs)
