"""A trained model on pictures that it was not trained on: another data set, or a part that was held out."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.atomic_file import write_atomically
from trainer.checkpoint import ModelRecord, name_hash, read_model
from trainer.crops import ExactSamples, Study, open_study
from trainer.errors import naming
from trainer.evaluation.results import PredictionTable, evaluate
from trainer.experiments.cross_validation import METRICS_NAME, PREDICTIONS_NAME, without_face
from trainer.experiments.fold import prediction_rows
from trainer.models import Prediction
from trainer.protocols import check_classes
from trainer.training import predict_logits, resolve_device
from trainer.training.determinism import pinned_threads

__all__ = ["evaluate_model"]


def _seen(record: ModelRecord, study: Study, rows: NDArray[np.int64]) -> dict[str, Any]:
    """Return how many tested pictures and subjects the model has seen; `is_known` is false for older models."""
    learnt = record.learnt_from
    pictures, subjects = (set(learnt.pictures), set(learnt.subjects)) if learnt else (set[str](), set[str]())
    tested = [study.records[row] for row in rows]
    again = {entry.subject for entry in tested if name_hash(entry.subject) in subjects}
    return {
        "is_known": learnt is not None,
        "pictures": sum(entry.sha256 in pictures for entry in tested),
        "subjects": len(again),
        "subject_pictures": sum(entry.subject in again for entry in tested),
    }


def evaluate_model(model: Path, manifest: Path, crops: Path | None, folder: Path) -> dict[str, Any]:
    """Test a trained model on all pictures of a manifest; nothing is trained, tuned or calibrated on them.

    Args:
        model: `model.pt`, or the folder that holds it.
        manifest: The pictures.
        crops: Where `nicu-trainer crop` wrote; beside the manifest when absent.
        folder: Gets predictions.csv and metrics.json.

    Returns:
        The content of metrics.json.

    Raises:
        CheckpointError: The model cannot be read, or the folder cannot be written.
        DataError: The pictures have no crops yet, or are all of one class.
    """
    trained = read_model(model)
    study = open_study(manifest, crops)
    main = np.flatnonzero(study.has_face & study.is_main)
    with naming(manifest):
        check_classes(study.labels[main])
    rows = np.concatenate([main, np.flatnonzero(study.has_face & ~study.is_main)])
    samples = ExactSamples(study.crop_set(trained.record.contract), rows)
    with pinned_threads(1):
        logits = predict_logits(trained.network, samples, trained.record.contract, resolve_device("cpu"))
    answers = Prediction(logits / trained.record.temperature, np.zeros(len(rows)))
    table = PredictionTable(prediction_rows(study, 0, rows, answers))
    table.write(folder / PREDICTIONS_NAME)
    results = evaluate(table, without_face(study))
    results["model"] = {"name": trained.record.name, "sha256": trained.sha256}
    results["manifest_sha256"] = study.manifest.sha256
    results["seen"] = _seen(trained.record, study, rows)
    results["is_trained_on_these"] = (
        trained.record.provenance.data_manifest_sha256 == study.manifest.sha256 or results["seen"]["pictures"] > 0
    )
    write_atomically(folder / METRICS_NAME, (json.dumps(results, indent=1) + "\n").encode())
    return results
