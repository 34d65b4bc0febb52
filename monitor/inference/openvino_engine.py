"""OpenVINO on the CPU (extra `openvino`).

Its default precision on a CPU with AVX512-BF16 is bf16, which is faster and another model; fp32 is asked for, so that
an fp32 bundle means fp32 with every engine. `openvino-bf16` is an engine of its own, with a verification of its own.
"""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import openvino
from numpy.typing import NDArray

from monitor.errors import EngineError
from monitor.inference.engine import TensorSpec
from monitor.inference.lazy_rows import Rows, as_arrays
from monitor.inference.tensors import check_inputs

__all__ = ["OpenVinoEngine"]


class OpenVinoEngine:
    """A model run by OpenVINO's CPU plugin.

    Args:
        model: The content of an ONNX file with its weights inside.
        label: What to call it in errors: the file's name.
        threads: Threads within one operator.
        precision: What it computes in where the file has fp32.

    Raises:
        EngineError: It is no ONNX model, is cut short, or uses an operator that OpenVINO does not have.
    """

    def __init__(
        self, model: bytes, *, label: str = "the model", threads: int = 1, precision: Literal["f32", "bf16"] = "f32"
    ) -> None:
        self._label = label
        self._name = "openvino" if precision == "f32" else f"openvino-{precision}"
        settings = {
            "INFERENCE_PRECISION_HINT": precision,
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": 1,
            # Pinned, every model of a process runs on the same first core, and all workers wait for each other.
            "ENABLE_CPU_PINNING": False,
        }
        try:
            read = openvino.Core().read_model(model)
            # Compiling may give a tensor further names, and the first of them is then not that of the file.
            names = [port.any_name for port in (*read.inputs, *read.outputs)]
            compiled = openvino.Core().compile_model(read, "CPU", settings)
        except RuntimeError as error:
            raise EngineError(
                f"OpenVINO {openvino.__version__} cannot load {label}: {_reason(error)}; export the model again"
            ) from error
        specs = [_spec(name, port) for name, port in zip(names, (*compiled.inputs, *compiled.outputs), strict=True)]
        self._inputs, self._outputs = tuple(specs[: len(read.inputs)]), tuple(specs[len(read.inputs) :])
        self._request: openvino.InferRequest | None = compiled.create_infer_request()

    @property
    def name(self) -> str:
        """Return `openvino` or `openvino-bf16`."""
        return self._name

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
        if self._request is None:
            raise EngineError(f"{self._label} was closed and cannot be run")
        check_inputs(self._label, self._inputs, inputs)
        try:
            results = self._request.infer(as_arrays(inputs))
        except RuntimeError as error:
            raise EngineError(f"OpenVINO failed on {self._label}: {_reason(error)}") from error
        # The request reuses its buffers, and the caller owns what it gets.
        return {spec.name: np.array(results[index]) for index, spec in enumerate(self._outputs)}

    def close(self) -> None:
        """Free the model; safe to call twice."""
        self._request = None


def _spec(name: str, port: Any) -> TensorSpec:  # noqa: ANN401 - OpenVINO publishes no types
    shape = tuple(size.get_length() if size.is_static else None for size in port.partial_shape)
    return TensorSpec(name, shape, np.dtype(port.element_type.to_dtype()))


def _reason(error: RuntimeError) -> str:
    """Return the line of OpenVINO's report that names what is wrong; the first ones name its source files."""
    lines = [line.strip("- .") for line in str(error).splitlines() if line.strip() and "Exception from" not in line]
    relevant = [line for line in lines if "No conversion rule" in line]
    return (relevant or lines[-1:] or ["no reason given"])[0]
