"""The process that builds one engine: `python -m export.engines.worker`.

It reads one JSON line with the order and writes JSON lines: progress, and at last the outcome. TensorRT can end a
process (its libraries do when they meet no GPU where they need one), so the one that people talk to is another.
"""

import importlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from monitor.inference.tensorrt_api import create_context, layer_types

__all__ = ["build"]

_WORKSPACE_BYTES = 2 << 30


def build(order: dict[str, Any], report_progress: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON in, JSON out
    """Build one engine.

    Args:
        order: `module` (tensorrt or tensorrt_rtx), `model` and `plan` (paths), `input`, `shape` (without the batch),
            `profile` (minimum, optimum, maximum batch), `target` (SM86 and the like, or None for the GPU that is here),
            `timing_cache` (path or None) and `inspect` (whether to load the engine on the GPU and read its types).
        report_progress: Called with a JSON record of progress.

    Returns:
        `error` with a sentence, or `version`, `seconds` and `layers` of the engine that was written.
    """
    trt = importlib.import_module(order["module"])
    if order["target"] is not None and order["target"] not in _targets(trt):
        return {"error": f"it builds for {', '.join(_targets(trt)).lower()} only"}
    logger = _logger(trt)
    started = time.monotonic()
    builder = trt.Builder(logger)
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = trt.OnnxParser(network, logger)
    if not parser.parse(Path(order["model"]).read_bytes()):
        return {"error": _parser_errors(parser)}
    config = builder.create_builder_config()
    config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, _WORKSPACE_BYTES)
    config.profiling_verbosity = trt.ProfilingVerbosity.DETAILED
    config.progress_monitor = _progress(trt, report_progress)
    user_allocation = getattr(trt.BuilderFlag, "REQUIRE_USER_ALLOCATION", None)
    if user_allocation is not None:
        # TensorRT-RTX allocates while it runs otherwise, and then no CUDA graph of it can be recorded.
        config.set_flag(user_allocation)
    profile = builder.create_optimization_profile()
    profile.set_shape(order["input"], *((batch, *order["shape"]) for batch in order["profile"]))
    config.add_optimization_profile(profile)
    if order["target"] is not None:
        config.num_compute_capabilities = 1
        config.set_compute_capability(getattr(trt.ComputeCapability, order["target"]), 0)
    cache = None if order["timing_cache"] is None else _timing_cache(config, Path(order["timing_cache"]))
    plan = builder.build_serialized_network(network, config)
    if plan is None:
        return {"error": "; ".join(logger.errors[-3:]) or "the builder gave no reason"}
    Path(order["plan"]).write_bytes(bytes(plan))
    if cache is not None:
        Path(order["timing_cache"]).write_bytes(bytes(cache.serialize()))
    outcome = {"version": trt.__version__, "seconds": time.monotonic() - started, "layers": network.num_layers}
    if order["inspect"]:
        outcome["types"] = list(_types(trt, logger, bytes(plan), order))
    return outcome


def _types(trt: Any, logger: Any, plan: bytes, order: dict[str, Any]) -> tuple[str, ...]:  # noqa: ANN401 - TensorRT publishes no types
    engine = trt.Runtime(logger).deserialize_cuda_engine(plan)
    if engine is None:
        raise RuntimeError("; ".join(logger.errors[-3:]) or "the GPU refuses the engine that was built on it")
    context = create_context(trt, engine)
    context.set_input_shape(order["input"], (order["profile"][2], *order["shape"]))
    return layer_types(trt, engine, context)


def _targets(trt: Any) -> list[str]:  # noqa: ANN401 - TensorRT publishes no types
    """Return the compute capabilities that engines can be built for without having the GPU."""
    known = getattr(trt, "ComputeCapability", None)
    return sorted(name for name in dir(known) if name.startswith("SM"))


def _timing_cache(config: Any, path: Path) -> Any:  # noqa: ANN401 - TensorRT publishes no types
    stored = path.read_bytes() if path.is_file() else b""
    cache = config.create_timing_cache(stored)
    # A cache of another version or GPU is refused by TensorRT; an empty one is always right.
    if not config.set_timing_cache(cache, ignore_mismatch=False):
        cache = config.create_timing_cache(b"")
        config.set_timing_cache(cache, ignore_mismatch=False)
    return cache


def _parser_errors(parser: Any) -> str:  # noqa: ANN401 - TensorRT publishes no types
    """Return what the parser did not understand, with the node that it met."""
    messages = []
    for index in range(parser.num_errors):
        error = parser.get_error(index)
        node = f"node {error.node_name() or '(no name)'} ({error.node_operator()}): " if error.node_operator() else ""
        messages.append(node + error.desc().strip())
    return "; ".join(messages[:3]) or "the ONNX parser gave no reason"


def _logger(trt: Any) -> Any:  # noqa: ANN401 - TensorRT publishes no types
    """Return a logger that keeps the errors and is silent."""

    class Logger(trt.ILogger):  # type: ignore[misc] # TensorRT publishes no types
        def __init__(self) -> None:
            super().__init__()
            self.errors: list[str] = []

        def log(self, severity: Any, message: str) -> None:  # noqa: ANN401
            if severity in {trt.ILogger.Severity.INTERNAL_ERROR, trt.ILogger.Severity.ERROR}:
                self.errors.append(message)

    return Logger()


def _progress(trt: Any, report_progress: Any) -> Any:  # noqa: ANN401 - TensorRT publishes no types
    """Return a monitor that reports the outermost phase of the build."""

    class Progress(trt.IProgressMonitor):  # type: ignore[misc] # TensorRT publishes no types
        def __init__(self) -> None:
            super().__init__()
            self._steps: dict[str, int] = {}

        def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
            if parent_phase is None:
                self._steps[phase_name] = num_steps

        def step_complete(self, phase_name: str, step: int) -> bool:
            if phase_name in self._steps:
                report_progress({"phase": phase_name, "step": step + 1, "steps": self._steps[phase_name]})
            return True

        def phase_finish(self, phase_name: str) -> None:
            self._steps.pop(phase_name, None)

    return Progress()


def _main() -> None:
    # TensorRT's libraries print to standard output as they like; the answers have a pipe of their own from here on.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def report_progress(record: dict[str, Any]) -> None:
        answers.write(json.dumps(record) + "\n")
        answers.flush()

    try:
        order = json.loads(sys.stdin.readline())
    except json.JSONDecodeError:
        sys.exit("this is a part of `nicu-export engine`, which writes a JSON object on its standard input")
    try:
        outcome = build(order, report_progress)
    except Exception as error:  # noqa: BLE001 - the parent process informs the user; nothing may be lost on the way
        outcome = {"error": f"{type(error).__name__}: {error}"}
    report_progress({"outcome": outcome})


if __name__ == "__main__":
    _main()
