"""TensorRT as far as this project's engine uses it, with ONNX Runtime instead of the GPU's kernels.

Memory "on the device" is host memory with addresses of its own, and the execution context computes with ONNX Runtime on
request.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from monitor.inference.onnxruntime_engine import OnnxRuntimeEngine
from monitor.inference.plans import Plan, PlanRecord


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


class FakeContext:
    """An execution context. Work is recorded only after a run with the same shapes, which may allocate and compile."""

    def __init__(self, model: OnnxRuntimeEngine, memory: HostMemory, *, has_profile: bool = True) -> None:
        self.model, self.memory = model, memory
        self.has_profile = has_profile
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.addresses: dict[str, int] = {}
        self.work_address = 0
        self.has_run = False
        self.is_capturable = True

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        assert self.memory.recording is None, "a shape was set inside a recording"
        self.has_run = self.has_run and self.shapes.get(name) == tuple(shape)
        self.shapes[name] = tuple(shape)
        return self.has_profile and shape[0] <= 8

    def set_device_memory(self, address: int, size: int) -> None:
        assert len(self.memory.buffers[address]) == size
        self.work_address = address

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        return self.shapes.get(name, (self.shapes["crops"][0],))

    def set_tensor_address(self, name: str, address: int) -> bool:
        assert self.memory.recording is None
        self.addresses[name] = address
        return address in self.memory.buffers

    def is_stream_capturable(self, stream: int) -> bool:
        assert stream == self.memory.stream
        return self.is_capturable

    def execute_async_v3(self, stream: int) -> bool:
        assert stream == self.memory.stream
        assert self.work_address
        assert self.has_run or self.memory.recording is None, "recorded before the first run"
        self.has_run = True
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


_USER_MANAGED = object()
WORK_BYTES = 512


def fake_tensorrt(
    model: bytes,
    memory: HostMemory,
    *,
    formats: str | None = "Half",
    version: str = "10",
    refuses: bool = False,
    has_contexts: bool = True,
    shares_profile: bool = True,
) -> Any:
    """Return a module that answers as TensorRT's does, for the names that the engine uses.

    Args:
        model: What computes.
        memory: The GPU's.
        formats: What the inspector says of each output; None for an answer without content.
        version: `8`, `10` or `rtx`: how contexts are made.
        refuses: Whether plans are refused.
        has_contexts: Whether there is memory for contexts.
        shares_profile: Whether contexts share a profile: from TensorRT 9 on always, in 8.6 where it was built so.
    """
    runner = OnnxRuntimeEngine(model)
    names = ["crops", "score", "logit"]
    report = "" if formats is None else json.dumps({"Layers": [{"Outputs": [{"Format/Datatype": formats}]}]})

    made = 0

    def make(strategy: Any) -> FakeContext | None:
        nonlocal made
        assert getattr(strategy, "strategy", strategy) is _USER_MANAGED
        made += 1
        return FakeContext(runner, memory, has_profile=shares_profile or made == 1) if has_contexts else None

    class Inspector:
        execution_context: FakeContext | None = None

        def get_engine_information(self, _: str) -> str:
            assert self.execution_context is not None
            assert self.execution_context.shapes
            return report

    class Settings:
        strategy: Any = None
        dynamic_shapes_kernel_specialization_strategy = "lazy"

        def set_execution_context_allocation_strategy(self, strategy: Any) -> None:
            self.strategy = strategy

    engine = SimpleNamespace(
        num_io_tensors=3,
        get_tensor_name=lambda index: names[index],
        get_tensor_mode=lambda name: "in" if name == "crops" else "out",
        get_tensor_shape=lambda name: (-1, 16, 16, 3) if name == "crops" else (-1,),
        get_tensor_dtype=lambda name: np.uint8 if name == "crops" else np.float32,
        create_execution_context=make,
        create_runtime_config=Settings,
        create_engine_inspector=Inspector,
        device_memory_size_v2=WORK_BYTES,
    )
    runtime = SimpleNamespace(deserialize_cuda_engine=lambda _: None if refuses else engine)
    module = SimpleNamespace(
        __version__="1.7.1",
        Logger=_Logger,
        Runtime=lambda _: runtime,
        TensorIOMode=SimpleNamespace(INPUT="in", OUTPUT="out"),
        LayerInformationFormat=SimpleNamespace(JSON="json"),
        ExecutionContextAllocationStrategy=SimpleNamespace(USER_MANAGED=_USER_MANAGED),
        nptype=lambda dtype: dtype,
    )
    if version == "rtx":
        module.DynamicShapesKernelSpecializationStrategy = SimpleNamespace(EAGER="eager")
    if version == "8":
        del module.ExecutionContextAllocationStrategy, engine.device_memory_size_v2
        engine.device_memory_size = WORK_BYTES
        engine.create_execution_context_without_device_memory = lambda: make(_USER_MANAGED)
    return module


def plan_with_profile(profile: tuple[int, int, int] = (1, 1, 4)) -> Plan:
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
