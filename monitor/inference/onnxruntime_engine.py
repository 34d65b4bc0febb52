"""ONNX Runtime on the CPU: the engine that runs everywhere and that the others are compared with; and on a GPU.

One session runs on one thread, and never spins while it waits: a station runs one session per core, and on shared
cores several intra-op threads or spinning ones slow each other down (measured: batching gains nothing either).

Where ONNX Runtime cannot use a GPU it runs on the CPU and says so in its log at most. A session that was asked for on a
GPU and is not there is refused. There every batch size has a session of its own: since ONNX Runtime 1.20 a convolution
keeps the plan of one shape only, and makes a new one whenever the batch has another size than the last one had.

TF32 is off: it is another precision, which no gate of a bundle has seen. `use_tf32: 0` takes all tensor cores from
convolutions, those of fp16 too, and is given up without a word where cuDNN has nothing else; NVIDIA's own switch, which
its libraries read when they are loaded, leaves no way around. So the option is for fp32 files alone.
"""

import os
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from monitor.errors import EngineError, EngineInputError
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
    # The default, an exhaustive search, takes seconds for every plan.
    "cudnn_conv_algo_search": "HEURISTIC",
    "arena_extend_strategy": "kSameAsRequested",
}
_MOST_SESSIONS = 8
"""On a GPU, one for each batch size; further sizes share the last, which then plans whenever the size changes."""


def _providers(device: Device, *, is_fp16: bool) -> list[Any]:
    """Return what a session may run on; shapes are computed on the CPU with either."""
    if device == "cpu":
        return [_CPU]
    return [(_CUDA, {**_CUDA_OPTIONS, "use_tf32": "1" if is_fp16 else "0"}), _CPU]


def _require_cuda_build() -> None:
    """Load the libraries of CUDA that lie beside ONNX Runtime, and refuse a build without a GPU's provider."""
    os.environ["NVIDIA_TF32_OVERRIDE"] = "0"
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
        is_fp16: Whether the file computes in fp16, which needs the tensor cores of a GPU.

    Raises:
        EngineError: It is no ONNX model, is cut short, or uses an operator that ONNX Runtime does not have; or it does
            not run on the device.
    """

    def __init__(
        self,
        model: bytes,
        *,
        label: str = "the model",
        threads: int = 1,
        device: Device = "cpu",
        is_fp16: bool = False,
    ) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.add_session_config_entry("session.inter_op.allow_spinning", "0")
        options.log_severity_level = 3
        self._label = label
        self._device: Device = device
        self._options = options
        self._providers = _providers(device, is_fp16=is_fp16)
        if device == "cuda":
            _require_cuda_build()
        session = self._new_session(model)
        self._session: onnxruntime.InferenceSession | None = session
        # On a GPU: the session of each batch size, the first of which is the one above; and what makes further ones.
        self._by_rows: dict[int, onnxruntime.InferenceSession] = {}
        self._model = model if device == "cuda" else b""
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
        session = self._session if self._device == "cpu" else self._session_for(len(next(iter(inputs.values()))))
        try:
            if any(isinstance(rows, LazyRows) and rows.cutter.device == self._device for rows in inputs.values()):
                results = self._run_in_place(session, inputs, names)
            else:
                results = session.run(names, as_arrays(inputs))
        except EngineInputError:
            raise
        except Exception as error:
            raise EngineError(f"ONNX Runtime failed on {self._label}: {first_line(error)}") from error
        return dict(zip(names, results, strict=True))

    def close(self) -> None:
        """Free the session."""
        self._session = None
        self._by_rows.clear()
        self._places.clear()

    def _new_session(self, model: bytes) -> onnxruntime.InferenceSession:
        try:
            session = onnxruntime.InferenceSession(model, self._options, providers=self._providers)
        except Exception as error:  # ONNX Runtime's exceptions share no base class but Exception
            raise EngineError(
                f"ONNX Runtime {onnxruntime.__version__} cannot load {self._label}: {first_line(error)}; "
                f"export the model again"
            ) from error
        if self._device == "cuda":
            _require_cuda_session(session, self._label)
        return session

    def _session_for(self, rows: int) -> onnxruntime.InferenceSession:
        """Return the session of one batch size."""
        session = self._by_rows.get(rows)
        if session is None:
            if not self._by_rows:
                session = self._session
            elif len(self._by_rows) < _MOST_SESSIONS:
                session = self._new_session(self._model)
            else:
                return list(self._by_rows.values())[-1]
            self._by_rows[rows] = session
        return session

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
