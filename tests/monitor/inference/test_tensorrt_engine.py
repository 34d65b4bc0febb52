"""The TensorRT engine's own logic on a stand-in for the library (`tests/support/stand_in_tensorrt.py`).

No GPU is needed. What TensorRT itself does is checked where a GPU is (marker `gpu`).
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stand_in_tensorrt import WORK_BYTES, FakeContext, FakeGraph, HostMemory, fake_tensorrt, plan_with_profile

from monitor.errors import EngineError
from monitor.inference.lazy_rows import LazyRows
from monitor.inference.tensorrt_api import types_in
from monitor.inference.tensorrt_engine import TensorRtEngine


@pytest.fixture
def memory() -> HostMemory:
    return HostMemory()


@pytest.fixture
def engine(classifier_onnx, memory: HostMemory) -> TensorRtEngine:
    FakeGraph.launches = 0
    return TensorRtEngine(
        plan_with_profile(), fake_tensorrt(classifier_onnx(), memory), memory, lambda _, work: FakeGraph(memory, work)
    )


def test_declares_what_the_plan_declares(engine: TensorRtEngine) -> None:
    assert engine.name == "tensorrt-rtx"
    assert [(spec.name, spec.shape, spec.dtype) for spec in engine.inputs] == [("crops", (None, 16, 16, 3), np.uint8)]
    assert [(spec.name, spec.shape) for spec in engine.outputs] == [("score", (None,)), ("logit", (None,))]


def test_every_batch_gets_its_own_answers_first_recorded_then_replayed(engine: TensorRtEngine) -> None:
    random = np.random.default_rng(3)
    for round_number in range(4):
        for batch in (1, 4, 2):
            greys = random.integers(0, 256, batch, dtype=np.uint8)
            crops = np.broadcast_to(greys[:, None, None, None], (batch, 16, 16, 3)).copy()
            answer = engine.run({"crops": crops})
            np.testing.assert_allclose(answer["score"], greys / 255, atol=1e-6)
            np.testing.assert_allclose(answer["logit"], greys / 255 - 1, atol=1e-6)
        assert FakeGraph.launches == 3 * round_number


class GreySquare:
    """A square of one shade; counts how often the processor had to cut it."""

    def __init__(self, grey: int) -> None:
        self.grey, self.by_processor = grey, 0

    def pixels(self) -> np.ndarray:
        self.by_processor += 1
        return np.full((16, 16, 3), self.grey, np.uint8)


class GreyCutter:
    """Writes squares into the memory "on the device", in turn with answering that it cannot."""

    device = "cuda"
    is_ready = True

    def __init__(self, memory: HostMemory) -> None:
        self.memory = memory
        self.works = True

    def cut(self, squares: Any, address: int) -> bool:
        if self.works:
            for number, square in enumerate(squares):
                self.memory.buffers[address][number * 768 : (number + 1) * 768] = square.grey
        return self.works


def test_squares_are_cut_straight_into_the_input_and_by_the_processor_where_that_fails(
    engine: TensorRtEngine, memory: HostMemory
) -> None:
    cutter, random = GreyCutter(memory), np.random.default_rng(4)
    for number in range(24):
        cutter.works = number % 3 != 2
        squares = tuple(GreySquare(int(grey)) for grey in random.integers(0, 256, 1 + number % 2))
        rows = LazyRows(squares, 16, cutter, fill=2)
        answer = engine.run({"crops": rows})["score"][: len(squares)]
        np.testing.assert_allclose(answer, [square.grey / 255 for square in squares], atol=1e-6)
        assert [square.by_processor for square in squares] == [int(not cutter.works)] * len(squares)
    assert FakeGraph.launches == 24 - 4, "cut or not, each way of a batch size was recorded once"


@pytest.mark.parametrize("version", ["8", "10", "rtx"])
def test_contexts_of_every_version_work_in_memory_of_our_own(
    classifier_onnx, memory: HostMemory, crops: np.ndarray, version: str
) -> None:
    trt = fake_tensorrt(classifier_onnx(), memory, version=version)
    engine = TensorRtEngine(plan_with_profile(), trt, memory, lambda _, work: FakeGraph(memory, work))
    for _ in range(2):
        np.testing.assert_allclose(engine.run({"crops": crops})["score"], [0, 0.2, 1], atol=1e-6)
    assert [len(buffer) for buffer in memory.buffers.values()].count(WORK_BYTES) == 1


def test_a_plan_whose_profile_belongs_to_one_context_alone_is_one_sentence(
    classifier_onnx, memory: HostMemory, crops: np.ndarray
) -> None:
    """TensorRT 8.6 without its preview feature: the context of a batch size has no profile."""
    trt = fake_tensorrt(classifier_onnx(), memory, version="8", shares_profile=False)
    engine = TensorRtEngine(plan_with_profile(), trt, memory, lambda _, work: FakeGraph(memory, work))
    with pytest.raises(EngineError, match="takes no batch of 3"):
        engine.run({"crops": crops})


def test_more_batch_sizes_than_recordings_still_get_their_own_answers(classifier_onnx, memory: HostMemory) -> None:
    trt = fake_tensorrt(classifier_onnx(), memory)
    engine = TensorRtEngine(plan_with_profile((1, 1, 8)), trt, memory, lambda _, work: FakeGraph(memory, work))
    engine._recordings = {100 + number: engine.run({"crops": _grey(1, 0)}) for number in range(8)}  # full
    for batch in (2, 5, 1, 5):
        answer = engine.run({"crops": _grey(batch, 51)})
        np.testing.assert_allclose(answer["score"], [0.2] * batch, atol=1e-6)
    assert set(engine._recordings) == set(range(100, 108))


def _grey(batch: int, value: int) -> np.ndarray:
    return np.full((batch, 16, 16, 3), value, np.uint8)


def test_the_caller_owns_the_answer(engine: TensorRtEngine, crops: np.ndarray) -> None:
    first = engine.run({"crops": crops[:1]})["score"].copy()
    first_again = engine.run({"crops": crops[:1]})["score"]
    engine.run({"crops": crops[2:]})
    np.testing.assert_array_equal(first_again, first)


def test_a_batch_outside_the_profile_is_refused_with_the_remedy(engine: TensorRtEngine) -> None:
    with pytest.raises(EngineError, match=r"was built for batches of 1 to 4, got 5; .*--profile 1,1,5"):
        engine.run({"crops": np.zeros((5, 16, 16, 3), np.uint8)})
    with pytest.raises(EngineError, match="got float32"):
        engine.run({"crops": np.zeros((1, 16, 16, 3), np.float32)})


def test_runs_without_graphs_where_they_cannot_be_recorded(
    classifier_onnx, memory: HostMemory, crops: np.ndarray, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(stream: int, work: Callable[[], None]) -> FakeGraph:
        raise EngineError("the GPU refused to record")

    engine = TensorRtEngine(plan_with_profile(), fake_tensorrt(classifier_onnx(), memory), memory, refuse)
    for _ in range(3):
        np.testing.assert_allclose(engine.run({"crops": crops})["score"], [0, 0.2, 1], atol=1e-6)
    assert caplog.text.count("runs without CUDA graphs") == 1


def test_a_context_that_cannot_be_recorded_is_not(
    classifier_onnx, memory: HostMemory, crops: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plan of TensorRT-RTX that allocates while it runs would fail inside the recording."""
    monkeypatch.setattr(FakeContext, "is_stream_capturable", lambda *_: False)
    trt = fake_tensorrt(classifier_onnx(), memory, version="rtx")
    FakeGraph.launches = 0
    engine = TensorRtEngine(plan_with_profile(), trt, memory, lambda _, work: FakeGraph(memory, work))
    for _ in range(3):
        np.testing.assert_allclose(engine.run({"crops": crops})["score"], [0, 0.2, 1], atol=1e-6)
    assert FakeGraph.launches == 0


# Of TensorRT 8.6, 10, 11 and TensorRT-RTX 1.7, with the types that they name.
_REAL_FORMATS = [
    ("Half", "fp16"),
    ("Row major linear FP16 format", "fp16"),
    ("Two wide channel vectorized row major FP16 format", "fp16"),
    ("Channel major FP16 format where channel % 8 == 0", "fp16"),
    ("Channel major FP16 format where channel == 4 and column stride % 32 == 0", "fp16"),
    ("Row major linear FP16 format (kLINEAR)", "fp16"),
    ("Eight channel FP16 format (kHWC8) where C is padded to a multiple of 8", "fp16"),
    ("Thirty-two wide channel vectorized row major FP16 format (kCDHW32) with 3 spatial dimensions", "fp16"),
    ("Row major linear FP32", "fp32"),
    ("Row major linear FP32 format (kLINEAR)", "fp32"),
    ("Non-vectorized channel-last FP32 format with 3 spatial dimensions", "fp32"),
    ("Float", "fp32"),
    ("Eight channel BF16 format (kHWC8) where C is padded to a multiple of 8", "bf16"),
    ("BFloat16", "bf16"),
    ("Thirty-two wide channel vectorized row major Int8 format", "int8"),
    ("Row major linear UINT8 format (kLINEAR)", "uint8"),
    ("Row major linear BOOL format (kLINEAR)", "bool"),
    ("Sixteen channel FP8 format (kHWC16) where C is padded to a multiple of 16", "fp8"),
]


@pytest.mark.parametrize(("text", "expected"), _REAL_FORMATS)
def test_the_type_is_found_wherever_it_stands_in_a_format(text: str, expected: str) -> None:
    assert types_in(text) == (expected,)


@pytest.mark.parametrize("text", ["N/A due to dynamic shapes", "Format not available due to dynamic shapes", "", "?"])
def test_where_no_type_is_named_none_is_found(text: str) -> None:
    assert types_in(text) == ()


@pytest.mark.long
def test_every_format_of_the_real_library_is_understood() -> None:
    """Each string of the installed TensorRT-RTX that describes a format, as its inspector would write it."""
    libraries = pytest.importorskip("tensorrt_rtx_libs", reason="tensorrt-rtx is not installed")
    (library, *_) = Path(libraries.__file__).parent.glob("libtensorrt_rtx.so*")
    printable = re.findall(rb"[\x20-\x7e]{12,}", library.read_bytes())
    layouts = [text.decode() for text in printable if re.search(rb"[Rr]ow major|channel-last| channel ", text)]
    texts = [text for text in layouts if re.search(r"[A-Z0-9]+ format\b", text)]
    assert len(texts) >= 25
    assert [text for text in texts if len(types_in(text)) != 1] == []


@pytest.mark.parametrize("text", [text for text, kind in _REAL_FORMATS if kind == "fp16"])
def test_a_real_half_precision_plan_runs(classifier_onnx, memory: HostMemory, text: str) -> None:
    TensorRtEngine(plan_with_profile(), fake_tensorrt(classifier_onnx(), memory, formats=text), memory)


def test_a_plan_whose_types_are_not_named_runs_with_a_warning(
    classifier_onnx, memory: HostMemory, caplog: pytest.LogCaptureFixture
) -> None:
    """TensorRT 8.6 names no format of an engine with dynamic shapes: such an answer is no proof of fp32."""
    TensorRtEngine(
        plan_with_profile(), fake_tensorrt(classifier_onnx(), memory, formats="N/A due to dynamic shapes"), memory
    )
    assert "its inspector names no types" in caplog.text


def test_an_inspector_without_an_answer_is_one_sentence(classifier_onnx, memory: HostMemory) -> None:
    with pytest.raises(EngineError, match="inspector says nothing of this engine"):
        TensorRtEngine(plan_with_profile(), fake_tensorrt(classifier_onnx(), memory, formats=None), memory)


def test_no_memory_for_a_context_is_one_sentence(classifier_onnx, memory: HostMemory) -> None:
    with pytest.raises(EngineError, match="makes no execution context, mostly for want of memory"):
        TensorRtEngine(plan_with_profile(), fake_tensorrt(classifier_onnx(), memory, has_contexts=False), memory)


def test_an_fp32_engine_that_was_ordered_as_fp16_is_refused(classifier_onnx, memory: HostMemory) -> None:
    """Public projects shipped fp32 engines in the belief that they were fp16."""
    with pytest.raises(EngineError, match="was ordered as fp16, but its layers compute with fp32"):
        TensorRtEngine(
            plan_with_profile(),
            fake_tensorrt(classifier_onnx(), memory, formats="Row major linear FP32 format"),
            memory,
        )


def test_a_plan_that_tensorrt_refuses_is_named(classifier_onnx, memory: HostMemory) -> None:
    with pytest.raises(
        EngineError, match=r"tensorrt-rtx 1\.7\.1 refuses plan; build it again with `nicu-export engine"
    ):
        TensorRtEngine(plan_with_profile(), fake_tensorrt(classifier_onnx(), memory, refuses=True), memory)


def test_closes_once_and_says_so(engine: TensorRtEngine, memory: HostMemory, crops: np.ndarray) -> None:
    engine.run({"crops": crops})
    engine.close()
    engine.close()
    assert memory.is_closed
    with pytest.raises(EngineError, match="was closed"):
        engine.run({"crops": crops})
