"""Makes the face detector's bundle."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from export.bundle_writer import build_versions, file_records, git_commit, write_bundle
from export.detector.graph import AnchorSpec, DetectorGraph, Normalisation
from export.detector.layers import fold_batch_norms
from export.detector.network import RetinaFace
from export.detector.self_check import refuse_unfit_detector
from export.onnx_files import to_onnx
from monitor.inference.bundle import Bundle
from monitor.inference.manifest import BundleManifest, DetectorContract, InputContract, Provenance, Variant

__all__ = ["SIZES_PX", "TOP_K", "DetectorSource", "write_detector_bundle"]

SIZES_PX = (320, 640)
# One face keeps some twenty anchors alive before suppression, so this leaves room for several faces.
TOP_K = 128
_OUTPUTS = ("boxes", "scores", "landmarks")
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
        anchors: Where it looks.
        provenance: Where the weights come from, for the manifest; versions and commit are added.
    """

    network: RetinaFace
    architecture: str
    normalisation: Normalisation
    anchors: AnchorSpec
    provenance: Provenance


def write_detector_bundle(
    source: DetectorSource, directory: Path, *, name: str, sizes_px: Sequence[int] = SIZES_PX
) -> Bundle:
    """Export the detector at every size and write the bundle.

    Args:
        source: What to export.
        directory: Where to.
        name: The bundle's name.
        sizes_px: Sides of the square inputs, multiples of 32; one model file each.

    Raises:
        BundleError: The network does not find the known face, or the place cannot be written to.
    """
    refuse_unfit_detector(source.network, source.normalisation, source.anchors, label=source.provenance.source)
    network = fold_batch_norms(source.network)
    contents = {model_file(size): _export(source, network, size) for size in sizes_px}
    given = source.normalisation
    manifest = BundleManifest(
        name=name,
        kind="detector",
        architecture=source.architecture,
        generation="clinical-research",
        intended_use=_INTENDED_USE,
        input=InputContract(
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
        variants=tuple(Variant(file=model_file(size), precision="fp32", size_px=size) for size in sizes_px),
        files=file_records(contents),
        provenance=source.provenance.model_copy(
            update={"versions": build_versions(["torch", "onnx", "onnxscript"]), "git_commit": git_commit()}
        ),
    )
    return write_bundle(directory, manifest, contents)


def model_file(size_px: int) -> str:
    """Return the name of the model file of one size."""
    return f"model_{size_px}.onnx"


def _export(source: DetectorSource, network: torch.nn.Module, size_px: int) -> bytes:
    if not isinstance(network, RetinaFace):
        raise TypeError("the detector's graph wraps RetinaFace")
    graph = DetectorGraph(
        network, size_px=size_px, normalisation=source.normalisation, anchors=source.anchors, top_k=TOP_K
    )
    example = torch.zeros(2, size_px, size_px, 3, dtype=torch.uint8)
    metadata = {"kind": "detector", "architecture": source.architecture}
    return to_onnx(graph, example, input_name="images", output_names=_OUTPUTS, metadata=metadata)
