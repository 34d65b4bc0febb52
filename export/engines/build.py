"""Builds TensorRT engines for the model files of a bundle, each in a process of its own."""

import hashlib
import importlib.metadata
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monitor.errors import EngineError
from monitor.inference.bundle import Bundle
from monitor.inference.manifest import EngineName, Variant
from monitor.inference.plans import PlanRecord, plan_directory, write_plan

__all__ = ["DEFAULT_PROFILE", "Target", "build_engine", "parse_target"]

DEFAULT_PROFILE = (1, 1, 8)
_MODULES = {"tensorrt": "tensorrt", "tensorrt-rtx": "tensorrt_rtx"}
_DISTRIBUTIONS = {"tensorrt": "tensorrt", "tensorrt-rtx": "tensorrt_rtx"}


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
    return directory / f"timing-{importlib.metadata.version(_DISTRIBUTIONS['tensorrt'])}-{target}.cache"


def _run_worker(order: dict[str, Any], label: str, progress: Callable[[str], None]) -> dict[str, Any]:
    """Run the building process and return its outcome; its death is an outcome too."""
    command = [sys.executable, "-W", "ignore", "-m", "export.engines.worker"]
    with subprocess.Popen(  # noqa: S603 - this program's own module
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        order_pipe, answer_pipe = process.stdin, process.stdout
        if order_pipe is None or answer_pipe is None:
            raise EngineError("the building process has no pipes")
        order_pipe.write(json.dumps(order) + "\n")
        order_pipe.close()
        outcome: dict[str, Any] | None = None
        for line in answer_pipe:
            record = json.loads(line)
            if "outcome" in record:
                outcome = record["outcome"]
            else:
                progress(f"{label}: {record['phase']}, step {record['step']} of {record['steps']}")
        last = process.stderr.read().strip().splitlines()[-1:] if process.stderr is not None else []
    if outcome is None:
        reason = last[0] if last else "it said nothing"
        return {"error": f"the building process ended with code {process.returncode} ({reason})"}
    return outcome
