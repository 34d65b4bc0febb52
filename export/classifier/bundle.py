"""Makes a pain classifier's bundle from a trained model."""

from pathlib import Path

import torch

from export.bundle_writer import build_versions, file_records, git_commit, write_bundle
from export.classifier.graph import ClassifierGraph
from export.onnx_files import to_onnx
from monitor.inference.bundle import Bundle
from monitor.inference.manifest import (
    BundleManifest,
    ClassifierContract,
    CropContract,
    InputContract,
    Provenance,
    Variant,
)
from trainer.checkpoint import TrainedModel

__all__ = ["MODEL_FILE", "write_classifier_bundle"]

MODEL_FILE = "model.onnx"
_OUTPUTS = ("score", "logit")


def write_classifier_bundle(model: TrainedModel, directory: Path, *, name: str | None = None) -> Bundle:
    """Export a trained model and write its bundle.

    Args:
        model: As `trainer.checkpoint.read_model` returns it.
        directory: Where to.
        name: The bundle's name; the model's own when absent.

    Raises:
        BundleError: The place cannot be written to.
    """
    record, given = model.record, model.record.contract
    size_px = given.size_px
    graph = ClassifierGraph(model.network, given, record.temperature)
    contract = ClassifierContract(
        crop=CropContract(margin=given.margin),
        temperature=record.temperature,
        training_prior=record.training_prior,
        decision_threshold=record.decision_threshold,
    )
    contents = {
        MODEL_FILE: to_onnx(
            graph,
            torch.zeros(2, size_px, size_px, 3, dtype=torch.uint8),
            input_name="crops",
            output_names=_OUTPUTS,
            metadata={"kind": "classifier", "architecture": record.architecture, "classes": " ".join(contract.classes)},
        )
    }
    origin = record.provenance
    trained_with = {f"trained with {package}": version for package, version in origin.versions.items()}
    manifest = BundleManifest(
        name=name or record.name,
        kind="classifier",
        architecture=record.architecture,
        generation=record.generation,
        intended_use=record.intended_use,
        input=InputContract(
            tensor="crops",
            mean=given.mean_grey_rgb,
            std=given.std_grey_rgb,
            network_colour_order=given.colour_order,
        ),
        classifier=contract,
        variants=(Variant(file=MODEL_FILE, precision="fp32", size_px=size_px),),
        files=file_records(contents),
        metrics=record.metrics,
        provenance=Provenance(
            source=origin.source,
            source_sha256=model.sha256,
            licence=origin.licence,
            git_commit=origin.git_commit or git_commit(),
            versions={**build_versions(["torch", "onnx", "onnxscript"]), **trained_with},
            data_manifest_sha256=origin.data_manifest_sha256,
            fold_map_sha256=origin.fold_map_sha256,
        ),
    )
    return write_bundle(directory, manifest, contents)
