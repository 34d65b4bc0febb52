"""The TensorRT engine's own logic, with ONNX Runtime instead of the GPU's kernels.

No GPU is needed: memory "on the device" is host memory with addresses of its own, and the execution context computes
with ONNX Runtime on request. What TensorRT itself does is checked where a GPU is (marker `gpu`).
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from monitor.errors import EngineError
from monitor.inference.onnxruntime_engine import OnnxRuntimeEngine
from monitor.inference.plans import Plan, PlanRecord
from monitor.inference.tensorrt_engine import TensorRtEngine


class HostMemory:
    """Device memory on the host. Copies happen when the stream is waited for, in order, as on a GPU."""

    stream = 77

    def __init__(self) -> None:
        self.buffers: dict[int, np.ndarray] = {}
        self.queue: list[Callable[[], None]] = []
        self.recording: list[Callable[[], None]] | None = None
        self.is_closed = False
        self.is_entered = False

    @contextmanager
    def entered(self) -> Iterator[None]:
        assert not self.is_closed
        self.is_entered = True
        yield
        self.is_entered = False

    def allocate(self, size_bytes: int) -> int:
        assert self.is_entered
        address = 0x1000 * (len(self.buffers) + 1)
        self.buffers[address] = np.full(size_bytes, 0xAA, np.uint8)
        return address

    def pin(self, size_bytes: int) -> np.ndarray:
        return np.full(size_bytes, 0x55, np.uint8)

    def submit(self, work: Callable[[], None]) -> None:
        assert self.is_entered
        (self.queue if self.recording is None else self.recording).append(work)

    def upload(self, address: int, host: np.ndarray) -> None:
        assert host.flags.c_contiguous
        self.submit(lambda: self._copy(self.buffers[address][: host.nbytes], host.reshape(-1).view(np.uint8)))

    def download(self, host: np.ndarray, address: int) -> None:
        assert host.flags.c_contiguous
        self.submit(lambda: self._copy(host.reshape(-1).view(np.uint8), self.buffers[address][: host.nbytes]))

    @staticmethod
    def _copy(target: np.ndarray, source: np.ndarray) -> None:
        target[:] = source

    def synchronise(self) -> None:
        assert self.is_entered
        while self.queue:
            self.queue.pop(0)()

    def close(self) -> None:
        self.is_closed = True


class FakeGraph:
    """What `CudaGraph` does, on the host: records what is put on the stream, and replays it."""

    launches = 0

    def __init__(self, memory: HostMemory, work: Callable[[], None]) -> None:
        self.memory = memory
        memory.recording = []
        work()
        self.recorded, memory.recording = memory.recording, None

    def launch(self) -> None:
        type(self).launches += 1
        self.memory.queue += self.recorded

    def close(self) -> None:
        self.recorded = []


class _Context:
    def __init__(self, model: OnnxRuntimeEngine, memory: HostMemory) -> None:
        self.model, self.memory = model, memory
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.addresses: dict[str, int] = {}

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> None:
        self.shapes[name] = tuple(shape)

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        return self.shapes.get(name, (self.shapes["crops"][0],))

    def set_tensor_address(self, name: str, address: int) -> None:
        self.addresses[name] = address

    def execute_async_v3(self, stream: int) -> bool:
        assert stream == self.memory.stream
        shape, addresses = self.shapes["crops"], dict(self.addresses)

        def work() -> None:
            count = int(np.prod(shape))
            crops = self.memory.buffers[addresses["crops"]][:count].reshape(shape)
            for name, values in self.model.run({"crops": crops}).items():
                self.memory.buffers[addresses[name]][: values.nbytes] = values.view(np.uint8)

        self.memory.submit(work)
        return True


class _Logger:
    ERROR = 1

    def __init__(self, level: int) -> None:
        assert level == self.ERROR


def _trt(model: bytes, memory: HostMemory, *, types: str = "Half", refuses: bool = False) -> Any:
    """Return a module that answers as TensorRT's does, for the names that the engine uses."""
    runner = OnnxRuntimeEngine(model)
    names = ["crops", "score", "logit"]
    report = json.dumps({"Layers": [{"Outputs": [{"Format/Datatype": f"Row major linear {types}"}]}]})
    engine = SimpleNamespace(
        num_io_tensors=3,
        get_tensor_name=lambda index: names[index],
        get_tensor_mode=lambda name: "in" if name == "crops" else "out",
        get_tensor_shape=lambda name: (-1, 16, 16, 3) if name == "crops" else (-1,),
        get_tensor_dtype=lambda name: np.uint8 if name == "crops" else np.float32,
        create_execution_context=lambda: _Context(runner, memory),
        create_engine_inspector=lambda: SimpleNamespace(get_engine_information=lambda _: report),
    )
    runtime = SimpleNamespace(deserialize_cuda_engine=lambda _: None if refuses else engine)
    return SimpleNamespace(
        __version__="1.7.1",
        Logger=_Logger,
        Runtime=lambda _: runtime,
        TensorIOMode=SimpleNamespace(INPUT="in", OUTPUT="out"),
        LayerInformationFormat=SimpleNamespace(JSON="json"),
        nptype=lambda dtype: dtype,
    )


def _plan(profile: tuple[int, int, int] = (1, 1, 4)) -> Plan:
    record = PlanRecord(
        onnx_file="model.onnx",
        onnx_sha256="ab" * 32,
        engine="tensorrt-rtx",
        engine_version="1.7.1",
        compute_capability="8.6",
        requested_precision="fp16",
        profile=profile,
        build_seconds=1.0,
        plan_sha256=hashlib.sha256(b"plan").hexdigest(),
        plan_bytes=4,
    )
    return Plan(Path("plan"), record, b"plan")


@pytest.fixture
def memory() -> HostMemory:
    return HostMemory()


@pytest.fixture
def engine(classifier_onnx, memory: HostMemory) -> TensorRtEngine:
    FakeGraph.launches = 0
    return TensorRtEngine(_plan(), _trt(classifier_onnx(), memory), memory, lambda _, work: FakeGraph(memory, work))


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

    engine = TensorRtEngine(_plan(), _trt(classifier_onnx(), memory), memory, refuse)
    for _ in range(3):
        np.testing.assert_allclose(engine.run({"crops": crops})["score"], [0, 0.2, 1], atol=1e-6)
    assert caplog.text.count("runs without CUDA graphs") == 1


def test_an_fp32_engine_that_was_ordered_as_fp16_is_refused(classifier_onnx, memory: HostMemory) -> None:
    """Public projects shipped fp32 engines in the belief that they were fp16."""
    with pytest.raises(EngineError, match="was ordered as fp16, but its layers compute with Float"):
        TensorRtEngine(_plan(), _trt(classifier_onnx(), memory, types="Float"), memory)


def test_a_plan_that_tensorrt_refuses_is_named(classifier_onnx, memory: HostMemory) -> None:
    with pytest.raises(
        EngineError, match=r"tensorrt-rtx 1\.7\.1 refuses plan; build it again with `nicu-export engine"
    ):
        TensorRtEngine(_plan(), _trt(classifier_onnx(), memory, refuses=True), memory)


def test_closes_once_and_says_so(engine: TensorRtEngine, memory: HostMemory, crops: np.ndarray) -> None:
    engine.run({"crops": crops})
    engine.close()
    engine.close()
    assert memory.is_closed
    with pytest.raises(EngineError, match="was closed"):
        engine.run({"crops": crops})
