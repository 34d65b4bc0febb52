"""ONNX Runtime on the CPU: the engine that runs everywhere and that the others are compared with; and on a GPU.

One session runs on one thread, and never spins while it waits: a station runs one session per core, and on shared
cores several intra-op threads or spinning ones slow each other down (measured: batching gains nothing either).

Where ONNX Runtime cannot use a GPU it runs on the CPU and says so in its log at most. A session that was asked for on a
GPU and is not there is refused. TF32 is off: it is another precision, which no gate of a bundle has seen.
"""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from monitor.errors import EngineError
from monitor.inference.engine import TensorSpec
from monitor.inference.lazy_rows import LazyRows, Rows, as_array, as_arrays
from monitor.inference.tensors import check_inputs, first_line

__all__ = ["Device", "OnnxRuntimeEngine"]

Device = Literal["cpu", "cuda"]

_DTYPES: dict[str, np.dtype[Any]] = {
    "tensor(uint8)": np.dtype(np.uint8),
    "tensor(float)": np.dtype(np.float32),
    "tensor(float16)": np.dtype(np.float16),
    "tensor(int64)": np.dtype(np.int64),
    "tensor(int32)": np.dtype(np.int32),
}
_CUDA = "CUDAExecutionProvider"
_CPU = "CPUExecutionProvider"
_CUDA_OPTIONS = {
    "device_id": "0",
    "use_tf32": "0",
    # The default, an exhaustive search, takes seconds for every new batch size.
    "cudnn_conv_algo_search": "HEURISTIC",
    "arena_extend_strategy": "kSameAsRequested",
}
# Shapes are computed on the CPU with either.
_PROVIDERS: dict[str, list[Any]] = {"cpu": [_CPU], "cuda": [(_CUDA, _CUDA_OPTIONS), _CPU]}


def _require_cuda_build() -> None:
    """Load the libraries of CUDA that lie beside ONNX Runtime, and refuse a build without a GPU's provider."""
    if _CUDA not in onnxruntime.get_available_providers():
        raise EngineError(
            f"ONNX Runtime {onnxruntime.__version__} is the build for CPUs; pip uninstall onnxruntime, then pip "
            "install --force-reinstall --no-deps onnxruntime-gpu"
        )
    preload = getattr(onnxruntime, "preload_dlls", None)
    if preload is not None:
        preload()


def _require_cuda_session(session: Any, label: str) -> None:  # noqa: ANN401 - ONNX Runtime publishes no types
    """Refuse a session that landed on the CPU, and forbid it to go there after an error."""
    (first, *_) = session.get_providers()
    if first != _CUDA:
        raise EngineError(
            f"ONNX Runtime {onnxruntime.__version__} runs {label} on the CPU, not on the GPU: a library of CUDA or "
            "cuDNN is missing, or of another version than it was built for; see `nicu-monitor doctor`"
        )
    session.disable_fallback()


class OnnxRuntimeEngine:
    """A model run by ONNX Runtime.

    Args:
        model: The content of an ONNX file with its weights inside.
        label: What to call it in errors: the file's name.
        threads: Threads within one operator on the CPU; 1 unless a benchmark asks for more.
        device: `cpu`, or `cuda` for the first GPU.

    Raises:
        EngineError: It is no ONNX model, is cut short, or uses an operator that ONNX Runtime does not have; or it does
            not run on the device.
    """

    def __init__(self, model: bytes, *, label: str = "the model", threads: int = 1, device: Device = "cpu") -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.add_session_config_entry("session.inter_op.allow_spinning", "0")
        options.log_severity_level = 3
        self._label = label
        self._device: Device = device
        if device == "cuda":
            _require_cuda_build()
        try:
            session = onnxruntime.InferenceSession(model, options, providers=_PROVIDERS[device])
        except Exception as error:  # ONNX Runtime's exceptions share no base class but Exception
            raise EngineError(
                f"ONNX Runtime {onnxruntime.__version__} cannot load {label}: {first_line(error)}; "
                f"export the model again"
            ) from error
        if device == "cuda":
            _require_cuda_session(session, label)
        self._session: onnxruntime.InferenceSession | None = session
        self._inputs = tuple(_spec(node) for node in session.get_inputs())
        self._outputs = tuple(_spec(node) for node in session.get_outputs())
        # Memory of the device for inputs that are cut there: each as large as its largest batch was.
        self._places: dict[str, Any] = {}

    @property
    def name(self) -> str:
        """Return `onnxruntime` or `onnxruntime-cuda`."""
        return "onnxruntime" if self._device == "cpu" else "onnxruntime-cuda"

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
        if self._session is None:
            raise EngineError(f"{self._label} was closed and cannot be run")
        check_inputs(self._label, self._inputs, inputs)
        names = [spec.name for spec in self._outputs]
        try:
            if any(isinstance(rows, LazyRows) and rows.cutter.device == self._device for rows in inputs.values()):
                results = self._run_in_place(self._session, inputs, names)
            else:
                results = self._session.run(names, as_arrays(inputs))
        except Exception as error:
            raise EngineError(f"ONNX Runtime failed on {self._label}: {first_line(error)}") from error
        return dict(zip(names, results, strict=True))

    def close(self) -> None:
        """Free the session."""
        self._session = None
        self._places.clear()

    def _run_in_place(self, session: Any, inputs: Mapping[str, Rows], names: list[str]) -> list[NDArray[Any]]:  # noqa: ANN401 - ONNX Runtime publishes no types
        """Run with inputs that are cut on the session's own device, as far as they can be."""
        binding = session.io_binding()
        on_host = {}  # held until the end of the run, which reads them
        for name, rows in inputs.items():
            address = self._cut(name, rows) if isinstance(rows, LazyRows) else None
            if address is None:
                on_host[name] = as_array(rows)
                binding.bind_cpu_input(name, on_host[name])
            else:
                binding.bind_input(name, self._device, 0, np.uint8, rows.shape, address)
        for name in names:
            binding.bind_output(name)
        session.run_with_iobinding(binding)
        results: list[NDArray[Any]] = binding.copy_outputs_to_cpu()
        return results

    def _cut(self, name: str, rows: LazyRows) -> int | None:
        """Return where rows lie on the session's device once they are cut; None where the processor must cut them."""
        place = self._places.get(name)
        if place is None or place.shape()[0] < len(rows):
            place = onnxruntime.OrtValue.ortvalue_from_shape_and_type(rows.shape, np.uint8, self._device, 0)
            self._places[name] = place
        address = int(place.data_ptr())
        return address if rows.write(address) else None


def _spec(node: Any) -> TensorSpec:  # noqa: ANN401 - ONNX Runtime publishes no types
    if node.type not in _DTYPES:
        raise EngineError(f"tensor {node.name} has the type {node.type}, which this program does not handle")
    shape = tuple(size if isinstance(size, int) else None for size in node.shape)
    return TensorSpec(node.name, shape, _DTYPES[node.type])
