"""Which engine runs, and that the reason is reported."""

import hashlib
import logging
import subprocess
import sys
from contextlib import nullcontext
from types import SimpleNamespace

import numpy as np
import pytest

from monitor.config import FaceSettings, ModelSettings
from monitor.errors import EngineError
from monitor.inference import engine_factory
from monitor.inference.bundle import read_bundle
from monitor.inference.cuda import CudaProbe, Gpu, probe_cuda
from monitor.inference.device_memory import CudaApi
from monitor.inference.engine_factory import missing_reason, open_engine
from monitor.inference.manifest import FileRecord, Precision, Variant
from monitor.pipeline.models import ModelSet


@pytest.fixture
def _no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    if probe_cuda().gpu is not None:
        monkeypatch.setattr(
            "monitor.inference.engine_factory.probe_cuda", lambda: CudaProbe(None, "no GPU in this test")
        )


@pytest.mark.usefixtures("_no_gpu")
def test_auto_takes_what_is_present_and_logs_why(make_bundle, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "monitor.inference.engine_factory"):
        engine = open_engine(read_bundle(make_bundle()))
    assert engine.name == "onnxruntime"
    passed_over, taken = (record.message for record in caplog.records)
    assert taken == "model.onnx of bundle tiny runs on onnxruntime"
    assert passed_over.startswith("passed over here: tensorrt: ")
    assert "tensorrt-rtx: " in passed_over


@pytest.mark.usefixtures("_no_gpu")
@pytest.mark.parametrize("choice", ["tensorrt", "tensorrt-rtx", "onnxruntime-cuda"])
def test_a_missing_engine_falls_back_loudly_or_refuses(
    make_bundle, choice: engine_factory.EngineChoice, caplog: pytest.LogCaptureFixture
) -> None:
    bundle = read_bundle(make_bundle())
    with caplog.at_level(logging.WARNING):
        assert open_engine(bundle, choice=choice, on_missing="fall_back").name == "onnxruntime"
    assert f"bundle tiny cannot run on {choice} here" in caplog.text
    assert "falling back to onnxruntime" in caplog.text
    with pytest.raises(EngineError, match=f"cannot run on {choice} here .*install what is missing"):
        open_engine(bundle, choice=choice, on_missing="refuse")


def test_a_model_that_onnx_runtime_cannot_load_has_no_way_out(make_bundle, classifier_onnx) -> None:
    bundle = read_bundle(make_bundle(classifier_onnx("unknown")))
    for choice in ("auto", "onnxruntime"):
        with pytest.raises(EngineError, match="Frobnicate"):
            open_engine(bundle, choice=choice)


def test_openvino_gives_the_same_answer(make_bundle, crops: np.ndarray) -> None:
    pytest.importorskip("openvino", reason="openvino is not installed")
    bundle = read_bundle(make_bundle())
    engines = [open_engine(bundle, choice=choice, on_missing="refuse") for choice in ("onnxruntime", "openvino")]
    assert [engine.name for engine in engines] == ["onnxruntime", "openvino"]
    assert engines[0].inputs == engines[1].inputs
    assert engines[0].outputs == engines[1].outputs
    answers = [engine.run({"crops": crops}) for engine in engines]
    for name in ("score", "logit"):
        np.testing.assert_allclose(answers[0][name], answers[1][name], atol=1e-6)
    with pytest.raises(EngineError, match="got float32"):
        engines[1].run({"crops": crops.astype(np.float32)})
    engines[1].close()
    with pytest.raises(EngineError, match="was closed"):
        engines[1].run({"crops": crops})


def test_openvino_names_what_it_does_not_know(make_bundle, classifier_onnx) -> None:
    pytest.importorskip("openvino", reason="openvino is not installed")
    bundle = read_bundle(make_bundle(classifier_onnx("unknown")))
    with pytest.raises(EngineError, match="Frobnicate"):
        open_engine(bundle, choice="openvino", on_missing="refuse")


def test_the_reason_names_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.inference.engine_factory.importlib.util.find_spec", lambda _: None)
    reason = missing_reason("tensorrt")
    assert reason == "tensorrt is not installed (pip install 'nicu-pain-monitor[tensorrt]')"


def test_the_monitor_runs_without_torch_and_cuda(make_bundle) -> None:
    """Every module that is not there in a plain installation is made impossible to import."""
    script = """
import sys
from contextlib import nullcontext
for name in ("torch", "cuda", "pycuda", "tensorrt", "tensorrt_rtx", "openvino", "onnx", "sklearn"):
    sys.modules[name] = None
import numpy as np
from monitor.inference.bundle import read_bundle
from monitor.inference.classifier import Classifier
from monitor.inference.engine_factory import open_engine
bundle = read_bundle(sys.argv[1])
classifier = Classifier(bundle, open_engine(bundle))
print(classifier.scores(np.full((1, 16, 16, 3), 51, np.uint8)))
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(make_bundle())], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[0.20000000298023224]"


@pytest.fixture
def _gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """A GPU that is only said to be there: everything before the first call of CUDA runs."""
    gpu = Gpu("a GPU of this test", (8, 6), "13.0", 1 << 30)
    monkeypatch.setattr(engine_factory, "missing_reason", lambda _: None)
    monkeypatch.setattr(engine_factory, "probe_cuda", lambda: CudaProbe(gpu, ""))
    monkeypatch.setattr("monitor.inference.tensorrt_api.load_module", lambda _: SimpleNamespace(__version__="1.7.1"))


@pytest.mark.usefixtures("_gpu")
def test_a_gpu_takes_the_half_precision_file_and_the_cpu_the_other(
    make_bundle, classifier_onnx, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = classifier_onnx()
    files = {name: FileRecord(sha256=hashlib.sha256(content).hexdigest(), bytes=len(content)) for name in _FILES}
    variants = tuple(Variant(file=name, precision=_FILES[name], size_px=16) for name in _FILES)
    path = make_bundle(content, files=files, variants=variants)
    (path / "half.onnx").write_bytes(content)
    opened: list[tuple[str, str]] = []
    original = engine_factory.open_variant

    def open_variant(bundle, variant, name, **_):
        opened.append((name, variant.file))
        if name != "onnxruntime":
            raise EngineError("not here")
        return original(bundle, variant, name)

    monkeypatch.setattr(engine_factory, "open_variant", open_variant)
    open_engine(read_bundle(path))
    assert opened == [
        ("tensorrt", "half.onnx"),
        ("tensorrt-rtx", "half.onnx"),
        ("onnxruntime-cuda", "half.onnx"),
        ("onnxruntime", "model.onnx"),
    ]


_FILES: dict[str, Precision] = {"model.onnx": "fp32", "half.onnx": "fp16"}


@pytest.mark.usefixtures("_gpu")
def test_without_a_plan_the_command_that_builds_one_is_named(make_bundle, caplog: pytest.LogCaptureFixture) -> None:
    """Copied to a shell, it must work: with the bundle's path, and the precision that this bundle has."""
    bundle = read_bundle(make_bundle())
    command = f"`nicu-export engine {bundle.path} --engine tensorrt-rtx --precision fp32`"
    with pytest.raises(EngineError) as refused:
        open_engine(bundle, choice="tensorrt-rtx", on_missing="refuse")
    assert command in str(refused.value)
    assert open_engine(bundle, choice="tensorrt-rtx", on_missing="fall_back").name == "onnxruntime"
    assert command in caplog.text


@pytest.mark.parametrize("name", ["tensorrt", "tensorrt_rtx", "openvino"])
@pytest.mark.parametrize("fault", ["ImportError('libnvinfer.so.10: cannot open')", "OSError('libcudnn is cut short')"])
def test_a_package_that_is_there_and_cannot_load_falls_back(
    make_bundle, tmp_path, monkeypatch: pytest.MonkeyPatch, name: str, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The import of a real package of that name, which ends as one does beside libraries that are missing."""
    (tmp_path / f"{name}.py").write_text(f"raise {fault}\n")
    monkeypatch.syspath_prepend(tmp_path)
    for loaded in [loaded for loaded in sys.modules if loaded.split(".")[0] == name]:
        monkeypatch.delitem(sys.modules, loaded)
    monkeypatch.delitem(sys.modules, "monitor.inference.openvino_engine", raising=False)
    gpu = Gpu("a GPU of this test", (8, 6), "13.0", 1 << 30)
    monkeypatch.setattr(engine_factory, "probe_cuda", lambda: CudaProbe(gpu, ""))
    choice: engine_factory.EngineChoice = name.replace("_", "-")  # type: ignore[assignment] # one of three
    bundle = read_bundle(make_bundle())
    assert open_engine(bundle, choice=choice, on_missing="fall_back").name == "onnxruntime"
    assert f"{choice} is installed and cannot be loaded (lib" in caplog.text
    with pytest.raises(EngineError, match="is installed and cannot be loaded"):
        open_engine(bundle, choice=choice, on_missing="refuse")


@pytest.mark.usefixtures("_gpu")
@pytest.mark.parametrize(("cuda_api", "package"), [("pycuda", "pycuda"), ("cuda-python", "cuda-bindings")])
def test_the_configured_cuda_library_is_the_one_that_is_used(
    cuda_api: CudaApi, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the configuration to the import; neither library can be imported, so the error names which one was tried."""
    monkeypatch.setattr(engine_factory, "find_plan", lambda *_: None)
    for module in ("pycuda", "cuda.bindings"):
        monkeypatch.setitem(sys.modules, module, None)
    settings = ModelSettings(engine="tensorrt-rtx", on_missing_engine="refuse", cuda_api=cuda_api)
    with pytest.raises(EngineError, match=f"{package} cannot be imported"):
        ModelSet(settings, FaceSettings()).open()


@pytest.mark.usefixtures("_gpu")
@pytest.mark.parametrize("fault", ["TypeError('pybind11::init(): factory function returned nullptr')", "MemoryError()"])
def test_an_error_that_the_bindings_have_of_their_own_is_one_of_the_engine(
    make_bundle, tmp_path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    """A runtime that TensorRT does not make; what was taken on the GPU is freed."""
    source = f"class Logger:\n    ERROR = 0\n    def __init__(self, _): pass\n\ndef Runtime(_):\n    raise {fault}\n"
    (tmp_path / "tensorrt_rtx.py").write_text(f"__version__ = '1.7.1'\n{source}")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "tensorrt_rtx", raising=False)
    closed: list[bool] = []
    memory = SimpleNamespace(entered=nullcontext, close=lambda: closed.append(True))
    monkeypatch.setattr(engine_factory, "open_device_memory", lambda _: memory)
    plan = SimpleNamespace(path=tmp_path / "a.plan", record=SimpleNamespace(engine="tensorrt-rtx"))
    monkeypatch.setattr(engine_factory, "find_plan", lambda *_: plan)
    bundle = read_bundle(make_bundle())
    assert open_engine(bundle, choice="tensorrt-rtx", on_missing="fall_back").name == "onnxruntime"
    with pytest.raises(EngineError, match=r"tensorrt-rtx 1\.7\.1 cannot open a\.plan"):
        open_engine(bundle, choice="tensorrt-rtx", on_missing="refuse")
    assert closed == [True, True]
