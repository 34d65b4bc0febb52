"""Opens the engine that runs a bundle's model."""

from typing import Literal

from monitor.errors import EngineError
from monitor.inference.bundle import Bundle
from monitor.inference.engine import Engine
from monitor.inference.manifest import Precision

__all__ = ["EngineChoice", "open_engine"]

EngineChoice = Literal["auto", "onnxruntime", "openvino", "tensorrt", "tensorrt-rtx"]


def open_engine(
    bundle: Bundle,
    *,
    size_px: int | None = None,
    precision: Precision = "fp32",
    choice: EngineChoice = "auto",
    on_missing: Literal["fall_back", "refuse"] = "fall_back",
    threads: int = 1,
) -> Engine:
    """Return an engine for one model of a bundle. One engine belongs to one thread; open one for each.

    Args:
        bundle: What to run.
        size_px: Side of the square input; None where the bundle has only one.
        precision: Which variant of the model.
        choice: Which implementation, or `auto`.
        on_missing: What to do when the chosen implementation cannot run here: fall back to ONNX Runtime, or refuse.
        threads: Threads within one operator on a CPU.

    Raises:
        BundleError: The bundle has no such model, or it failed its verification.
        EngineError: No allowed engine can run it here.
    """
    variant = bundle.variant(size_px=size_px, precision=precision)
    if choice not in {"auto", "onnxruntime"} and on_missing == "refuse":
        raise EngineError(f"the engine {choice} cannot run here; choose another one")
    from monitor.inference.onnxruntime_engine import OnnxRuntimeEngine

    return OnnxRuntimeEngine(bundle.read(variant.file), label=f"{bundle.name}/{variant.file}", threads=threads)
