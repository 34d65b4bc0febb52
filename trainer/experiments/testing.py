"""A trained model on pictures that it was not trained on: another data set, or a part that was held out."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from trainer.checkpoint import read_model
from trainer.crops import ExactSamples, open_study
from trainer.errors import naming
from trainer.evaluation.results import PredictionTable, evaluate
from trainer.experiments.cross_validation import METRICS_NAME, PREDICTIONS_NAME, without_face
from trainer.experiments.fold import prediction_rows
from trainer.models import Prediction
from trainer.protocols import check_classes
from trainer.training import predict_logits, resolve_device
from trainer.training.determinism import pinned_threads
from trainer.training.storage import write_atomically

__all__ = ["evaluate_model"]


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
    results["is_trained_on_these"] = trained.record.provenance.data_manifest_sha256 == study.manifest.sha256
    write_atomically(folder / METRICS_NAME, (json.dumps(results, indent=1) + "\n").encode())
    return results
