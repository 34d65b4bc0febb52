"""TensorRT plans: where they are stored, what is known of each, and which one fits this machine.

A plan is a plain file in a directory beside the bundle, named by the ONNX file's hash, the engine, its version and the
compute capability of the GPU. Its side-car (the same name with .json) records what it was built from and for. TensorRT
runs code that is in a plan, and crashes on a plan of another version, so a plan is loaded only when its side-car fits
this machine and its hash is right.
"""

import hashlib
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from monitor.errors import EngineError
from monitor.inference.bundle import Bundle
from monitor.inference.manifest import EngineName, Precision, Variant

__all__ = [
    "Plan",
    "PlanKey",
    "PlanRecord",
    "find_plan",
    "note_parity",
    "plan_directory",
    "plan_key",
    "read_plan",
    "write_plan",
]

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class PlanRecord(BaseModel):
    """The side-car of a plan."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    schema_: Literal["nicu-pain-monitor/plan/1"] = Field(default="nicu-pain-monitor/plan/1", alias="schema")
    onnx_file: str
    onnx_sha256: Sha256
    engine: EngineName
    engine_version: str
    compute_capability: str = Field(description="Of the GPU that it is for, like 8.6.")
    gpu_name: str | None = Field(default=None, description="Of the GPU that it was built on; None without one.")
    driver_version: str | None = None
    requested_precision: Precision
    measured_precision: str = Field(
        default="not inspected",
        description="Types of the engine's layers as its inspector reports them, where a GPU was there.",
    )
    profile: tuple[int, int, int] = Field(description="Smallest, best and largest batch.")
    build_seconds: float
    parity: str = Field(default="not run", description="Outcome of `nicu-export verify` with this plan.")
    plan_sha256: Sha256
    plan_bytes: int


@dataclass(frozen=True, slots=True)
class PlanKey:
    """What a plan must be made for to be used.

    Attributes:
        onnx_sha256: Hash of the model file.
        engine: `tensorrt` or `tensorrt-rtx`.
        engine_version: As its module reports it.
        compute_capability: Of the GPU, like 8.6.
        command: What a person runs to build such a plan, for refusals.
    """

    onnx_sha256: str
    engine: EngineName
    engine_version: str
    compute_capability: str
    command: str = "nicu-export engine BUNDLE"

    @property
    def file_name(self) -> str:
        """The plan's name in its directory."""
        capability = self.compute_capability.replace(".", "")
        return f"{self.onnx_sha256[:16]}-{self.engine}-{self.engine_version}-sm{capability}.plan"


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan that was read and checked.

    Attributes:
        path: Where it is.
        record: What is known of it.
        content: Its bytes.
    """

    path: Path
    record: PlanRecord
    content: bytes


def plan_directory(bundle: Bundle) -> Path:
    """Return the directory beside a bundle that its plans are stored in."""
    return bundle.path.with_name(f"{bundle.path.name}.engines")


def plan_key(bundle: Bundle, variant: Variant, engine: EngineName, version: str, capability: str) -> PlanKey:
    """Return what a plan of one model file must be made for."""
    command = f"nicu-export engine {shlex.quote(str(bundle.path))} --engine {engine} --precision {variant.precision}"
    return PlanKey(bundle.manifest.files[variant.file].sha256, engine, version, capability, command)


def write_plan(directory: Path, record: PlanRecord, content: bytes) -> Path:
    """Write a plan and its side-car, and return the plan's path.

    Raises:
        EngineError: The directory cannot be written to.
    """
    key = PlanKey(record.onnx_sha256, record.engine, record.engine_version, record.compute_capability)
    path = directory / key.file_name
    try:
        directory.mkdir(parents=True, exist_ok=True)
        # The side-car comes last: a plan without one is not loaded.
        _replace(path, content)
        _replace(_side_car(path), _as_json(record))
    except OSError as error:
        raise EngineError(f"the engine cannot be written to {directory}: {error.strerror}") from error
    return path


def note_parity(path: Path, parity: str) -> bool:
    """Write into a plan's side-car what `nicu-export verify` found with it.

    Args:
        path: Of the plan.
        parity: The outcome, in words.

    Returns:
        Whether there was a side-car to write to.

    Raises:
        EngineError: The side-car describes no plan, or cannot be written.
    """
    side_car = _side_car(path)
    if not side_car.is_file():
        return False
    try:
        record = PlanRecord.model_validate_json(side_car.read_bytes())
        _replace(side_car, _as_json(record.model_copy(update={"parity": parity})))
    except ValidationError as error:
        raise EngineError(
            f"{side_car} does not describe a plan; `nicu-export engine BUNDLE` writes a new one"
        ) from error
    except OSError as error:
        raise EngineError(f"{side_car} cannot be written: {error.strerror}") from error
    return True


def find_plan(directory: Path, key: PlanKey) -> Plan:
    """Return the plan that fits.

    Raises:
        EngineError: There is none, it was made for something else, or it is not the file that its side-car describes;
            the sentence names which, and which command builds a fitting one.
    """
    path = directory / key.file_name
    if not path.is_file():
        others = sorted(other.name for other in directory.glob(f"*-{key.engine}-*.plan")) if directory.is_dir() else []
        have = f"; there are plans for other models, versions or GPUs: {', '.join(others)}" if others else ""
        raise EngineError(
            f"there is no {key.engine} {key.engine_version} plan for compute capability {key.compute_capability} in "
            f"{directory}{have}; {_remedy(key)}"
        )
    return read_plan(path, key)


def read_plan(path: Path, key: PlanKey) -> Plan:
    """Read one plan and refuse it unless it was made for `key`.

    Raises:
        EngineError: As for `find_plan`.
    """
    try:
        record = PlanRecord.model_validate_json(_side_car(path).read_bytes())
        content = path.read_bytes()
    except OSError as error:
        raise EngineError(f"{error.filename} cannot be read ({error.strerror}); {_remedy(key)}") from error
    except ValidationError as error:
        raise EngineError(f"{_side_car(path)} does not describe a plan; {_remedy(key)}") from error
    built_for = PlanKey(record.onnx_sha256, record.engine, record.engine_version, record.compute_capability)
    for what, is_one, wanted in (
        ("another model file", built_for.onnx_sha256, key.onnx_sha256),
        (f"{built_for.engine}", built_for.engine, key.engine),
        (f"{built_for.engine} {built_for.engine_version}", built_for.engine_version, key.engine_version),
        (f"compute capability {built_for.compute_capability}", built_for.compute_capability, key.compute_capability),
    ):
        if is_one != wanted:
            raise EngineError(
                f"{path} was built for {what}, here is needed {wanted}; it was not loaded; {_remedy(key)}"
            )
    if hashlib.sha256(content).hexdigest() != record.plan_sha256:
        raise EngineError(
            f"{path} is not the file that was built (its SHA-256 differs from its side-car, {len(content)} bytes "
            f"instead of {record.plan_bytes}); it was not loaded; {_remedy(key)}"
        )
    return Plan(path, record, content)


def _as_json(record: PlanRecord) -> bytes:
    return (record.model_dump_json(by_alias=True, indent=2) + "\n").encode()


def _replace(target: Path, content: bytes) -> None:
    """Write a file so that a reader meets the old content or the new one."""
    part = target.with_name(target.name + ".part")
    part.write_bytes(content)
    part.replace(target)


def _side_car(path: Path) -> Path:
    return path.with_suffix(".json")


def _remedy(key: PlanKey) -> str:
    return f"build one with `{key.command}`"
