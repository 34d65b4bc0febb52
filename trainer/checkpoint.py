"""A trained model as one file: the weights, and everything that is needed to run and to assess them.

The file (`model.pt`) is written by `nicu-trainer` and read by `nicu-export`. It holds tensors and plain values only and
is read without running any code from it. Version 1 of the record is `ModelRecord`.
"""

import hashlib
import importlib.metadata
import json
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from monitor.inference.manifest import Generation, Metric
from trainer.card import CardFacts
from trainer.data import ImageRecord
from trainer.data.subjects import name_key
from trainer.errors import CheckpointError
from trainer.networks import Architecture, InputContract
from trainer.training.storage import read_checkpoint, write_checkpoint

if TYPE_CHECKING:
    from trainer.networks import PainNetwork

__all__ = [
    "DEFAULT_LICENCE",
    "MODEL_NAME",
    "SCHEMA",
    "LearntFrom",
    "ModelRecord",
    "Provenance",
    "TrainedModel",
    "bare_name",
    "find_model",
    "git_commit",
    "name_hash",
    "read_model",
    "write_model",
]

DEFAULT_LICENCE = "not stated; the pictures' owners decide"
SCHEMA = "nicu-pain-monitor/checkpoint/1"
MODEL_NAME = "model.pt"
_RECORDED_PACKAGES = ("nicu-pain-monitor", "torch", "numpy", "opencv-python-headless")

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, protected_namespaces=())


class Provenance(_Part):
    """Where the weights come from.

    `git_commit` and `versions` describe the program that trained.
    """

    source: str = Field(description="What it was trained on, in words.")
    licence: str = Field(description="Licence of the weights.")
    data_manifest_sha256: Sha256 | None = None
    fold_map_sha256: Sha256 | None = None
    git_commit: str | None = None
    versions: dict[str, str] = Field(default_factory=dict)

    def completed(self) -> "Provenance":
        """Return a copy that names this program's commit and the versions of what it computes with."""
        versions = {name: importlib.metadata.version(name) for name in _RECORDED_PACKAGES}
        return self.model_copy(update={"git_commit": git_commit(), "versions": versions})


class LearntFrom(_Part):
    """Which pictures and subjects a model learnt from, stopped or was calibrated on, so that a test can find them.

    Files and names are hashed: the model does not say who they are, only whether it has seen them. A perceptual hash
    holds the signs of 320 low frequencies of a picture, by which a copy in another format is found.
    """

    pictures: tuple[Sha256, ...] = Field(description="SHA-256 of the files.")
    subjects: tuple[Sha256, ...] = Field(description="SHA-256 of the subjects' names in the manifest.")
    bare_names: tuple[Sha256, ...] | None = Field(
        default=None, description="Likewise without the data set. Absent in models of earlier versions."
    )
    name_keys: tuple[Sha256, ...] | None = Field(
        default=None, description="Likewise, equal for spellings of one name. Absent in models of earlier versions."
    )
    perceptual_hashes: tuple[str, ...] | None = Field(
        default=None, description="Of the pictures. Absent in models of earlier versions."
    )

    @classmethod
    def of(cls, records: Iterable[ImageRecord]) -> "LearntFrom":
        """Return what a model has seen that learnt from these pictures."""
        seen = list(records)
        names = {record.subject for record in seen}
        return cls(
            pictures=tuple(sorted({record.sha256 for record in seen})),
            subjects=tuple(sorted({name_hash(name) for name in names})),
            bare_names=tuple(sorted({name_hash(bare_name(name)) for name in names})),
            name_keys=tuple(sorted({name_hash(name_key(name)) for name in names})),
            perceptual_hashes=tuple(sorted({record.perceptual_hash for record in seen})),
        )


def name_hash(subject: str) -> str:
    """Return the SHA-256 by which a model knows a subject's name."""
    return hashlib.sha256(subject.encode()).hexdigest()


def bare_name(subject: str) -> str:
    """Return a subject's name as its table has it, without the data set, by which a manifest tells tables apart."""
    return subject.partition("/")[2] or subject


class ModelRecord(_Part):
    """Everything about a trained model but its weights."""

    schema_: Literal["nicu-pain-monitor/checkpoint/1"] = Field(default="nicu-pain-monitor/checkpoint/1", alias="schema")
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$")
    architecture: str = Field(description="Name in the registry of networks.")
    network_settings: dict[str, Any] = Field(default_factory=dict, description="As the architecture wants them.")
    contract: InputContract
    temperature: float = Field(gt=0.0, description="The logit is divided by this to become calibrated.")
    training_prior: float = Field(
        gt=0.0,
        lt=1.0,
        description="Share of pain that the probabilities hold for: of the training pictures, or a half where the loss "
        "weighed the classes as if equally frequent.",
    )
    decision_threshold: float = Field(default=0.5, ge=0.0, le=1.0, description="On the calibrated probability.")
    generation: Generation
    intended_use: str
    metrics: tuple[Metric, ...] = ()
    provenance: Provenance
    card: CardFacts = CardFacts()
    positive: str = Field(default="pain", description="What the positive class was called in the training labels.")
    subjects_are_known: bool = Field(default=True, description="Whether every training picture said whose face it is.")
    learnt_from: LearntFrom | None = Field(default=None, description="Absent in models of earlier versions.")


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """A trained network, on the CPU and in evaluation mode, with its record.

    Attributes:
        record: What it is.
        network: Gives uncalibrated logits; divide by `record.temperature`.
        sha256: Of the file that it was read from.
    """

    record: ModelRecord
    network: "PainNetwork"
    sha256: str


def write_model(path: Path, record: ModelRecord, network: "PainNetwork") -> None:
    """Write a trained model, atomically.

    Raises:
        CheckpointError: The file cannot be written; an older one is intact.
    """
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    write_checkpoint(path, {"record": record.model_dump_json(by_alias=True), "state_dict": state})


def find_model(run: Path) -> Path:
    """Return the model file of a run's folder, or the file itself.

    Raises:
        CheckpointError: There is none.
    """
    path = run / MODEL_NAME if run.is_dir() else run
    if not path.is_file():
        raise CheckpointError(f"there is no trained model {path}; `nicu-trainer fit` writes one")
    return path


def read_model(run: Path) -> TrainedModel:
    """Read a trained model.

    Args:
        run: A run's folder, or the file `model.pt`.

    Raises:
        CheckpointError: It is missing, damaged, of another schema, or its weights do not fit its architecture.
        SettingsError: The architecture or one of its settings is unknown here.
    """
    from trainer.networks import architectures

    path = find_model(run)
    content = read_checkpoint(path)
    record = _record(path, content.get("record"))
    architecture: Architecture = architectures()[record.architecture]
    network = architecture.create(record.network_settings)
    try:
        network.load_state_dict(content["state_dict"])
    except (KeyError, RuntimeError, TypeError) as error:
        raise CheckpointError(f"the weights in {path} do not fit the network {record.architecture!r}") from error
    network.eval()
    return TrainedModel(record, network, hashlib.sha256(path.read_bytes()).hexdigest())


def _record(path: Path, text: object) -> ModelRecord:
    try:
        values = json.loads(text) if isinstance(text, str) else None
    except ValueError:
        values = None
    schema = values.get("schema") if isinstance(values, dict) else None
    if schema != SCHEMA:
        raise CheckpointError(
            f"{path} is no trained model of this program (schema {schema!r}, this program reads {SCHEMA!r})"
        )
    try:
        return ModelRecord.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise CheckpointError(f"the record in {path} is wrong at {where!r}: {first['msg']}") from error


def git_commit() -> str | None:
    """Return the commit of the working copy that this program runs from; None where it was installed otherwise."""
    try:
        done = subprocess.run(
            ["git", "rev-parse", "HEAD"],  # noqa: S607 - whichever git the user has
            cwd=Path(__file__).parent,
            check=True,
            capture_output=True,
            text=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None
