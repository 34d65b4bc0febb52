"""One fold of a run: fitted, tested, its networks saved."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.crops import Study
from trainer.errors import DataError
from trainer.evaluation.results import PredictionRow
from trainer.experiments.config import ExperimentConfig
from trainer.experiments.files import NETWORKS_NAME
from trainer.experiments.planning import frozen_features, plan_network, recipe_of
from trainer.models import FittedModel, Prediction
from trainer.protocols import Fold
from trainer.training import Listener

__all__ = ["FoldOutcome", "fold_folder", "prediction_rows", "run_fold"]


@dataclass(frozen=True, slots=True)
class FoldOutcome:
    """What one fold adds to a run.

    Attributes:
        rows: Answers for the tested pictures and the confusers.
        details: How the training went.
        inner: Answers for the inner infants, which stopped and calibrated; none where these are copies.
    """

    rows: list[PredictionRow]
    details: dict[str, Any]
    inner: list[PredictionRow] = field(default_factory=list)


def fold_folder(run_folder: Path, index: int) -> Path:
    """Return where a fold's checkpoints and networks are stored."""
    return run_folder / f"fold{index}"


def run_fold(config: ExperimentConfig, study: Study, fold: Fold, folder: Path, listener: Listener) -> FoldOutcome:
    """Fit a model to one fold and test it; a fit that was killed goes on where it stopped.

    Args:
        config: Which model, and how it is trained.
        study: The pictures.
        fold: Which to learn from and which to test on.
        folder: The fold's folder.
        listener: Receives the progress.

    Raises:
        DataError: The answers are not finite, or the pictures have no points for a baseline.
        CheckpointError: A checkpoint is damaged or cannot be written.
        TrainingError: The network cannot be trained.
        SettingsError: A search lacks Optuna, or has a wrong value.
    """
    chosen = recipe_of(config)
    fitted: FittedModel
    tried: dict[str, Any] = {}
    if chosen.kind == "network" and config.tuning is not None:
        from trainer.experiments.tuning import fit_tuned

        fitted, tried = fit_tuned(config, study, fold, folder, listener)
    elif chosen.kind == "network":
        from trainer.models import fit_networks

        fitted = fit_networks(plan_network(config), study, fold, folder, listener)
    else:
        from trainer.models import fit_baseline

        fitted = fit_baseline(study, fold, chosen.kind, frozen_features(config, study))
        listener.batch_done(0, 1, 1)
    tested = np.concatenate([fold.test, fold.stress])
    given = fitted.predict(tested)
    rows = prediction_rows(study, fold.index, tested, given)
    silent = 0 if given.silent is None else int(given.silent[: len(fold.test)].sum())
    if chosen.kind == "network":
        _save_networks(fitted, folder)
    learnt = len(np.unique(fold.splits[0][0].rows))
    inner: list[PredictionRow] = []
    if fitted.held is not None:
        answers = Prediction(fitted.held.logits, np.zeros(len(fitted.held.rows)))
        inner = prediction_rows(study, fold.index, fitted.held.rows, answers)
    details = {"fold": fold.index, "learnt_pictures": learnt, "silent_pictures": silent, **fitted.details, **tried}
    return FoldOutcome(rows, details, inner)


def prediction_rows(study: Study, fold: int, rows: NDArray[np.int64], answers: Prediction) -> list[PredictionRow]:
    """Return a model's answers for some rows of a study as rows of a table.

    Raises:
        DataError: An answer is not finite.
    """
    if not np.isfinite(answers.logits).all():
        raise DataError("the model answered with numbers that are not finite")
    return [
        PredictionRow(
            fold=fold,
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


def _save_networks(fitted: FittedModel, folder: Path) -> None:
    """Keep a fold's networks for explanation and for an ensemble over folds."""
    from trainer.models import FittedNetworks
    from trainer.training import write_checkpoint

    if not isinstance(fitted, FittedNetworks):
        raise TypeError(f"{type(fitted).__name__} has no networks")
    write_checkpoint(
        folder / NETWORKS_NAME,
        {
            "temperature": fitted.temperature,
            "states": [dict(network.state_dict()) for network in fitted.networks],
        },
    )
