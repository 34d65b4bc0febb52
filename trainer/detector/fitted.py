"""A fine-tuned detector as one file, which `nicu-trainer fit-detector` writes and `nicu-export detector` reads.

The file (`detector.pt`) holds tensors and plain values only and is read without running any code from it.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from monitor.inference.manifest import Metric
from trainer.checkpoint import Provenance
from trainer.detector.bundle_weights import BackboneName, PretrainedDetector, empty_network
from trainer.detector.graph import AnchorSpec, Normalisation
from trainer.errors import CheckpointError
from trainer.training.storage import read_checkpoint, write_checkpoint

__all__ = ["DETECTOR_NAME", "DetectorRecord", "FittedDetector", "find_fitted", "read_fitted", "write_fitted"]

DETECTOR_NAME = "detector.pt"


class DetectorRecord(BaseModel):
    """Everything about a fine-tuned detector but its weights."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, populate_by_name=True)

    schema_: Literal["nicu-pain-monitor/fitted-detector/1"] = Field(
        default="nicu-pain-monitor/fitted-detector/1", alias="schema"
    )
    architecture: str = Field(description="Name for people.")
    backbone: BackboneName
    mean: tuple[float, float, float] = Field(description="Per RGB channel.")
    std: tuple[float, float, float] = Field(description="Per RGB channel.")
    colour_order: str = Field(description="Of the channels that the network was trained on.")
    strides_px: tuple[int, ...]
    anchor_sizes_px: tuple[tuple[float, ...], ...]
    variances: tuple[float, float]
    metrics: tuple[Metric, ...] = ()
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class FittedDetector:
    """A fine-tuned detector.

    Attributes:
        record: What it is.
        detector: The network, its input and its anchors.
        sha256: Of the file that it was read from.
    """

    record: DetectorRecord
    detector: PretrainedDetector
    sha256: str


def write_fitted(
    path: Path,
    detector: PretrainedDetector,
    *,
    architecture: str,
    metrics: tuple[Metric, ...],
    provenance: Provenance,
) -> None:
    """Write a fine-tuned detector, atomically.

    Raises:
        CheckpointError: The file cannot be written; an older one is intact.
    """
    normalisation, anchors = detector.normalisation, detector.anchors
    record = DetectorRecord(
        architecture=architecture,
        backbone=detector.backbone,
        mean=normalisation.mean,
        std=normalisation.std,
        colour_order=normalisation.colour_order,
        strides_px=anchors.strides_px,
        anchor_sizes_px=anchors.sizes_px,
        variances=anchors.variances,
        metrics=metrics,
        provenance=provenance,
    )
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in detector.network.state_dict().items()}
    write_checkpoint(path, {"record": record.model_dump_json(by_alias=True), "state_dict": state})


def find_fitted(path: Path) -> Path | None:
    """Return the file of a fine-tuned detector, given it or its folder; None where something else stands there."""
    file = path / DETECTOR_NAME if path.is_dir() else path
    if not file.is_file():
        return None
    try:
        content = read_checkpoint(file)
    except CheckpointError:
        return None
    return file if isinstance(content.get("record"), str) else None


def read_fitted(path: Path) -> FittedDetector:
    """Read a fine-tuned detector; no code in the file is run.

    Raises:
        CheckpointError: It is missing, damaged, or something else than a fine-tuned detector.
    """
    content: dict[str, Any] = read_checkpoint(path)
    try:
        record = DetectorRecord.model_validate_json(str(content.get("record")))
    except ValidationError as error:
        raise CheckpointError(f"{path} is no fine-tuned detector; `nicu-trainer fit-detector` writes one") from error
    network = empty_network(record.backbone)
    try:
        network.load_state_dict(content["state_dict"])
    except (KeyError, RuntimeError, TypeError) as error:
        raise CheckpointError(f"the weights in {path} do not fit the detector's network") from error
    detector = PretrainedDetector(
        network,
        record.backbone,
        Normalisation(record.mean, record.std, record.colour_order),
        AnchorSpec(record.strides_px, record.anchor_sizes_px, record.variances),
    )
    return FittedDetector(record, detector, hashlib.sha256(path.read_bytes()).hexdigest())
