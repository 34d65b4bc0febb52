"""Makes a pain classifier's bundle from a trained model."""

from collections.abc import Sequence
from pathlib import Path

from export.bundle_writer import build_versions, file_records, git_commit, write_bundle
from export.classifier.graph import ClassifierGraph
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
from trainer.checkpoint import TrainedModel

__all__ = ["describe_classifier", "write_classifier_bundle"]


def write_classifier_bundle(
    model: TrainedModel,
    directory: Path,
    *,
    name: str | None = None,
    precisions: Sequence[Precision] = DEFAULT_PRECISIONS,
) -> Bundle:
    """Export a trained model and write its bundle.

    Args:
        model: As `trainer.checkpoint.read_model` returns it.
        directory: Where to.
        name: The bundle's name; the model's own when absent.
        precisions: Which variants; fp32 always.

    Raises:
        BundleError: The directory cannot be written to.
    """
    record, given = model.record, model.record.contract
    contract = ClassifierContract(
        crop=CropContract(margin=given.margin),
        temperature=record.temperature,
        training_prior=record.training_prior,
        decision_threshold=record.decision_threshold,
        output_meaning=f"calibrated probability of {record.positive}, from one face crop",
        positive=record.positive,
        constant_logit=_constant_logit(model),
    )
    description = describe_classifier(model)
    crops = CropSpec(given.size_px, given.margin)
    made = make_variants(description, precisions, lambda: classifier_pictures(crops, calibration=True))
    contents = {variant.file: content for variant, content in made}
    contents[GOLDEN_NAME] = write_golden({given.size_px: _golden(description, crops)})
    contents[FACTS_NAME] = (record.card.model_dump_json(indent=1) + "\n").encode()
    origin = record.provenance
    trained_with = {f"trained with {package}": version for package, version in origin.versions.items()}
    manifest = BundleManifest(
        name=name or record.name,
        kind="classifier",
        architecture=record.architecture,
        generation=record.generation,
        intended_use=record.intended_use,
        input=BundleInput(
            tensor="crops",
            mean=given.mean_grey_rgb,
            std=given.std_grey_rgb,
            network_colour_order=given.colour_order,
        ),
        classifier=contract,
        variants=tuple(variant for variant, _ in made),
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


def _constant_logit(model: TrainedModel) -> float | None:
    """Return what the model answers whatever the picture when the units before its output are silent."""
    constant = model.network.constant_logit()
    return None if constant is None else constant / model.record.temperature


def describe_classifier(model: TrainedModel) -> GraphDescription:
    """Return the graph of a trained model, ready to be exported."""
    record = model.record
    return GraphDescription(
        graph=ClassifierGraph(model.network, record.contract, record.temperature),
        size_px=record.contract.size_px,
        stem="model",
        input_name="crops",
        output_names=("score", "logit"),
        metadata={
            "kind": "classifier",
            "architecture": record.architecture,
            "classes": " ".join(ClassifierContract.model_fields["classes"].default),
        },
    )


def _golden(description: GraphDescription, crops: CropSpec) -> Golden:
    """Return the trained network's answers to the golden crops and to the clip that is made of them."""
    pictures = classifier_pictures(crops)
    answers = run_in_torch(description, pictures)
    clip = run_in_torch(description, golden_clip(pictures, answers["score"]))
    return Golden(pictures, {**answers, CLIP_ANSWER: clip["score"]})
