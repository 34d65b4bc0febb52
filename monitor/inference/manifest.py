"""What `bundle.json` records of a model: the versioned schema of a bundle.

A bundle is a directory with a model and everything that is needed to run it. Version 1 of the schema is
`BundleManifest`; configs/schemas/bundle.schema.json is made from it. A program reads the versions that it knows and
refuses the others by name, so that a field can never be misread in silence.
"""

import hashlib
import json
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

__all__ = [
    "MANIFEST_NAME",
    "SCHEMA",
    "BundleInput",
    "BundleManifest",
    "ClassifierContract",
    "CropContract",
    "DetectorContract",
    "EngineName",
    "FileRecord",
    "Generation",
    "Kind",
    "MeshContract",
    "Metric",
    "Outcome",
    "Precision",
    "Provenance",
    "Variant",
]

SCHEMA: Literal["nicu-pain-monitor/bundle/1"] = "nicu-pain-monitor/bundle/1"
MANIFEST_NAME = "bundle.json"

Kind = Literal["detector", "classifier", "mesh"]
Generation = Literal["clinical-research", "demo"]
Precision = Literal["fp32", "fp16", "int8"]
EngineName = Literal["onnxruntime", "onnxruntime-cuda", "openvino", "openvino-bf16", "tensorrt", "tensorrt-rtx"]
Outcome = Literal["passed", "failed"]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Triple = tuple[float, float, float]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, protected_namespaces=())


class FileRecord(_Part):
    """One file of the bundle."""

    sha256: Sha256
    bytes: int = Field(ge=0)


class Variant(_Part):
    """One runnable model file: the same network at one input size in one precision."""

    file: str = Field(description="Name within the bundle; listed in `files` too.")
    precision: Precision
    size_px: int = Field(ge=16, le=4096, description="Side of the square input.")
    verification: dict[EngineName, Outcome] = Field(
        default_factory=dict,
        description="Outcome of `nicu-export verify` by engine, of those that were tried. What failed cannot be "
        "selected; what fails with onnxruntime cannot be selected with any engine.",
    )


class BundleInput(_Part):
    """The one input tensor. The caller gives raw pixels; scaling happens inside the graph."""

    tensor: str = Field(description="Name of the input in the model file.")
    layout: Literal["NHWC"] = "NHWC"
    dtype: Literal["uint8"] = "uint8"
    colour_order: Literal["RGB"] = "RGB"
    value_range: tuple[int, int] = (0, 255)
    mean: Triple = Field(description="Subtracted inside the graph, per RGB channel, in grey levels of 0 to 255.")
    std: Triple = Field(description="Divided by inside the graph, per RGB channel, in grey levels of 0 to 255.")
    network_colour_order: Literal["RGB", "BGR"] = Field(
        default="RGB", description="Order that the network was trained on; the graph swaps where it is BGR."
    )


class CropContract(_Part):
    """How `monitor.faces.crop` cuts what a classifier sees."""

    margin: float = Field(ge=0.0, le=2.0, description="Share of width and height added on every side; 0 = exact box.")
    alignment: Literal["oriented-box"] = "oriented-box"
    border: Literal["replicate"] = "replicate"
    resize: Literal["bicubic-stretch"] = Field(
        default="bicubic-stretch",
        description="A bicubic warp to the square; where its pixels cover 1.5 of the picture's and more, a bilinear "
        "one to a multiple of the square, which is averaged.",
    )


class DetectorContract(_Part):
    """What a face detector answers: boxes, scores and landmarks in pixels of the square input, best score first."""

    top_k: int = Field(ge=1, description="Candidates a picture, before non-maximum suppression, which the caller does.")
    strides_px: tuple[int, ...]
    anchor_sizes_px: tuple[tuple[float, ...], ...] = Field(description="Per stride.")
    variances: tuple[float, float] = Field(description="Scales of the centre and of the size regression.")
    landmarks: tuple[str, ...] = ("left eye", "right eye", "nose tip", "left mouth corner", "right mouth corner")
    suggested_minimum_score: float = Field(ge=0.0, le=1.0)
    suggested_nms_iou: float = Field(ge=0.0, le=1.0)


class ClassifierContract(_Part):
    """What a pain classifier answers: `score`, the calibrated probability of pain, and `logit`, its log-odds."""

    classes: tuple[Literal["no_pain"], Literal["pain"]] = Field(
        default=("no_pain", "pain"), description="The score is the probability of the second one."
    )
    crop: CropContract
    output_meaning: str = Field(default="calibrated probability of pain, from one face crop")
    temperature: float = Field(gt=0.0, description="The network's logit is divided by this inside the graph.")
    training_prior: float = Field(gt=0.0, lt=1.0, description="Share of pain among the training crops.")
    decision_threshold: float = Field(default=0.5, ge=0.0, le=1.0, description="For still pictures; alarms have more.")
    positive: str = Field(
        default="pain", description="What the positive class was called in the training labels; pain where absent."
    )
    constant_logit: float | None = Field(
        default=None,
        description="What the network answers when the units before its output are silent, whatever the picture: such "
        "an answer is none. Absent where that cannot happen.",
    )

    @model_serializer(mode="wrap")
    def _without_defaults(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what version 0.2.0 did not know where it says nothing new: older bundles keep their digest."""
        content: dict[str, Any] = write(self)
        for name in ("positive", "constant_logit"):
            if content[name] == type(self).model_fields[name].default:
                del content[name]
        return content


class MeshContract(_Part):
    """What a face mesh answers: `points` (N, points, 3) as x, y, depth in pixels of the crop, and `presence` (N,)."""

    points: int = Field(ge=1, description="How many points; their order is that of the network's own topology.")
    crop_scale: float = Field(
        ge=1.0, le=3.0, description="Side of the square crop, in longer sides of the detection's box, same centre."
    )
    suggested_minimum_presence: float = Field(
        ge=0.0, le=1.0, description="Below this probability the crop shows no face."
    )


class Metric(_Part):
    """One measured value with its confidence interval."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    confidence: float | None = Field(default=None, gt=0.0, lt=1.0)
    subjects: int | None = Field(default=None, ge=0)
    samples: int | None = Field(default=None, ge=0)
    data: str = Field(description="What it was measured on.")


class Provenance(_Part):
    """Where the weights come from."""

    source: str = Field(description="Package, file or run that the weights were taken from.")
    source_sha256: Sha256 | None = None
    licence: str
    git_commit: str | None = None
    versions: dict[str, str] = Field(default_factory=dict, description="Programs that made the bundle.")
    data_manifest_sha256: Sha256 | None = None
    fold_map_sha256: Sha256 | None = None


class BundleManifest(_Part):
    """The whole of bundle.json."""

    schema_: Literal["nicu-pain-monitor/bundle/1"] = Field(default=SCHEMA, alias="schema")
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$")
    kind: Kind
    architecture: str
    generation: Generation
    intended_use: str
    input: BundleInput
    detector: DetectorContract | None = None
    classifier: ClassifierContract | None = None
    mesh: MeshContract | None = None
    variants: tuple[Variant, ...] = Field(min_length=1)
    files: dict[str, FileRecord] = Field(description="Every file of the bundle except bundle.json.")
    metrics: tuple[Metric, ...] = ()
    provenance: Provenance
    manifest_sha256: Sha256 | None = Field(
        default=None, description="SHA-256 of this record without this field, as JSON with sorted keys and no spaces."
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        contracts = {"detector": self.detector, "classifier": self.classifier, "mesh": self.mesh}
        if contracts.pop(self.kind) is None or any(contract is not None for contract in contracts.values()):
            raise ValueError(f"a {self.kind} bundle needs the section {self.kind!r} and no other one")
        if missing := [variant.file for variant in self.variants if variant.file not in self.files]:
            raise ValueError(f"the variants name files that `files` does not list: {', '.join(missing)}")
        if unsafe := [name for name in self.files if "/" in name or "\\" in name or name.startswith(".")]:
            raise ValueError(f"a bundle's files lie directly in its directory, but `files` lists {', '.join(unsafe)}")
        return self

    def digest(self) -> str:
        """Return the SHA-256 that `manifest_sha256` must hold: it covers every field and, through them, every file."""
        return _sha256(self.model_dump(mode="json", by_alias=True, exclude={"manifest_sha256", *self._later_parts()}))

    def identity(self) -> str:
        """Return the SHA-256 of what determines the answers: the input, the contract and the model files.

        Verification and the model card, which describe the model, leave it alone, as do its name and its files' names.
        """
        content = {
            "kind": self.kind,
            "input": self.input.model_dump(mode="json"),
            "contract": getattr(self, self.kind).model_dump(mode="json"),
            "models": sorted([one.size_px, one.precision, self.files[one.file].sha256] for one in self.variants),
        }
        return _sha256(content)

    def sealed(self) -> "BundleManifest":
        """Return a copy whose `manifest_sha256` is right."""
        return self.model_copy(update={"manifest_sha256": self.digest()})

    def to_json(self) -> str:
        """Return the text of bundle.json, sealed."""
        return self.sealed().model_dump_json(by_alias=True, indent=2, exclude=self._later_parts()) + "\n"

    def _later_parts(self) -> set[str]:
        """Return the sections that came after the first bundles and that this one lacks: its digest never had them."""
        return {"mesh"} if self.mesh is None else set()


def _sha256(content: dict[str, Any]) -> str:
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()
