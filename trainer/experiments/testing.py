"""A trained model on pictures that it was not trained on: another data set, or a part that was held out."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.atomic_file import write_atomically
from trainer.checkpoint import bare_name, name_hash
from trainer.crops import Study, open_study
from trainer.data import ImageRecord, near_duplicates
from trainer.data.group_columns import group_columns
from trainer.data.subjects import name_key
from trainer.errors import naming
from trainer.evaluation.bootstrap import RESAMPLES
from trainer.evaluation.recalibration import recalibration
from trainer.evaluation.results import PredictionTable, evaluate
from trainer.experiments.answering import Answerer, Learnt, open_answerer
from trainer.experiments.config import ExperimentConfig
from trainer.experiments.cross_validation import claim_folder, without_face
from trainer.experiments.files import METRICS_NAME, PREDICTIONS_NAME
from trainer.experiments.fold import prediction_rows
from trainer.experiments.run import EXTERNAL
from trainer.models import Prediction
from trainer.protocols import Fold, FoldMap, Items, check_classes

__all__ = ["evaluate_model"]

_RECALIBRATIONS = 500  # resamples: three more intervals of every metric, of which the first digits are enough


def evaluate_model(
    source: Path, manifest: Path, crops: Path | None, folder: Path, count: int = RESAMPLES
) -> dict[str, Any]:
    """Test a trained model on all pictures of a manifest; nothing is trained, tuned or calibrated on them.

    Args:
        source: `model.pt` or its folder, a bundle's folder or name, or a cross-validation's folder, whose networks
            answer together.
        manifest: The pictures.
        crops: Where `nicu-trainer crop` wrote; beside the manifest when absent.
        folder: Becomes a run's folder, which `compare` and `report` read.
        count: Resamples of the intervals.

    Returns:
        The content of metrics.json.

    Raises:
        CheckpointError: The model cannot be read, or the folder holds another run or cannot be written.
        BundleError: The bundle is missing or damaged.
        DataError: The pictures have no crops yet, or are all of one class.
    """
    answerer = open_answerer(source)
    study = open_study(manifest, crops)
    main = np.flatnonzero(study.has_face & study.is_main)
    with naming(manifest):
        check_classes(study.labels[main])
    rows = np.concatenate([main, np.flatnonzero(study.has_face & ~study.is_main)])
    claim_folder(folder, _record(answerer, source, study, rows, manifest, crops))
    answers = answerer.predict(study.crop_set(answerer.contract), rows)
    answered = ~np.isnan(answers.logits)
    given = Prediction(answers.logits[answered], answers.uncertainty[answered])
    table = PredictionTable(prediction_rows(study, 0, rows[answered], given))
    table.write(folder / PREDICTIONS_NAME)
    silent = [study.records[row].image for row in rows[~answered] if study.is_main[row]]
    results = evaluate(table, without_face(study), unanswered=silent, groups=group_columns(study.manifest), count=count)
    counted = table.is_main & table.is_counted
    answers_here = table.labels[counted], table.logits[counted], table.subjects[counted]
    results["recalibration"] = recalibration(*answers_here, count=min(count, _RECALIBRATIONS))
    results["model"] = {"name": answerer.title, "sha256": answerer.sha256}
    results["manifest_sha256"] = study.manifest.sha256
    results["positive"] = {"learnt": answerer.positive, "tested": study.manifest.positive}
    results["subjects_are_known"] = study.manifest.subjects_are_known
    results["seen"] = _seen(answerer.learnt, study, rows)
    results["is_trained_on_these"] = (
        answerer.learnt.manifest_sha256 == study.manifest.sha256 or results["seen"]["pictures"] > 0
    )
    write_atomically(folder / METRICS_NAME, (json.dumps(results, indent=1) + "\n").encode())
    return results


def _seen(learnt: Learnt, study: Study, rows: NDArray[np.int64]) -> dict[str, Any]:
    """Return how many tested pictures and subjects the networks have seen; `is_known` is false where nobody knows.

    A subject of another table may have the same name by chance, or be the same infant: `namesakes`, None where the
    model does not record names; `spellings_are_known` is whether other spellings of a name count. Copies in another
    format are `look_alikes`, None where the model does not record what its pictures look like.
    """
    tested = [study.records[row] for row in rows]
    again = {entry.subject for entry in tested if name_hash(entry.subject) in learnt.subjects}
    others = {entry.subject for entry in tested} - again
    return {
        "is_known": learnt.is_known,
        "subjects_are_known": learnt.subjects_are_known and study.manifest.subjects_are_known,
        "namesakes": _namesakes(learnt, others),
        "spellings_are_known": learnt.name_keys is not None,
        "pictures": sum(entry.sha256 in learnt.pictures for entry in tested),
        "look_alikes": _look_alikes(learnt, [entry for entry in tested if entry.sha256 not in learnt.pictures]),
        "subjects": len(again),
        "subject_pictures": sum(entry.subject in again for entry in tested),
    }


def _namesakes(learnt: Learnt, subjects: set[str]) -> int | None:
    if learnt.name_keys is not None:
        return sum(name_hash(name_key(subject)) in learnt.name_keys for subject in subjects)
    if learnt.bare_names is not None:
        return sum(name_hash(bare_name(subject)) in learnt.bare_names for subject in subjects)
    return None


def _look_alikes(learnt: Learnt, tested: list[ImageRecord]) -> int | None:
    if learnt.perceptual_hashes is None:
        return None
    known = sorted(learnt.perceptual_hashes)
    pairs = near_duplicates([*known, *(entry.perceptual_hash for entry in tested)])
    return len({second for first, second in pairs if first < len(known) <= second})


def _record(
    answerer: Answerer, source: Path, study: Study, rows: NDArray[np.int64], manifest: Path, crops: Path | None
) -> dict[str, Any]:
    """Return what the run is, in the fields of a cross-validation's record."""
    config = ExperimentConfig(
        manifest=manifest.absolute(), crops=None if crops is None else crops.absolute(), model=answerer.model
    )
    nothing = Items.as_they_are(np.zeros(0, np.int64))
    tested = Fold(0, ((nothing, nothing),), rows[study.is_main[rows]], rows[~study.is_main[rows]])
    return {
        "config": json.loads(config.model_dump_json()),
        "protocol": EXTERNAL,
        "title": answerer.title,
        "summary": f"{answerer.kind} {answerer.title}, evaluated as it is; nothing was trained on these pictures",
        "manifest_sha256": study.manifest.sha256,
        "data_sets": sorted({entry.data_set for entry in study.records}),
        "fold_map_sha256": FoldMap({"name": EXTERNAL}, (tested,)).sha256(study),
        "members": answerer.members,
        "evaluated": {"kind": answerer.kind, "source": source.name, "sha256": answerer.sha256},
        "contract": answerer.contract.model_dump(),
    }
