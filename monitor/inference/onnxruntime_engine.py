"""ONNX Runtime on the CPU: the engine that runs everywhere and that the others are compared with.

One session runs on one thread, and never spins while it waits: a station runs one session per core, and on shared
cores several intra-op threads or spinning ones slow each other down (measured: batching gains nothing either).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from monitor.errors import EngineError
from monitor.inference.engine import TensorSpec
from monitor.inference.tensors import check_inputs, first_line

__all__ = ["OnnxRuntimeEngine"]

_DTYPES: dict[str, np.dtype[Any]] = {
    "tensor(uint8)": np.dtype(np.uint8),
    "tensor(float)": np.dtype(np.float32),
    "tensor(float16)": np.dtype(np.float16),
    "tensor(int64)": np.dtype(np.int64),
    "tensor(int32)": np.dtype(np.int32),
}


class OnnxRuntimeEngine:
    """A model run by ONNX Runtime's CPU provider.

    Args:
        model: The content of an ONNX file with its weights inside.
        label: What to call it in errors: the file's name.
        threads: Threads within one operator; 1 unless a benchmark asks for more.

    Raises:
        EngineError: It is no ONNX model, is cut short, or uses an operator that ONNX Runtime does not have.
    """

    def __init__(self, model: bytes, *, label: str = "the model", threads: int = 1) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.add_session_config_entry("session.inter_op.allow_spinning", "0")
        options.log_severity_level = 3
        self._label = label
        try:
            session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime's exceptions share no base class but Exception
            raise EngineError(
                f"ONNX Runtime {onnxruntime.__version__} cannot load {label}: {first_line(error)}; "
                f"export the model again"
            ) from error
        self._session: onnxruntime.InferenceSession | None = session
        self._inputs = tuple(_spec(node) for node in session.get_inputs())
        self._outputs = tuple(_spec(node) for node in session.get_outputs())

    @property
    def name(self) -> str:
        """Return `onnxruntime`."""
        return "onnxruntime"

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
        if self._session is None:
            raise EngineError(f"{self._label} was closed and cannot be run")
        check_inputs(self._label, self._inputs, inputs)
        names = [spec.name for spec in self._outputs]
        try:
            results = self._session.run(names, dict(inputs))
        except Exception as error:
            raise EngineError(f"ONNX Runtime failed on {self._label}: {first_line(error)}") from error
        return dict(zip(names, results, strict=True))

    def close(self) -> None:
        """Free the session."""
        self._session = None


def _spec(node: Any) -> TensorSpec:  # noqa: ANN401 - ONNX Runtime publishes no types
    if node.type not in _DTYPES:
        raise EngineError(f"tensor {node.name} has the type {node.type}, which this program does not handle")
    shape = tuple(size if isinstance(size, int) else None for size in node.shape)
    return TensorSpec(node.name, shape, _DTYPES[node.type])
