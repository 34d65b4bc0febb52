"""Searches settings strictly inside a fold: on infants that it neither learns from nor is tested on.

Every trial learns from the fold's training infants and is measured on its inner infants, which stop and calibrate it,
too. The best trial's networks are the fold's; the tested infants take no part. A search that was killed asks for the
same values again, finds their networks trained, and ends with the same result.
"""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from trainer.crops import Study
from trainer.errors import SettingsError, TrainingError
from trainer.experiments.config import ExperimentConfig, deep_merge, explained
from trainer.experiments.planning import plan_network, recipe_of
from trainer.experiments.search_space import Range, nested
from trainer.models import FittedNetworks, NetworkPlan, fit_networks
from trainer.protocols import Fold
from trainer.training import Listener

__all__ = ["check_space", "fit_tuned", "tuned_config"]

_RANDOM_TRIALS = 5
"""So many trials are random before Optuna's tree-structured Parzen estimator proposes values."""


def tuned_config(config: ExperimentConfig, values: dict[str, Any]) -> ExperimentConfig:
    """Return a configuration with the values of a trial, and without the search.

    Raises:
        ValueError: A value is wrong; a `pydantic.ValidationError`.
        SettingsError: There is no such recipe or preset.
    """
    content = config.model_dump(exclude={"tuning"})
    if any(name.startswith("augmentation.") for name in values):
        # All fields of the preset, or those that are not searched would be switched off.
        content["augmentation"] = config.variation(recipe_of(config).augmentation).model_dump()
    return ExperimentConfig.model_validate(deep_merge(content, nested(values)))


def check_space(config: ExperimentConfig) -> None:
    """Try the bounds, the middles and the choices of what is searched, before anything is trained.

    Args:
        config: Nothing is done where it has no search.

    Raises:
        SettingsError: A value cannot be one of its field, or there is no such field.
    """
    space = {} if config.tuning is None else config.tuning.space
    probes = {name: _probes(entry) for name, entry in space.items()}
    for number in range(max(map(len, probes.values()), default=0)):
        _planned(config, {name: values[number % len(values)] for name, values in probes.items()})


def _probes(entry: Range | list[Any]) -> list[Any]:
    if isinstance(entry, list):
        return entry
    if entry.whole:
        return [int(entry.low), int(entry.high)]
    # Bounds may be whole by chance; the golden section between them is not.
    return [entry.low, entry.low + 0.381966 * (entry.high - entry.low), entry.high]


def _planned(config: ExperimentConfig, values: dict[str, Any]) -> NetworkPlan:
    """Return what a trial trains.

    Raises:
        SettingsError: A value cannot be one of its field.
    """
    try:
        return plan_network(tuned_config(config, values))
    except (ValidationError, SettingsError) as error:
        problem = "; ".join(explained(error)) if isinstance(error, ValidationError) else str(error)
        hint = "; a range of whole numbers is written low:high:whole" if "valid integer" in problem else ""
        raise SettingsError(f"a search with {_text(values)}: {problem}{hint}") from error


def fit_tuned(
    config: ExperimentConfig, study: Study, fold: Fold, folder: Path, listener: Listener
) -> tuple[FittedNetworks, dict[str, Any]]:
    """Try settings in a fold and return the best trial's networks, and what was tried.

    A trial whose network cannot be trained, because its loss is no number for example, is left out.

    Args:
        config: With `tuning`.
        study: The pictures.
        fold: Its test rows are not looked at.
        folder: The fold's folder; each trial gets one of its own within it.
        listener: Receives the progress.

    Raises:
        SettingsError: Optuna is not installed, or a value of the space is wrong.
        CheckpointError: A checkpoint is damaged or cannot be written.
        TrainingError: No trial could be trained.
    """
    optuna, settings = _optuna(), config.tuning
    if settings is None:
        raise ValueError("the configuration has no search")
    search = optuna.create_study(direction="minimize")
    space = {name: _distribution(optuna, entry) for name, entry in settings.space.items()}
    tried: list[dict[str, Any]] = []
    best: tuple[float, int, FittedNetworks] | None = None
    for number in range(settings.trials):
        # A sampler of its own for every trial: a search that goes on asks for the same values.
        seed = int(np.random.default_rng([settings.seed, fold.index, number]).integers(2**31))
        search.sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=_RANDOM_TRIALS)
        trial = search.ask(space)
        values, where = dict(trial.params), folder / f"trial{number}"
        listener.note(f"trial {number + 1} of {settings.trials}: {_text(values)}")
        try:
            fitted = fit_networks(_planned(config, values), study, fold, where, listener)
        except TrainingError as error:
            search.tell(trial, state=optuna.trial.TrialState.FAIL)
            tried.append({"values": values, "inner_loss": None, "failed": str(error)})
            continue
        loss = _inner_loss(fitted, study)
        search.tell(trial, loss)
        tried.append({"values": values, "inner_loss": loss})
        if best is None or loss < best[0]:
            best = loss, number, fitted
    if best is None:
        raise TrainingError(f"none of {settings.trials} trials could be trained; the last one: {tried[-1]['failed']}")
    _, chosen, fitted = best
    for checkpoint in sorted((folder / f"trial{chosen}").glob("member*.pt")):
        shutil.copyfile(checkpoint, folder / checkpoint.name)
    return fitted, {"tuned": tried[chosen]["values"], "trials": tried}


def _inner_loss(fitted: FittedNetworks, study: Study) -> float:
    """Return the mean cross-entropy of the calibrated answers to the inner infants, in nats."""
    if fitted.held is None:
        raise SettingsError("a search needs infants of its own: use the strict protocol")
    labels, logits = study.labels[fitted.held.rows].astype(np.float64), fitted.held.logits
    return float(np.mean(np.logaddexp(0.0, logits) - labels * logits))


def _optuna() -> Any:  # noqa: ANN401 - a module that may be missing
    try:
        import optuna
    except ImportError as error:
        raise SettingsError("a search needs Optuna: pip install 'nicu-pain-monitor[tune]'") from error
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


def _distribution(optuna: Any, entry: Range | list[Any]) -> Any:  # noqa: ANN401 - of a module that may be missing
    if isinstance(entry, list):
        return optuna.distributions.CategoricalDistribution(entry)
    if entry.whole:
        return optuna.distributions.IntDistribution(int(entry.low), int(entry.high), log=entry.log)
    return optuna.distributions.FloatDistribution(entry.low, entry.high, log=entry.log)


def _text(values: dict[str, Any]) -> str:
    return ", ".join(
        f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}" for name, value in values.items()
    )
