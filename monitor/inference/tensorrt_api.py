"""What TensorRT's versions do differently: import, execution contexts with memory of our own, the inspector's answers.

One code path serves TensorRT 8.6 (measurements only), 10.13 to 11 and TensorRT-RTX; what differs is asked of the module
and never of its version number.
"""

import importlib
import json
import re
from collections.abc import Iterator
from typing import Any

from monitor.errors import EngineError
from monitor.inference.manifest import EngineName
from monitor.inference.tensors import first_line

__all__ = ["create_context", "layer_types", "load_module", "set_work_memory", "types_in", "work_memory_bytes"]

# The words of every version for one type, as whole words anywhere in a description of a format.
_TYPES = {
    "fp32": r"FP32|Float|Float32",
    "fp16": r"FP16|Half|Float16",
    "bf16": r"BF16|BFloat16",
    "fp8": r"FP8|E4M3",
    "fp4": r"FP4|E2M1",
    "int8": r"Int8",
    "int4": r"Int4",
    "int32": r"Int32",
    "int64": r"Int64",
    "uint8": r"UInt8",
    "bool": r"Bool",
}
_PATTERNS = {name: re.compile(rf"\b(?:{words})\b", re.IGNORECASE) for name, words in _TYPES.items()}


def load_module(name: EngineName) -> Any:  # noqa: ANN401 - TensorRT publishes no types
    """Import TensorRT's or TensorRT-RTX's Python package; only after a GPU was found.

    Raises:
        EngineError: It is installed and cannot be loaded: a library beside it is missing, or of another version.
    """
    module = "tensorrt" if name == "tensorrt" else "tensorrt_rtx"
    try:
        return importlib.import_module(module)
    except (ImportError, OSError, RuntimeError) as error:
        raise EngineError(
            f"{name} is installed and cannot be loaded ({first_line(error)}); install it again with the libraries "
            f"that it needs, or choose another engine"
        ) from error


def types_in(description: str) -> tuple[str, ...]:
    """Return the data types that a description of a tensor's format names, sorted.

    Args:
        description: As an inspector writes it: `Row major linear FP16 format (kLINEAR)`, `Half`,
            `Channel major FP16 format where channel % 8 == 0`, `N/A due to dynamic shapes`.
    """
    return tuple(sorted(name for name, pattern in _PATTERNS.items() if pattern.search(description)))


def layer_types(trt: Any, engine: Any, context: Any = None) -> tuple[str, ...]:  # noqa: ANN401 - TensorRT publishes no types
    """Return the data types that an engine's layers really give, as its inspector reports them, sorted.

    Args:
        trt: TensorRT's module.
        engine: The engine.
        context: With its input shapes set: without one, formats of engines with dynamic shapes are `N/A`.

    Returns:
        Like `("fp16", "fp32")`; empty where the inspector names layers but no types.

    Raises:
        EngineError: There is no inspector, or its answer is no report.
    """
    inspector = engine.create_engine_inspector()
    if inspector is None:
        raise EngineError("TensorRT gives no inspector for this engine; build it again")
    if context is not None:
        inspector.execution_context = context
    answer = inspector.get_engine_information(trt.LayerInformationFormat.JSON)
    try:
        report = json.loads(answer or "")
    except ValueError as error:
        raise EngineError("TensorRT's inspector says nothing of this engine; build it again") from error
    layers = report.get("Layers") if isinstance(report, dict) else None
    found = {name for layer in layers or () for text in _formats(layer) for name in types_in(text)}
    return tuple(sorted(found))


def _formats(layer: object) -> Iterator[str]:
    """Yield what one layer's record says of the formats of its outputs and of its weights."""
    if not isinstance(layer, dict):
        return
    for tensor in layer.get("Outputs") or ():
        if isinstance(tensor, dict):
            yield from (str(tensor[key]) for key in ("Format/Datatype", "Format", "Datatype") if key in tensor)
    # Where shapes are dynamic, TensorRT 8.6 names no format at all; the weights' type says how the layer computes.
    weights = layer.get("Weights")
    if isinstance(weights, dict):
        yield str(weights.get("Type", ""))


def create_context(trt: Any, engine: Any) -> Any:  # noqa: ANN401 - TensorRT publishes no types
    """Return an execution context without work memory of its own; give it some with `set_work_memory`.

    TensorRT-RTX records CUDA graphs only where it allocates nothing while it runs, and where the kernels do not change
    any more: its kernels for a shape are compiled at the first run with it.

    Raises:
        EngineError: TensorRT makes none, mostly for want of memory on the GPU.
    """
    strategies = getattr(trt, "ExecutionContextAllocationStrategy", None)
    if strategies is None:
        context = engine.create_execution_context_without_device_memory()
    elif (specialization := getattr(trt, "DynamicShapesKernelSpecializationStrategy", None)) is not None:
        settings = engine.create_runtime_config()
        settings.set_execution_context_allocation_strategy(strategies.USER_MANAGED)
        settings.dynamic_shapes_kernel_specialization_strategy = specialization.EAGER
        context = engine.create_execution_context(settings)
    else:
        context = engine.create_execution_context(strategies.USER_MANAGED)
    if context is None:
        raise EngineError(
            "TensorRT makes no execution context, mostly for want of memory on the GPU; free some, or run fewer workers"
        )
    return context


def work_memory_bytes(engine: Any) -> int:  # noqa: ANN401 - TensorRT publishes no types
    """Return how much memory on the GPU a context of this engine needs while it runs."""
    size = getattr(engine, "device_memory_size_v2", None)
    return int(engine.device_memory_size if size is None else size)


def set_work_memory(context: Any, address: int, size_bytes: int) -> None:  # noqa: ANN401 - TensorRT publishes no types
    """Give a context the memory that it works in; contexts that never run at the same time may share one."""
    give = getattr(context, "set_device_memory", None)
    if give is None:
        context.device_memory = address
    else:
        give(address, size_bytes)
