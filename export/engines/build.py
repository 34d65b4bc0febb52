"""Builds TensorRT engines for the model files of a bundle, each in a process of its own."""

import hashlib
import json
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from monitor.errors import EngineError
from monitor.inference.bundle import Bundle
from monitor.inference.manifest import EngineName, Variant
from monitor.inference.plans import PlanRecord, plan_directory, write_plan

__all__ = ["DEFAULT_PROFILE", "Target", "build_engine", "parse_target"]

DEFAULT_PROFILE = (1, 4, 16)
"""The batches that a station runs on a GPU, by default."""
_MODULES = {"tensorrt": "tensorrt", "tensorrt-rtx": "tensorrt_rtx"}
_LIMIT_SECONDS = 3600.0
"""A build takes seconds with TensorRT-RTX, minutes with TensorRT; one that takes an hour hangs."""
_LAST_LINES = 50
_LINE_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Target:
    """The GPU that an engine is for.

    Attributes:
        major: Of the compute capability.
        minor: Of the compute capability.
        is_here: Whether it is the GPU of this machine; otherwise the engine is built for it without having it.
        gpu_name: Where it is here.
        driver_version: Where it is here.
    """

    major: int
    minor: int
    is_here: bool = False
    gpu_name: str | None = None
    driver_version: str | None = None

    @property
    def capability(self) -> str:
        """The compute capability, like 8.6."""
        return f"{self.major}.{self.minor}"

    def __str__(self) -> str:
        """Return the name that NVIDIA's tools use, like sm86."""
        return f"sm{self.major}{self.minor}"


def parse_target(text: str) -> Target:
    """Return the target that a name like sm86 means.

    Raises:
        EngineError: It is no such name.
    """
    digits = text.strip().lower().removeprefix("sm")
    if not (text.strip().lower().startswith("sm") and digits.isdigit() and 2 <= len(digits) <= 3):
        raise EngineError(f"{text!r} is no compute capability; write it like sm86, sm89 or sm120")
    return Target(int(digits[:-1]), int(digits[-1]))


def build_engine(
    bundle: Bundle,
    variant: Variant,
    engine: EngineName,
    target: Target,
    *,
    profile: tuple[int, int, int] = DEFAULT_PROFILE,
    directory: Path | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Path:
    """Build one engine and write it with its side-car.

    Args:
        bundle: Whose model it is.
        variant: Which model file.
        engine: `tensorrt` or `tensorrt-rtx`.
        target: Which GPU it is for; TensorRT builds for the GPU of this machine only, TensorRT-RTX for others too.
        profile: Smallest, best and largest batch.
        directory: Where plans are stored; beside the bundle when absent.
        progress: Called with one line now and then.

    Returns:
        The plan's path.

    Raises:
        EngineError: It cannot be built; the sentence names the node of the model where there is one to blame.
    """
    if engine == "tensorrt" and not target.is_here:
        raise EngineError(
            "TensorRT builds engines on the GPU that they are for; use --engine tensorrt-rtx, or that GPU"
        )
    target_directory = directory or plan_directory(bundle)
    content = bundle.read(variant.file)
    with tempfile.TemporaryDirectory(prefix="nicu-export-") as scratch:
        model, plan = Path(scratch) / "model.onnx", Path(scratch) / "model.plan"
        model.write_bytes(content)
        order = {
            "module": _MODULES[engine],
            "model": str(model),
            "plan": str(plan),
            "input": bundle.manifest.input.tensor,
            "shape": [variant.size_px, variant.size_px, 3],
            "profile": list(profile),
            "target": None if target.is_here else str(target).upper(),
            "inspect": target.is_here,
            # TensorRT-RTX compiles in seconds and has no use for a timing cache.
            "timing_cache": str(_timing_cache(target_directory, target)) if engine == "tensorrt" else None,
        }
        outcome = _run_worker(order, f"{bundle.name}/{variant.file}", progress)
        if "error" in outcome:
            raise EngineError(
                f"{engine} cannot build {bundle.name}/{variant.file} for {target}: {outcome['error']}; export the "
                f"model again, or choose another engine"
            )
        built = plan.read_bytes()
    record = PlanRecord(
        onnx_file=variant.file,
        onnx_sha256=hashlib.sha256(content).hexdigest(),
        engine=engine,
        engine_version=str(outcome["version"]),
        compute_capability=target.capability,
        gpu_name=target.gpu_name,
        driver_version=target.driver_version,
        requested_precision=variant.precision,
        measured_precision=", ".join(outcome["types"]) if outcome.get("types") else "not inspected",
        profile=profile,
        build_seconds=round(float(outcome["seconds"]), 3),
        plan_sha256=hashlib.sha256(built).hexdigest(),
        plan_bytes=len(built),
    )
    return write_plan(target_directory, record, built)


def _timing_cache(directory: Path, target: Target) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    return directory / f"timing-{target}.cache"  # what another version left there is refused, and replaced


def _run_worker(order: dict[str, Any], label: str, progress: Callable[[str], None]) -> dict[str, Any]:
    """Run the building process and return its outcome; its death is an outcome too, and so is taking too long."""
    command = [sys.executable, "-W", "ignore", "-m", "export.engines.worker"]
    # Bytes, and errors unbuffered: a library may write anything, and more than a pipe holds.
    with subprocess.Popen(  # noqa: S603 - this program's own module
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        order_pipe, answer_pipe, error_pipe = process.stdin, process.stdout, process.stderr
        if order_pipe is None or answer_pipe is None or error_pipe is None:
            raise EngineError("the building process has no pipes")
        last: deque[bytes] = deque(maxlen=_LAST_LINES)
        reader = threading.Thread(target=lambda: last.extend(_lines(error_pipe)), name="builder's errors", daemon=True)
        is_late = threading.Event()

        def end() -> None:
            is_late.set()
            process.kill()

        limit = threading.Timer(_LIMIT_SECONDS, end)
        reader.start()
        limit.start()
        try:
            outcome = _answers(order, order_pipe, answer_pipe, lambda step: progress(f"{label}: {step}"))
        except BaseException:
            process.kill()
            raise
        finally:
            limit.cancel()
        process.wait()
        reader.join()
    if outcome is None:
        spoken = [line.decode(errors="replace").strip() for line in last if line.strip()]
        reason = spoken[-1] if spoken else "it said nothing"
        if is_late.is_set():
            reason = f"it took longer than {_LIMIT_SECONDS:.0f} s; its last words: {reason}"
        return {"error": f"the building process ended with code {process.returncode} ({reason})"}
    return outcome


def _answers(
    order: dict[str, Any], order_pipe: IO[bytes], answer_pipe: IO[bytes], progress: Callable[[str], None]
) -> dict[str, Any] | None:
    """Give the order, report progress, and return the outcome; None where the process ended without one."""
    with suppress(BrokenPipeError):  # it died at once; its code and its words say why
        order_pipe.write(json.dumps(order).encode() + b"\n")
        order_pipe.close()
    outcome: dict[str, Any] | None = None
    for line in _lines(answer_pipe):
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if "outcome" in record:
            outcome = record["outcome"]
        else:
            progress(f"{record['phase']}, step {record['step']} of {record['steps']}")
    return outcome


def _lines(pipe: IO[bytes]) -> Iterator[bytes]:
    """Yield the lines of a pipe until its end; a longer one comes in pieces, so that memory stays bounded."""
    while line := pipe.readline(_LINE_BYTES):
        yield line
