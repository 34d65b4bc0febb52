"""Runs a protocol: every fold trained, tested and written, then everything evaluated together."""

import importlib.metadata
import json
import platform
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from trainer.atomic_file import write_atomically
from trainer.checkpoint import git_commit
from trainer.crops import Study, open_study
from trainer.data.group_columns import group_columns
from trainer.errors import CheckpointError, SettingsError, naming
from trainer.evaluation.results import PredictionTable, evaluate
from trainer.experiments.config import ExperimentConfig
from trainer.experiments.files import (
    FOLDS_NAME,
    INNER_NAME,
    METRICS_NAME,
    NETWORKS_NAME,
    PREDICTIONS_NAME,
    RUN_NAME,
)
from trainer.experiments.fold import fold_folder, run_fold
from trainer.experiments.fold_processes import run_folds_in_processes
from trainer.experiments.planning import members_of, plan_network, recipe_of, weights_file
from trainer.models import NetworkPlan
from trainer.models.onnx_features import file_digest
from trainer.protocols import FoldMap, audit, make_folds
from trainer.training import MakeListener, no_progress

if TYPE_CHECKING:
    from trainer.experiments.cluster import Cluster

__all__ = ["claim_folder", "cross_validate", "run_record", "without_face"]


def cross_validate(
    config: ExperimentConfig,
    folder: Path,
    make_listener: MakeListener = no_progress,
    jobs: int = 1,
    cluster: "Cluster | None" = None,
) -> dict[str, Any]:
    """Train and test every fold; a run that was killed goes on where it stopped, and a finished one is not done again.

    Args:
        config: What to do.
        folder: Where everything is written.
        make_listener: Makes the listener to a fold's progress: title, epochs, folder of the fold.
        jobs: Folds that are trained at the same time, in a process each. The metrics do not depend on it.
        cluster: Trains the folds in place of this machine's processes; a baseline is always fitted here.

    Returns:
        The content of metrics.json.

    Raises:
        DataError: The pictures cannot be divided, or have no crops yet.
        SettingsError: The configuration is wrong.
        CheckpointError: The folder holds another run, or cannot be written.
        TrainingError: A network cannot be trained.
    """
    study = open_study(config.manifest, config.crops)
    chosen = recipe_of(config)
    if config.tuning is not None and chosen.kind != "network":
        raise SettingsError(f"{chosen.title} is a baseline and has no settings to search; tune a network")
    if config.tuning is not None:
        from trainer.experiments.tuning import check_space

        check_space(config)
    with naming(config.manifest):
        folds = make_folds(study, config.protocol, members_of(config))
    plan = plan_network(config) if chosen.kind == "network" else None
    claim_folder(folder, run_record(config, study, folds, plan))
    if (finished := _finished(folder, len(folds.folds), has_networks=plan is not None)) is not None:
        return finished
    folds.write(folder / FOLDS_NAME, study)
    epochs = plan.training.epochs if plan else 1
    titles = [(f"{chosen.title}, fold {fold.index + 1} of {len(folds.folds)}", epochs) for fold in folds.folds]
    if plan is not None:
        study.crop_set(plan.contract)  # cut once, before several processes want it
    if cluster is not None and plan is not None:
        outcomes = cluster.run_folds(config, folder, titles, make_listener)
    elif plan is None or min(jobs, len(titles)) == 1:
        outcomes = []
        for fold, title in zip(folds.folds, titles, strict=True):
            fold_directory = fold_folder(folder, fold.index)
            with make_listener(*title, fold_directory) as listener:
                outcomes.append(run_fold(config, study, fold, fold_directory, listener))
    else:
        outcomes = run_folds_in_processes(config, folder, titles, jobs, make_listener)
    table = PredictionTable([row for outcome in outcomes for row in outcome.rows])
    table.write(folder / PREDICTIONS_NAME)
    if inner := [row for outcome in outcomes for row in outcome.inner]:
        PredictionTable(inner).write(folder / INNER_NAME)
    results = evaluate(table, without_face(study), groups=group_columns(study.manifest))
    results["training"] = [outcome.details for outcome in outcomes]
    results["positive"] = study.manifest.positive
    results["subjects_are_known"] = study.manifest.subjects_are_known
    results["audit"] = [asdict(overlap) | {"clean": overlap.is_clean} for overlap in audit(study, folds)]
    write_atomically(folder / METRICS_NAME, (json.dumps(results, indent=1) + "\n").encode())
    return results


def _finished(folder: Path, folds: int, *, has_networks: bool) -> dict[str, Any] | None:
    """Return the content of metrics.json where this very program has finished the run; None where a part is missing."""
    networks = [fold_folder(folder, index) / NETWORKS_NAME for index in range(folds) if has_networks]
    if not all(path.is_file() for path in (folder / FOLDS_NAME, folder / PREDICTIONS_NAME, *networks)):
        return None
    try:
        record, results = (json.loads((folder / name).read_text(encoding="utf-8")) for name in (RUN_NAME, METRICS_NAME))
    except (OSError, ValueError):
        return None
    return results if record.get("program") == _program() else None


def without_face(study: Study) -> list[str]:
    """Return the main pictures in which no face was found."""
    missing = np.flatnonzero(study.is_main & ~study.has_face)
    return [study.records[row].image for row in missing]


def run_record(config: ExperimentConfig, study: Study, folds: FoldMap, plan: NetworkPlan | None) -> dict[str, Any]:
    """Return what the run is; a resumed one must agree with it, but for the versions and the machine."""
    record: dict[str, Any] = {
        "config": json.loads(config.model_dump_json()),
        "title": recipe_of(config).title + (f", tuned ({config.tuning.trials} trials)" if config.tuning else ""),
        "summary": recipe_of(config).summary,
        "manifest_sha256": study.manifest.sha256,
        "crops_sha256": study.crops_sha256,
        "data_sets": sorted({entry.data_set for entry in study.records}),
        "fold_map_sha256": folds.sha256(study),
        "members": members_of(config),
    }
    if soft := sum(entry.soft_label is not None for entry in study.records):
        record["soft_labels"] = soft
    if (weights := weights_file(config)) is not None:
        record["weights_sha256"] = file_digest(weights)
    if plan is not None:
        record["network"] = {"architecture": plan.architecture.name, "settings": plan.settings}
        record["contract"] = plan.contract.model_dump()
        record["training"] = plan.training.model_dump()
        record["augmentation"] = plan.augmentation.model_dump()
        record["copies"] = plan.copies
        record["epoch_pictures"] = plan.epoch_pictures
    return record


def claim_folder(folder: Path, record: dict[str, Any], name: str = RUN_NAME) -> None:
    """Write what the run is, or check that the folder holds this very run.

    Where another version of the program, or another machine, began it, both are named, since both made its parts; its
    metrics, which are computed again, are removed before.

    Args:
        folder: The run's.
        record: What the run is; a run that goes on must agree with it.
        name: Of the file that says so.

    Raises:
        CheckpointError: It holds another run, or cannot be written.
    """
    path = folder / name
    if path.exists():
        try:
            known = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise CheckpointError(f"{path} cannot be read: {error}; give another folder") from error
        made_by = [*known.pop("earlier_programs", []), known.pop("program", None)]
        if "crops_sha256" not in known:  # a run of an earlier version
            record = {name: value for name, value in record.items() if name != "crops_sha256"}
        if known != json.loads(json.dumps(record)):
            changed = sorted(
                name for name in {*known, *record} if known.get(name) != json.loads(json.dumps(record)).get(name)
            )
            raise CheckpointError(
                f"{folder} holds another run (it differs in {', '.join(changed)}); give another folder with --out"
            )
        if made_by[-1] == _program():
            return
        (folder / METRICS_NAME).unlink(missing_ok=True)
        record = known | {"earlier_programs": [program for program in made_by if program is not None]}
    write_atomically(path, (json.dumps(record | {"program": _program()}, indent=1) + "\n").encode())


def _program() -> dict[str, str]:
    """Return the versions that a run's numbers may depend on."""
    packages = ("nicu-pain-monitor", "torch", "numpy", "scikit-learn", "opencv-python-headless")
    program = {name: importlib.metadata.version(name) for name in packages} | {"python": platform.python_version()}
    return program | {"machine": platform.platform(), "git commit": git_commit() or "not known"}
