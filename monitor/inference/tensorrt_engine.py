"""TensorRT and TensorRT-RTX behind the engine protocol: one code path for 10.13 to 11.x and RTX.

Buffers are made once, for the largest batch of the plan's profile. The first run of a batch size is launched call by
call; where CUDA graphs can be had, the second one is recorded, and the following ones are launched with one call.
"""

import importlib
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from monitor.errors import EngineError
from monitor.inference.device_memory import DeviceMemory
from monitor.inference.engine import TensorSpec
from monitor.inference.manifest import EngineName
from monitor.inference.plans import Plan
from monitor.inference.tensors import check_inputs

__all__ = ["Graph", "TensorRtEngine", "layer_types", "load_module"]

_log = logging.getLogger(__name__)


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


def load_module(name: EngineName) -> Any:  # noqa: ANN401 - TensorRT publishes no types
    """Import TensorRT's or TensorRT-RTX's Python package; only after a GPU was found."""
    return importlib.import_module("tensorrt" if name == "tensorrt" else "tensorrt_rtx")


def layer_types(trt: Any, engine: Any) -> tuple[str, ...]:  # noqa: ANN401 - TensorRT publishes no types
    """Return the data types that an engine's layers really compute with, as its inspector reports them, sorted."""
    inspector = engine.create_engine_inspector()
    report = json.loads(inspector.get_engine_information(trt.LayerInformationFormat.JSON))
    found = set()
    for layer in report.get("Layers", []):
        if isinstance(layer, dict):
            found |= {str(tensor.get("Format/Datatype", "")).split()[-1] for tensor in layer.get("Outputs", [])}
    return tuple(sorted(found - {""}))


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
        self._memory = memory
        self._make_graph = make_graph
        with memory.entered():
            names, inputs = self._load(plan, trt)
        self._inputs = tuple(self._buffers[name].spec for name in inputs)
        self._outputs = tuple(self._buffers[name].spec for name in names if name not in inputs)
        self._graphs: dict[int, Graph | None] = {}
        self._is_open = True

    @property
    def name(self) -> str:
        """Return `tensorrt` or `tensorrt-rtx`."""
        return self._name

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """The tensors that `run` wants."""
        return self._inputs

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        """The tensors that `run` returns."""
        return self._outputs

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Run the model once; see `Engine.run`."""
        if not self._is_open:
            raise EngineError(f"{self._label} was closed and cannot be run")
        check_inputs(self._label, self._inputs, inputs)
        batch = len(next(iter(inputs.values())))
        if not self._smallest <= batch <= self._largest:
            raise EngineError(
                f"{self._label} was built for batches of {self._smallest} to {self._largest}, got {batch}; give "
                f"smaller batches, or build it with --profile {self._smallest},{self._smallest},{batch}"
            )
        for name, array in inputs.items():
            self._buffers[name].view(batch)[...] = array
        with self._memory.entered():
            self._launch(batch)
            self._memory.synchronise()
        return {spec.name: self._buffers[spec.name].view(batch).copy() for spec in self._outputs}

    def close(self) -> None:
        """Free everything on the GPU; safe to call twice."""
        if not self._is_open:
            return
        self._is_open = False
        with self._memory.entered():
            for graph in self._graphs.values():
                if graph is not None:
                    graph.close()
            # TensorRT's objects go before the memory and the stream that they refer to.
            del self._context, self._engine, self._runtime
        self._memory.close()

    def _load(self, plan: Plan, trt: Any) -> tuple[list[str], list[str]]:  # noqa: ANN401 - TensorRT publishes no types
        """Load the plan and make its buffers; return the names of all tensors, and of the inputs."""
        self._runtime = trt.Runtime(trt.Logger(trt.Logger.ERROR))
        self._engine = self._runtime.deserialize_cuda_engine(plan.content)
        if self._engine is None:
            raise EngineError(f"{self._name} {trt.__version__} refuses {plan.path}; {_remedy(plan)}")
        _require_precision(trt, self._engine, plan)
        self._context = self._engine.create_execution_context()
        self._smallest, _, self._largest = plan.record.profile
        names = [self._engine.get_tensor_name(index) for index in range(self._engine.num_io_tensors)]
        inputs = [name for name in names if self._engine.get_tensor_mode(name) == trt.TensorIOMode.INPUT]
        for name in inputs:
            self._context.set_input_shape(name, (self._largest, *self._engine.get_tensor_shape(name)[1:]))
        self._buffers = {name: self._buffer(trt, name) for name in names}
        return names, inputs

    def _buffer(self, trt: Any, name: str) -> _HostBuffer:  # noqa: ANN401 - TensorRT publishes no types
        shape = tuple(self._context.get_tensor_shape(name))
        dtype = np.dtype(trt.nptype(self._engine.get_tensor_dtype(name)))
        declared = tuple(None if axis == 0 else int(size) for axis, size in enumerate(shape))
        size_bytes = int(np.prod(shape)) * dtype.itemsize
        return _HostBuffer(
            TensorSpec(name, declared, dtype), self._memory.allocate(size_bytes), self._memory.pin(size_bytes)
        )

    def _launch(self, batch: int) -> None:
        """Put one run on the stream: call by call, then recorded, then from the recording."""
        if batch not in self._graphs:
            self._enqueue(batch)
            self._graphs[batch] = None
            return
        graph = self._graphs[batch]
        if graph is None and self._make_graph is not None:
            try:
                graph = self._graphs[batch] = self._make_graph(self._memory.stream, lambda: self._enqueue(batch))
            except EngineError as error:
                _log.warning("%s runs without CUDA graphs: %s", self._label, error)
                self._make_graph = None
        if graph is None:
            self._enqueue(batch)
        else:
            graph.launch()

    def _enqueue(self, batch: int) -> None:
        for spec in self._inputs:
            buffer = self._buffers[spec.name]
            self._context.set_input_shape(spec.name, buffer.view(batch).shape)
            self._memory.upload(buffer.address, buffer.view(batch))
        for name, buffer in self._buffers.items():
            self._context.set_tensor_address(name, buffer.address)
        if not self._context.execute_async_v3(self._memory.stream):
            raise EngineError(f"{self._name} failed on {self._label}; see the log for its own message")
        for spec in self._outputs:
            buffer = self._buffers[spec.name]
            self._memory.download(buffer.view(batch), buffer.address)


def _require_precision(trt: Any, engine: Any, plan: Plan) -> None:  # noqa: ANN401 - TensorRT publishes no types
    """Refuse an engine that is not what it was ordered as: fp32 engines have been shipped in the belief of fp16.

    Raises:
        EngineError: The plan should be fp16 and no layer of it is.
    """
    types = layer_types(trt, engine)
    is_half = any(kind.upper() in {"HALF", "FP16", "FLOAT16"} for kind in types)
    if plan.record.requested_precision == "fp16" and types and not is_half:
        raise EngineError(
            f"{plan.path} was ordered as fp16, but its layers compute with {', '.join(types)}; {_remedy(plan)}"
        )


def _remedy(plan: Plan) -> str:
    return (
        f"build it again with `nicu-export engine BUNDLE --engine {plan.record.engine} "
        f"--precision {plan.record.requested_precision}`"
    )
