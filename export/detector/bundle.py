"""Makes the face detector's bundle."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from export.bundle_writer import build_versions, file_records, git_commit, write_bundle
from export.detector.validation import validate_detector
from export.precisions import DEFAULT_PRECISIONS
from export.variants import GraphDescription, make_variants, run_in_torch
from export.verification.golden import GOLDEN_NAME, Golden, detector_pictures, write_golden
from monitor.inference.bundle import Bundle
from monitor.inference.manifest import (
    BundleInput,
    BundleManifest,
    DetectorContract,
    Metric,
    Precision,
    Provenance,
    Variant,
)
from trainer.detector.graph import AnchorSpec, DetectorGraph, Normalisation
from trainer.detector.layers import fold_batch_norms
from trainer.detector.network import RetinaFace

__all__ = ["SIZES_PX", "TOP_K", "DetectorSource", "write_detector_bundle"]

SIZES_PX = (224, 320, 640)
# One face keeps some twenty anchors alive before suppression, so this leaves room for several faces.
TOP_K = 128
_INTENDED_USE = (
    "Finds faces in camera pictures for the research software nicu-pain-monitor. Trained on faces of all ages; "
    "infants that lie turned need the monitor's orientation search."
)


@dataclass(frozen=True, slots=True)
class DetectorSource:
    """A network with its weights, and everything that must be known to use it.

    Attributes:
        network: RetinaFace, in evaluation mode.
        architecture: Its name for people.
        normalisation: How pixels become its input.
        anchors: Its prior boxes.
        provenance: Where the weights come from, for the manifest; versions and commit are added.
        metrics: What was measured of it.
    """

    network: RetinaFace
    architecture: str
    normalisation: Normalisation
    anchors: AnchorSpec
    provenance: Provenance
    metrics: tuple[Metric, ...] = ()


def write_detector_bundle(
    source: DetectorSource,
    directory: Path,
    *,
    name: str,
    sizes_px: Sequence[int] = SIZES_PX,
    precisions: Sequence[Precision] = DEFAULT_PRECISIONS,
) -> Bundle:
    """Export the detector at every size and write the bundle.

    Args:
        source: What to export.
        directory: Where to.
        name: The bundle's name.
        sizes_px: Sides of the square inputs, multiples of 32; one model file each.
        precisions: Which variants; fp32 always.

    Raises:
        BundleError: The network does not find the known face, or the directory cannot be written to.
    """
    validate_detector(source.network, source.normalisation, source.anchors, label=source.provenance.source)
    network = fold_batch_norms(source.network)
    contents: dict[str, bytes] = {}
    variants: list[Variant] = []
    golden: dict[int, Golden] = {}
    for size_px in sizes_px:
        description = _describe(source, network, size_px)
        made = make_variants(description, precisions, partial(detector_pictures, size_px, calibration=True))
        variants += [variant for variant, _ in made]
        contents |= {variant.file: content for variant, content in made}
        pictures = detector_pictures(size_px)
        golden[size_px] = Golden(pictures, run_in_torch(description, pictures))
    contents[GOLDEN_NAME] = write_golden(golden)
    given = source.normalisation
    manifest = BundleManifest(
        name=name,
        kind="detector",
        architecture=source.architecture,
        generation="clinical-research",
        intended_use=_INTENDED_USE,
        input=BundleInput(
            tensor="images",
            mean=given.mean,
            std=given.std,
            network_colour_order="BGR" if given.colour_order == "BGR" else "RGB",
        ),
        detector=DetectorContract(
            top_k=TOP_K,
            strides_px=source.anchors.strides_px,
            anchor_sizes_px=source.anchors.sizes_px,
            variances=source.anchors.variances,
            suggested_minimum_score=0.8,
            suggested_nms_iou=0.4,
        ),
        variants=tuple(variants),
        files=file_records(contents),
        metrics=source.metrics,
        provenance=source.provenance.model_copy(
            update={"versions": build_versions(["torch", "onnx", "onnxscript"]), "git_commit": git_commit()}
        ),
    )
    return write_bundle(directory, manifest, contents)


def _describe(source: DetectorSource, network: RetinaFace, size_px: int) -> GraphDescription:
    return GraphDescription(
        graph=DetectorGraph(
            network, size_px=size_px, normalisation=source.normalisation, anchors=source.anchors, top_k=TOP_K
        ),
        size_px=size_px,
        stem=f"model_{size_px}",
        input_name="images",
        output_names=("boxes", "scores", "landmarks"),
        metadata={"kind": "detector", "architecture": source.architecture},
    )
