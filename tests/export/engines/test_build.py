"""TensorRT-RTX compiles every network of this project for GPUs that are not here."""

import hashlib
import importlib.metadata
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from onnx import TensorProto, helper

from export.bundle_writer import write_bundle
from export.classifier.bundle import describe_classifier
from export.commands import engine as engine_command
from export.engines.build import Target, build_engine, parse_target
from export.mesh.bundle import write_mesh_bundle
from export.variants import make_variants
from monitor.errors import EngineError
from monitor.inference.bundle import Bundle
from monitor.inference.plans import PlanRecord
from trainer.checkpoint import ModelRecord, Provenance, TrainedModel
from trainer.networks import architectures

pytest.importorskip("tensorrt_rtx", reason="tensorrt-rtx is not installed")

_CAPABILITIES = {"sm86": "8.6", "sm89": "8.9", "sm120": "12.0"}
_THREE = pytest.param("sm86,sm89,sm120", marks=[pytest.mark.slow, pytest.mark.timeout(3600)])
_NETWORKS = architectures().names


def _check_plans(bundle: Bundle, directory: Path, targets: str) -> None:
    arguments = [str(bundle.path), "--engine", "tensorrt-rtx", "--target", targets, "--out", str(directory)]
    result = CliRunner().invoke(engine_command.command, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    plans = sorted(directory.glob("*.plan"))
    models = sum(variant.precision == "fp16" for variant in bundle.manifest.variants)
    assert len(plans) == models * len(targets.split(","))
    seen = set()
    for plan in plans:
        record = PlanRecord.model_validate_json(plan.with_suffix(".json").read_bytes())
        content = plan.read_bytes()
        assert hashlib.sha256(content).hexdigest() == record.plan_sha256
        assert record.onnx_sha256 == bundle.manifest.files[record.onnx_file].sha256
        assert record.requested_precision == "fp16"
        assert record.measured_precision == "not inspected"
        assert plan.name.startswith(record.onnx_sha256[:16])
        seen.add(record.compute_capability)
    assert seen == {_CAPABILITIES[target] for target in targets.split(",")}


def test_compiles_the_face_detector(package_bundle: Bundle, tmp_path: Path) -> None:
    _check_plans(package_bundle, tmp_path, "sm89")


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_compiles_the_face_detector_of_every_size(whole_package_bundle: Bundle, tmp_path: Path) -> None:
    _check_plans(whole_package_bundle, tmp_path, "sm86,sm89,sm120")


@pytest.mark.parametrize("targets", ["sm89", _THREE])
def test_compiles_the_face_mesh(tmp_path: Path, mesh_file: bytes, targets: str) -> None:
    bundle = write_mesh_bundle(mesh_file, tmp_path / "face-mesh", name="face-mesh")
    _check_plans(bundle, tmp_path / "plans", targets)


def _networks() -> list[Any]:
    """Every network for one GPU, the default one for three; when there is time, every one for three."""
    quick = [pytest.param(name, "sm86,sm89,sm120" if name == "ncnn" else "sm89") for name in _NETWORKS]
    return [*quick, *(pytest.param(name, *_THREE.values, marks=_THREE.marks) for name in _NETWORKS if name != "ncnn")]


@pytest.mark.parametrize(("name", "targets"), _networks())
def test_compiles_every_classifier_of_the_registry(
    name: str, targets: str, classifier_bundle: Bundle, tmp_path: Path
) -> None:
    """The half-precision model alone, without golden answers: the compiler does not use those."""
    architecture = architectures()[name]
    settings = {"ensemble": {"member": "ncnn", "count": 2}}.get(name, {})
    record = ModelRecord(
        name=f"untrained-{name}",
        architecture=name,
        network_settings=settings,
        contract=architecture.contract,
        temperature=1.0,
        training_prior=0.5,
        generation="demo",
        intended_use="Tests of the compiler.",
        provenance=Provenance(source="random numbers", licence="Apache-2.0"),
    )
    model = TrainedModel(record, architecture.create(settings).eval(), "0" * 64)
    made = make_variants(describe_classifier(model), ("fp16",), lambda: np.empty((0,), np.uint8))
    manifest = classifier_bundle.manifest.model_copy(update={"variants": tuple(variant for variant, _ in made)})
    bundle = write_bundle(tmp_path / "bundle", manifest, {variant.file: content for variant, content in made})
    _check_plans(bundle, tmp_path / "plans", targets)


def test_an_unsupported_operator_is_named_with_its_node(classifier_bundle: Bundle, tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Cast", ["crops"], ["x"], to=1),
        helper.make_node("NonZero", ["x"], ["y"], name="the_odd_one"),
    ]
    graph = helper.make_graph(
        nodes,
        "odd",
        [helper.make_tensor_value_info("crops", TensorProto.UINT8, ["batch", 120, 120, 3])],
        [helper.make_tensor_value_info("y", TensorProto.INT64, [4, "found"])],
    )
    odd = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10).SerializeToString()
    bundle = _with_model(classifier_bundle, tmp_path, odd)
    with pytest.raises(
        EngineError, match=r"cannot build untrained-ncnn/model\.onnx for sm86: node the_odd_one \(NonZero\)"
    ):
        build_engine(bundle, bundle.variant(), "tensorrt-rtx", parse_target("sm86"), directory=tmp_path)


def test_a_truncated_model_is_refused(classifier_bundle: Bundle, tmp_path: Path) -> None:
    bundle = _with_model(classifier_bundle, tmp_path, classifier_bundle.read("model.onnx")[:5000])
    with pytest.raises(
        EngineError, match=r"cannot build untrained-ncnn/model\.onnx for sm86: .+; export the model again"
    ):
        build_engine(bundle, bundle.variant(), "tensorrt-rtx", parse_target("sm86"), directory=tmp_path)
    assert not list(tmp_path.glob("*.plan"))


def _with_model(bundle: Bundle, directory: Path, model: bytes) -> Bundle:
    contents = {name: bundle.read(name) for name in bundle.manifest.files}
    return write_bundle(directory / "bundle", bundle.manifest, {**contents, "model.onnx": model})


def test_a_gpu_that_it_cannot_build_for_is_named(classifier_bundle: Bundle, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"for sm52: it builds for .*sm86"):
        build_engine(classifier_bundle, classifier_bundle.variant(), "tensorrt-rtx", Target(5, 2), directory=tmp_path)
    with pytest.raises(EngineError, match="TensorRT builds engines on the GPU that they are for"):
        build_engine(classifier_bundle, classifier_bundle.variant(), "tensorrt", Target(8, 6), directory=tmp_path)


def test_a_building_process_that_dies_is_reported(
    classifier_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("export.engines.build._MODULES", {"tensorrt-rtx": "os._exit"})
    with pytest.raises(EngineError, match=r"cannot build .*ModuleNotFoundError"):
        build_engine(classifier_bundle, classifier_bundle.variant(), "tensorrt-rtx", Target(8, 6), directory=tmp_path)
    killer = tmp_path / "killer.py"
    killer.write_text("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr("export.engines.build._MODULES", {"tensorrt-rtx": "killer"})
    with pytest.raises(EngineError, match="the building process ended with code -11"):
        build_engine(classifier_bundle, classifier_bundle.variant(), "tensorrt-rtx", Target(8, 6), directory=tmp_path)


def test_the_package_of_tensorrt_may_have_any_name(
    classifier_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As tensorrt-cu12 and tensorrt-cu13, which bring the same module."""

    def version(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    monkeypatch.setattr("export.engines.build._MODULES", {"tensorrt": "os._exit"})
    here = Target(8, 6, is_here=True, gpu_name="NVIDIA", driver_version="590")
    with pytest.raises(EngineError, match=r"cannot build .*ModuleNotFoundError"):
        build_engine(classifier_bundle, classifier_bundle.variant(), "tensorrt", here, directory=tmp_path)


_CHATTY = """
import sys
for pipe in (sys.stdout, sys.stderr):
    for _ in range(20000):
        pipe.write("[I] a line of a library that says much\\n")
    pipe.flush()
{last}
"""


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        ("raise RuntimeError('the last word')", "RuntimeError: the last word"),
        ("import time; print('waits', file=sys.stderr, flush=True); time.sleep(60)", "took longer than 8 s; .*waits"),
    ],
)
def test_a_builder_that_says_much_or_hangs_is_read_and_ended(
    classifier_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last: str, expected: str
) -> None:
    """More than a pipe holds on both outputs would stop both processes for good, if one was read after the other."""
    (tmp_path / "chatty.py").write_text(_CHATTY.format(last=last))
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    monkeypatch.setattr("export.engines.build._MODULES", {"tensorrt-rtx": "chatty"})
    monkeypatch.setattr("export.engines.build._LIMIT_SECONDS", 8.0)
    with pytest.raises(EngineError, match=expected):
        build_engine(classifier_bundle, classifier_bundle.variant(), "tensorrt-rtx", Target(8, 6), directory=tmp_path)


@pytest.mark.parametrize(("text", "capability"), [("sm86", "8.6"), ("SM89", "8.9"), (" sm120 ", "12.0")])
def test_targets_are_written_like_nvidia_does(text: str, capability: str) -> None:
    assert parse_target(text).capability == capability
    assert str(parse_target(text)) == text.strip().lower()


@pytest.mark.parametrize("text", ["", "86", "sm", "sm8", "sm1200", "8.6", "smx6"])
def test_other_targets_are_refused(text: str) -> None:
    with pytest.raises(EngineError, match="is no compute capability"):
        parse_target(text)


def test_without_a_gpu_a_target_must_be_named(classifier_bundle: Bundle) -> None:
    from monitor.inference.cuda import probe_cuda

    if probe_cuda().gpu is not None:
        pytest.skip("this machine has a GPU")
    arguments = [str(classifier_bundle.path), "--engine", "tensorrt-rtx"]
    result = CliRunner().invoke(engine_command.command, arguments)
    assert "name the GPU to build for with --target" in str(result.exception)


_SPY = """
import json, sys
import onnx
from onnx import TensorProto, helper
import tensorrt_rtx
from export.engines import worker

flags = []
class Builder(tensorrt_rtx.Builder):
    def create_builder_config(self):
        config = super().create_builder_config()
        class Config:
            def __getattr__(self, name):
                return getattr(config, name)
            def __setattr__(self, name, value):
                setattr(config, name, value)
            def set_flag(self, flag):
                flags.append(flag.name)
                config.set_flag(flag)
        self.made = config
        return Config()
    def build_serialized_network(self, network, _config):
        return super().build_serialized_network(network, self.made)

tensorrt_rtx.Builder = Builder
shape = ["batch", 4]
graph = helper.make_graph(
    [helper.make_node("Relu", ["x"], ["y"])], "relu",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
    [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
onnx.save(model, sys.argv[1] + "/model.onnx")
order = {
    "module": "tensorrt_rtx", "model": sys.argv[1] + "/model.onnx", "plan": sys.argv[1] + "/a.plan", "input": "x",
    "shape": [4], "profile": [1, 1, 8], "target": "SM86", "timing_cache": None, "inspect": False,
}
error = worker.build(order, lambda _: None).get("error")
print(json.dumps([error, flags]))
"""


def test_a_plan_of_tensorrt_rtx_allocates_nothing_while_it_runs(tmp_path: Path) -> None:
    """Else no CUDA graph of it can be recorded; the real builder takes the flag and compiles with it."""
    done = subprocess.run([sys.executable, "-c", _SPY, tmp_path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == [None, ["REQUIRE_USER_ALLOCATION"]]
    assert (tmp_path / "a.plan").stat().st_size > 0
