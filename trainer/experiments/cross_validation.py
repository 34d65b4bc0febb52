"""Runs a protocol: every fold trained, tested and written, then everything evaluated together."""

import importlib.metadata
import json
import platform
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from trainer.crops import Study, open_study
from trainer.errors import CheckpointError, DataError
from trainer.evaluation.results import PredictionRow, PredictionTable, evaluate
from trainer.experiments.config import ExperimentConfig
from trainer.experiments.planning import members_of, plan_network, recipe_of
from trainer.models import FittedModel, FittedNetworks, NetworkPlan, Prediction, Recipe, fit_baseline, fit_networks
from trainer.protocols import Fold, FoldMap, audit, make_folds
from trainer.training import Listener
from trainer.training.storage import write_atomically, write_checkpoint

__all__ = [
    "FOLDS_NAME",
    "METRICS_NAME",
    "PREDICTIONS_NAME",
    "RUN_NAME",
    "cross_validate",
    "predicted",
    "without_face",
]

RUN_NAME = "run.json"
FOLDS_NAME = "folds.json"
METRICS_NAME = "metrics.json"
PREDICTIONS_NAME = "predictions.csv"

MakeListener = Callable[[str, int, Path], AbstractContextManager[Listener]]


def cross_validate(config: ExperimentConfig, folder: Path, make_listener: MakeListener) -> dict[str, Any]:
    """Train and test every fold; a run that was killed goes on where it stopped.

    Args:
        config: What to do.
        folder: Where everything is written.
        make_listener: Makes what is told of a fold's progress: title, epochs, folder of the fold.

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
    folds = make_folds(study, config.protocol, members_of(config))
    plan = plan_network(config) if chosen.kind == "network" else None
    _claim(folder, _run_record(config, study, folds, plan))
    folds.write(folder / FOLDS_NAME, study)
    rows: list[PredictionRow] = []
    details = []
    for fold in folds.folds:
        place = folder / f"fold{fold.index}"
        title = f"{chosen.title}, fold {fold.index + 1} of {len(folds.folds)}"
        with make_listener(title, plan.training.epochs if plan else 1, place) as listener:
            fitted = _fit(chosen, plan, study, fold, place, listener)
        rows += predicted(study, fold, fitted)
        details.append({"fold": fold.index, **fitted.details})
        _keep(fitted, place)
    table = PredictionTable(rows)
    table.write(folder / PREDICTIONS_NAME)
    results = evaluate(table, without_face(study))
    results["training"] = details
    results["audit"] = [asdict(overlap) | {"clean": overlap.is_clean} for overlap in audit(study, folds)]
    write_atomically(folder / METRICS_NAME, (json.dumps(results, indent=1) + "\n").encode())
    return results


def without_face(study: Study) -> list[str]:
    """Return the main pictures in which no face was found."""
    missing = np.flatnonzero(study.is_main & ~study.has_face)
    return [study.records[row].image for row in missing]


def _run_record(config: ExperimentConfig, study: Study, folds: FoldMap, plan: NetworkPlan | None) -> dict[str, Any]:
    """Return what the run is; a resumed one must agree with it, but for the versions and the machine."""
    record: dict[str, Any] = {
        "config": json.loads(config.model_dump_json()),
        "title": recipe_of(config).title,
        "summary": recipe_of(config).summary,
        "manifest_sha256": study.manifest.sha256,
        "data_sets": sorted({entry.data_set for entry in study.records}),
        "fold_map_sha256": folds.sha256(study),
        "members": members_of(config),
    }
    if plan is not None:
        record["network"] = {"architecture": plan.architecture.name, "settings": plan.settings}
        record["contract"] = plan.contract.model_dump()
        record["training"] = plan.training.model_dump()
        record["augmentation"] = plan.augmentation.model_dump()
        record["copies"] = plan.copies
    return record


def _claim(folder: Path, record: dict[str, Any]) -> None:
    """Write what the run is, or check that the folder holds this very run."""
    path = folder / RUN_NAME
    if path.exists():
        try:
            known = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise CheckpointError(f"{path} cannot be read: {error}; give another folder") from error
        known.pop("program", None)
        if known != json.loads(json.dumps(record)):
            changed = sorted(
                name for name in {*known, *record} if known.get(name) != json.loads(json.dumps(record)).get(name)
            )
            raise CheckpointError(
                f"{folder} holds another run (it differs in {', '.join(changed)}); give another folder with --out"
            )
        return
    packages = ("nicu-pain-monitor", "torch", "numpy", "scikit-learn", "opencv-python-headless")
    program = {name: importlib.metadata.version(name) for name in packages} | {"python": platform.python_version()}
    write_atomically(path, (json.dumps(record | {"program": program}, indent=1) + "\n").encode())


def _fit(
    chosen: Recipe, plan: NetworkPlan | None, study: Study, fold: Fold, place: Path, listener: Listener
) -> FittedModel:
    if plan is None:
        return fit_baseline(study, fold, chosen.kind)
    return fit_networks(plan, study.crop_set(plan.contract), fold, place, listener)


def predicted(study: Study, fold: Fold, fitted: FittedModel) -> list[PredictionRow]:
    """Return the answers for a fold's test pictures and confusers."""
    rows = np.concatenate([fold.test, fold.stress])
    answers: Prediction = fitted.predict(rows)
    if not np.isfinite(answers.logits).all():
        raise DataError("the model answered with numbers that are not finite")
    return [
        PredictionRow(
            fold=fold.index,
            image=study.records[row].image,
            sha256=study.records[row].sha256,
            subject=study.records[row].subject,
            label=int(study.labels[row]),
            stimulus=study.records[row].stimulus,
            role=str(study.records[row].role),
            logit=float(logit),
            score=float(1.0 / (1.0 + np.exp(-logit))),
            uncertainty=float(doubt),
        )
        for row, logit, doubt in zip(rows, answers.logits, answers.uncertainty, strict=True)
    ]


def _keep(fitted: FittedModel, place: Path) -> None:
    """Keep a fold's networks for explanation and for an ensemble over folds."""
    if not isinstance(fitted, FittedNetworks):
        return
    write_checkpoint(
        place / "networks.pt",
        {
            "temperature": fitted.temperature,
            "states": [dict(network.state_dict()) for network in fitted.networks],
        },
    )
