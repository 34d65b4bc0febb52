"""ONNX Runtime behind the engine protocol."""

import os
from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.errors import EngineError
from monitor.inference.bundle import read_bundle
from monitor.inference.classifier import Classifier
from monitor.inference.engine import Engine
from monitor.inference.engine_factory import open_engine, open_variant
from monitor.inference.onnxruntime_engine import OnnxRuntimeEngine


@pytest.fixture
def engine(make_bundle) -> Engine:
    return open_engine(read_bundle(make_bundle()), choice="onnxruntime")


def test_declares_and_runs_the_model(engine: Engine, crops: np.ndarray) -> None:
    assert engine.name == "onnxruntime"
    (declared,) = engine.inputs
    assert (declared.name, declared.shape, declared.dtype) == ("crops", (None, 16, 16, 3), np.uint8)
    assert [(spec.name, spec.shape) for spec in engine.outputs] == [("score", (None,)), ("logit", (None,))]
    outputs = engine.run({"crops": crops})
    np.testing.assert_allclose(outputs["score"], [0.0, 0.2, 1.0], atol=1e-6)
    np.testing.assert_allclose(outputs["logit"], [-1.0, -0.8, 0.0], atol=1e-6)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({}, r"wants the inputs \['crops'\], got \[\]"),
        ({"pictures": np.zeros((1, 16, 16, 3), np.uint8)}, r"got \['pictures'\]"),
        ({"crops": np.zeros((1, 16, 16, 3), np.float32)}, r"must be uint8.*got float32"),
        (
            {"crops": np.zeros((1, 16, 17, 3), np.uint8)},
            r"shape \('any', 16, 16, 3\).*got uint8 of shape \(1, 16, 17, 3\)",
        ),
        ({"crops": np.zeros((16, 16, 3), np.uint8)}, "got uint8 of shape"),
        ({"crops": np.zeros((0, 16, 16, 3), np.uint8)}, "not empty"),
    ],
)
def test_refuses_inputs_that_do_not_fit(engine: Engine, inputs: dict[str, np.ndarray], message: str) -> None:
    with pytest.raises(EngineError, match=message):
        engine.run(inputs)


def test_a_closed_engine_says_so(engine: Engine, crops: np.ndarray) -> None:
    engine.close()
    engine.close()
    with pytest.raises(EngineError, match="was closed"):
        engine.run({"crops": crops})


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9])
def test_a_truncated_model_is_refused(classifier_onnx, share: float) -> None:
    content = classifier_onnx()
    with pytest.raises(EngineError, match=r"ONNX Runtime .* cannot load the model: .*; export the model again"):
        OnnxRuntimeEngine(content[: int(share * len(content))])


def test_an_unknown_operator_is_named(classifier_onnx) -> None:
    with pytest.raises(EngineError, match="Frobnicate"):
        OnnxRuntimeEngine(classifier_onnx("unknown"))


def test_scores_are_probabilities_or_nothing(make_bundle, classifier_onnx, crops: np.ndarray) -> None:
    """1 / (mean - 7): negative, infinite at 7, far above 1 at 7.25, and a fair probability at 9."""
    crops = np.stack([np.full((16, 16, 3), grey, np.uint8) for grey in (0, 7, 9)])
    quarter = np.full((16, 16, 3), 7, np.uint8)
    quarter[:8, :8] = 8
    bundle = read_bundle(make_bundle(classifier_onnx("pole")))
    classifier = Classifier(bundle, open_engine(bundle, choice="onnxruntime"))
    assert classifier.scores(np.concatenate([crops, quarter[None]])) == [None, None, 0.5, None]
    assert classifier.scores(crops[:0]) == []
    assert (classifier.size_px, classifier.margin) == (16, 0.1)


def test_no_number_outside_the_unit_interval_becomes_a_score(make_bundle, engine: Engine, crops: np.ndarray) -> None:
    answer = np.zeros(1, np.float32)
    answering = SimpleNamespace(inputs=engine.inputs, outputs=engine.outputs, run=lambda _: {"score": answer})
    classifier = Classifier(read_bundle(make_bundle()), answering)

    @settings(deadline=None)
    @given(value=st.one_of(st.floats(width=32), st.just(float("nan"))))
    def becomes_a_score_or_none(value: float) -> None:
        answer[0] = value
        (score,) = classifier.scores(crops[:1])
        assert score is None or 0.0 <= score <= 1.0
        assert (score is None) == (not 0.0 <= value <= 1.0)

    becomes_a_score_or_none()


def test_the_build_for_cpus_refuses_a_gpu_in_one_sentence(classifier_onnx) -> None:
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("the build for GPUs is installed here")
    with pytest.raises(EngineError, match=r"is the build for CPUs; .*onnxruntime-gpu"):
        OnnxRuntimeEngine(classifier_onnx(), device="cuda")


class _Session:
    """What a session of the build for GPUs says of itself; the real one of the CPU does the rest.

    Since version 1.20 a session makes all plans again when its batch has another size than the last one: refused here.
    """

    asked_for: object = None
    falls_back = True
    opened = 0

    def __init__(self, where: str, original: type) -> None:
        self.where, self.original = where, original
        self.rows: int | None = None

    def __call__(self, model: bytes, options: object, providers: list[object]) -> "_Session":
        type(self).asked_for = providers
        type(self).opened += 1
        one = type(self)(self.where, self.original)
        one.session = self.original(model, options, providers=["CPUExecutionProvider"])
        return one

    def run(self, names: list[str], inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
        (rows,) = {len(array) for array in inputs.values()}
        assert self.rows in {None, rows}, "every convolution is planned again"
        self.rows = rows
        return self.session.run(names, inputs)

    def get_providers(self) -> list[str]:
        return [self.where, "CPUExecutionProvider"]

    def disable_fallback(self) -> None:
        type(self).falls_back = False

    def __getattr__(self, name: str) -> object:
        return getattr(self.session, name)


@pytest.fixture
def gpu_build(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Make ONNX Runtime the build for GPUs, whose sessions land where the caller says."""
    from monitor.inference.onnxruntime_engine import onnxruntime

    def install(where: str = "CUDAExecutionProvider") -> None:
        monkeypatch.setattr(onnxruntime, "InferenceSession", _Session(where, onnxruntime.InferenceSession))

    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider"])
    monkeypatch.setattr(onnxruntime, "preload_dlls", lambda: None, raising=False)
    monkeypatch.setenv("NVIDIA_TF32_OVERRIDE", "")  # so that it is put back whatever the engine sets
    monkeypatch.delenv("NVIDIA_TF32_OVERRIDE")
    monkeypatch.setattr(_Session, "opened", 0)
    return install


def test_a_session_that_landed_on_the_cpu_is_refused(classifier_onnx, gpu_build) -> None:
    gpu_build("CPUExecutionProvider")
    with pytest.raises(EngineError, match="on the CPU, not on the GPU: a library of CUDA or cuDNN"):
        OnnxRuntimeEngine(classifier_onnx(), device="cuda")


@pytest.mark.parametrize("is_fp16", [False, True])
def test_tf32_is_off_and_fp16_keeps_the_tensor_cores(classifier_onnx, crops, gpu_build, is_fp16: bool) -> None:
    gpu_build()
    engine = OnnxRuntimeEngine(classifier_onnx(), device="cuda", is_fp16=is_fp16)
    (provider, options), last = _Session.asked_for
    assert provider == "CUDAExecutionProvider"
    # This option takes the tensor cores from every convolution; NVIDIA's switch takes TF32 alone, and everywhere.
    assert options["use_tf32"] == ("1" if is_fp16 else "0")
    assert os.environ["NVIDIA_TF32_OVERRIDE"] == "0"
    assert last == "CPUExecutionProvider"
    assert not _Session.falls_back
    assert engine.name == "onnxruntime-cuda"
    np.testing.assert_allclose(engine.run({"crops": crops})["score"], [0, 0.2, 1], atol=1e-6)


@pytest.mark.parametrize(("precision", "use_tf32"), [("fp32", "0"), ("fp16", "1")])
def test_the_file_of_a_bundle_says_what_it_computes_in(make_bundle, gpu_build, precision: str, use_tf32: str) -> None:
    bundle = read_bundle(make_bundle())
    variant = bundle.manifest.variants[0].model_copy(update={"precision": precision})
    gpu_build()
    open_variant(bundle, variant, "onnxruntime-cuda").close()
    assert _Session.asked_for[0][1]["use_tf32"] == use_tf32


def test_on_a_gpu_no_session_meets_another_batch_size(classifier_onnx, gpu_build) -> None:
    gpu_build()
    engine = OnnxRuntimeEngine(classifier_onnx(), device="cuda")
    for rows in (4, 1, 16, 1, 4, 16, 4):
        crops = np.full((rows, 16, 16, 3), 51, np.uint8)
        np.testing.assert_allclose(engine.run({"crops": crops})["score"], [0.2] * rows, atol=1e-6)
    assert _Session.opened == 3
    engine.close()
    with pytest.raises(EngineError, match="was closed"):
        engine.run({"crops": crops})


def test_on_a_processor_one_session_takes_every_batch_size(classifier_onnx, gpu_build) -> None:
    gpu_build("CPUExecutionProvider")
    engine = OnnxRuntimeEngine(classifier_onnx())
    assert _Session.opened == 1
    assert _Session.asked_for == ["CPUExecutionProvider"]
    assert "NVIDIA_TF32_OVERRIDE" not in os.environ
    engine._session.run = lambda names, inputs: [np.zeros(len(inputs["crops"]))] * len(names)
    for rows in (1, 3, 2):
        engine.run({"crops": np.zeros((rows, 16, 16, 3), np.uint8)})
    assert _Session.opened == 1
