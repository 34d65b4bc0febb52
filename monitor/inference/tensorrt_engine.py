"""TensorRT and TensorRT-RTX behind the engine protocol: one code path for 10.13 to 11.x and RTX.

Buffers are made once, for the largest batch of the plan's profile. A batch size that is used often has an execution
context of its own, whose shapes never change again: its first run is launched call by call and then, where CUDA graphs
can be had, recorded; the following ones are launched with one call. All contexts share one work memory, for they run on
one stream, one after the other.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from monitor.errors import EngineError, EngineInputError
from monitor.inference.device_memory import DeviceMemory
from monitor.inference.engine import TensorSpec
from monitor.inference.lazy_rows import LazyRows, Rows, as_array
from monitor.inference.manifest import EngineName
from monitor.inference.plans import Plan
from monitor.inference.tensorrt_api import create_context, layer_types, set_work_memory, work_memory_bytes
from monitor.inference.tensors import check_inputs

__all__ = ["Graph", "TensorRtEngine"]

_log = logging.getLogger(__name__)

_MOST_RECORDED = 8
"""Batch sizes that get a context and a recording of their own; each costs memory on the GPU."""


class Graph(Protocol):
    """A recorded sequence of work on a stream."""

    def launch(self) -> None:
        """Put the work on the stream."""
        ...

    def close(self) -> None:
        """Free the recording."""
        ...


GraphMaker = Callable[[int, Callable[[], None]], Graph]


@dataclass(frozen=True, slots=True)
class _HostBuffer:
    """One tensor's buffers, large enough for the largest batch."""

    spec: TensorSpec
    address: int
    host: NDArray[np.uint8]

    def view(self, batch: int) -> NDArray[Any]:
        """Return the host buffer as an array of one batch size."""
        shape = (batch, *(size or 1 for size in self.spec.shape[1:]))
        size_bytes = int(np.prod(shape)) * self.spec.dtype.itemsize
        return self.host[:size_bytes].view(self.spec.dtype).reshape(shape)


@dataclass(slots=True)
class _Recording:
    """A batch size's own context, and its graph where one could be recorded."""

    context: Any
    graph: Graph | None = None


class TensorRtEngine:
    """A plan run by TensorRT.

    Args:
        plan: Read and checked by `monitor.inference.plans`.
        trt: The module that the plan is for.
        memory: The worker's own; closed with the engine.
        make_graph: Records CUDA graphs; None launches every call by itself.

    Raises:
        EngineError: TensorRT refuses the plan, or it was built in another precision than its side-car asks for.
    """

    def __init__(self, plan: Plan, trt: Any, memory: DeviceMemory, make_graph: GraphMaker | None = None) -> None:  # noqa: ANN401 - TensorRT publishes no types
        self._label = plan.path.name
        self._name: EngineName = plan.record.engine
        self._trt = trt
        self._memory = memory
        self._make_graph = make_graph
        with memory.entered():
            names, inputs = self._load(plan)
        self._inputs = tuple(self._buffers[name].spec for name in inputs)
        self._outputs = tuple(self._buffers[name].spec for name in names if name not in inputs)
        self._recordings: dict[tuple[int, frozenset[str]], _Recording] = {}
        self._is_open = True

    @property
    def name(self) -> str:
        """Return `tensorrt` or `tensorrt-rtx`."""
        return self._name

    @property
    def largest_batch(self) -> int:
        """The largest batch of the plan's profile."""
        return self._largest

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """The tensors that `run` wants."""
        return self._inputs

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        """The tensors that `run` returns."""
        return self._outputs

    def run(self, inputs: Mapping[str, Rows]) -> dict[str, NDArray[Any]]:
        """Run the model once; see `Engine.run`."""
        if not self._is_open:
            raise EngineError(f"{self._label} was closed and cannot be run")
        check_inputs(self._label, self._inputs, inputs)
        batch = len(next(iter(inputs.values())))
        if not self._smallest <= batch <= self._largest:
            raise EngineInputError(
                f"{self._label} was built for batches of {self._smallest} to {self._largest}, got {batch}; give "
                f"smaller batches, or build it with --profile {self._smallest},{self._smallest},{batch}"
            )
        in_place = frozenset(name for name, rows in inputs.items() if self._is_cut(name, rows))
        for name in inputs.keys() - in_place:
            self._buffers[name].view(batch)[...] = as_array(inputs[name])
        with self._memory.entered():
            self._run(batch, in_place)
        return {spec.name: self._buffers[spec.name].view(batch).copy() for spec in self._outputs}

    def close(self) -> None:
        """Free everything on the GPU; safe to call twice, and on a GPU that fails."""
        if not self._is_open:
            return
        self._is_open = False
        try:
            with self._memory.entered():
                for recording in self._recordings.values():
                    if recording.graph is not None:
                        recording.graph.close()
        except EngineError as error:
            _log.warning("%s: its recordings could not be freed: %s", self._label, error)
        # TensorRT's objects go before the memory and the stream that they refer to.
        self._recordings.clear()
        del self._context, self._engine, self._runtime
        self._memory.close()

    def _load(self, plan: Plan) -> tuple[list[str], list[str]]:
        """Load the plan and make its buffers; return the names of all tensors, and of the inputs."""
        trt = self._trt
        self._runtime = trt.Runtime(trt.Logger(trt.Logger.ERROR))
        if self._runtime is None:
            raise EngineError(f"{self._name} {trt.__version__} does not start on this GPU; see `nicu-monitor doctor`")
        self._engine = self._runtime.deserialize_cuda_engine(plan.content)
        if self._engine is None:
            raise EngineError(f"{self._name} {trt.__version__} refuses {plan.path}; {_remedy(plan)}")
        self._smallest, _, self._largest = plan.record.profile
        names = [self._engine.get_tensor_name(index) for index in range(self._engine.num_io_tensors)]
        inputs = [name for name in names if self._engine.get_tensor_mode(name) == trt.TensorIOMode.INPUT]
        self._shapes = {name: tuple(self._engine.get_tensor_shape(name)[1:]) for name in inputs}
        self._work_bytes = work_memory_bytes(self._engine)
        self._work_address = self._memory.allocate(self._work_bytes) if self._work_bytes else 0
        self._context = self._new_context(self._largest)
        _require_precision(trt, self._engine, self._context, plan)
        self._buffers = {name: self._buffer(name) for name in names}
        self._bind(self._context)
        return names, inputs

    def _new_context(self, batch: int) -> Any:  # noqa: ANN401 - TensorRT publishes no types
        """Return a context for one batch size, with the work memory that all contexts share."""
        context = create_context(self._trt, self._engine)
        if self._work_bytes:
            set_work_memory(context, self._work_address, self._work_bytes)
        self._set_shapes(context, batch)
        return context

    def _set_shapes(self, context: Any, batch: int) -> None:  # noqa: ANN401 - TensorRT publishes no types
        for name, shape in self._shapes.items():
            if not context.set_input_shape(name, (batch, *shape)):
                raise EngineError(f"{self._name} takes no batch of {batch} for {self._label}; build the plan again")

    def _bind(self, context: Any) -> None:  # noqa: ANN401 - TensorRT publishes no types
        for name, buffer in self._buffers.items():
            if not context.set_tensor_address(name, buffer.address):
                raise EngineError(f"{self._name} takes no buffer for {name} of {self._label}; build the plan again")

    def _buffer(self, name: str) -> _HostBuffer:
        shape = tuple(int(size) for size in self._context.get_tensor_shape(name))
        if not shape or min(shape) < 1:
            raise EngineError(
                f"tensor {name} of {self._label} has no fixed shape but for its batch: {shape}; export the model again"
            )
        dtype = np.dtype(self._trt.nptype(self._engine.get_tensor_dtype(name)))
        declared = tuple(None if axis == 0 else size for axis, size in enumerate(shape))
        size_bytes = int(np.prod(shape)) * dtype.itemsize
        return _HostBuffer(
            TensorSpec(name, declared, dtype), self._memory.allocate(size_bytes), self._memory.pin(size_bytes)
        )

    def _is_cut(self, name: str, rows: Rows) -> bool:
        """Have rows cut on the GPU, straight into the input; return whether that was done."""
        return isinstance(rows, LazyRows) and rows.cutter.device == "cuda" and rows.write(self._buffers[name].address)

    def _run(self, batch: int, in_place: frozenset[str]) -> None:
        """Run one batch, and wait for it: from its recording where there is one.

        Args:
            batch: Rows that lie in the host buffers.
            in_place: Inputs whose rows lie on the GPU already.
        """
        key = batch, in_place
        recording = self._recordings.get(key)
        if recording is not None and recording.graph is not None:
            recording.graph.launch()
            self._memory.synchronise()
            return
        is_first = recording is None and len(self._recordings) < _MOST_RECORDED
        if is_first:
            recording = _Recording(self._new_context(batch))
            self._bind(recording.context)
            self._recordings[key] = recording
        if recording is None:
            self._set_shapes(self._context, batch)
        self._enqueue(self._context if recording is None else recording.context, batch, in_place)
        self._memory.synchronise()
        # Only now: the first run with a shape may compile and allocate, which a recording forbids.
        if is_first and recording is not None:
            recording.graph = self._record(recording.context, batch, in_place)

    def _record(self, context: Any, batch: int, in_place: frozenset[str]) -> Graph | None:  # noqa: ANN401 - TensorRT publishes no types
        """Return the recording of one batch size, None where it cannot be had."""
        if self._make_graph is None:
            return None
        is_capturable = getattr(context, "is_stream_capturable", None)
        reason: object = "TensorRT-RTX says that this plan cannot be recorded; build it again"
        if is_capturable is None or is_capturable(self._memory.stream):
            try:
                return self._make_graph(self._memory.stream, lambda: self._enqueue(context, batch, in_place))
            except EngineError as error:
                reason = error
        _log.warning("%s runs without CUDA graphs: %s", self._label, reason)
        self._make_graph = None
        return None

    def _enqueue(self, context: Any, batch: int, in_place: frozenset[str]) -> None:  # noqa: ANN401 - TensorRT publishes no types
        """Put one run on the stream; changes nothing of the context, so that it can be recorded."""
        for spec in self._inputs:
            if spec.name not in in_place:
                buffer = self._buffers[spec.name]
                self._memory.upload(buffer.address, buffer.view(batch))
        if not context.execute_async_v3(self._memory.stream):
            raise EngineError(f"{self._name} failed on {self._label}; see the log for its own message")
        for spec in self._outputs:
            buffer = self._buffers[spec.name]
            self._memory.download(buffer.view(batch), buffer.address)


def _require_precision(trt: Any, engine: Any, context: Any, plan: Plan) -> None:  # noqa: ANN401 - TensorRT publishes no types
    """Refuse an engine that is not what it was ordered as: fp32 engines have been shipped in the belief of fp16.

    Raises:
        EngineError: The plan should be fp16 and no layer of it is.
    """
    if plan.record.requested_precision != "fp16":
        return
    types = layer_types(trt, engine, context)
    if not types:
        _log.warning("%s was ordered as fp16, and its inspector names no types; run `nicu-export verify`", plan.path)
    elif "fp16" not in types:
        raise EngineError(
            f"{plan.path} was ordered as fp16, but its layers compute with {', '.join(types)}; {_remedy(plan)}"
        )


def _remedy(plan: Plan) -> str:
    return (
        f"build it again with `nicu-export engine BUNDLE --engine {plan.record.engine} "
        f"--precision {plan.record.requested_precision}`"
    )
