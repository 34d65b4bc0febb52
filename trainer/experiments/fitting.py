"""The final model: trained on all infants, or made of the networks of a cross-validation's folds."""

import importlib.util
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from monitor.inference.manifest import Generation
from trainer.checkpoint import DEFAULT_LICENCE, MODEL_NAME, LearntFrom, ModelRecord, Provenance, write_model
from trainer.crops import Study, open_study
from trainer.data import PAIN_WORD
from trainer.errors import CheckpointError, SettingsError, TrainingError, naming
from trainer.evaluation.clip_results import ClipResults
from trainer.experiments.card import card_facts, carried_metrics, clip_metrics, prior_of
from trainer.experiments.config import ExperimentConfig
from trainer.experiments.cross_validation import claim_folder, run_record
from trainer.experiments.files import FIT_NAME
from trainer.experiments.planning import members_of, plan_network, recipe_of, weights_file
from trainer.experiments.run import Run
from trainer.experiments.search_space import TuningSettings
from trainer.experiments.tuning import check_space, fit_tuned
from trainer.models import FittedNetworks, NetworkPlan, fit_networks
from trainer.models.onnx_features import file_digest
from trainer.networks import Ensemble, InputContract, PainNetwork
from trainer.protocols import FoldMap, whole_study
from trainer.training import MakeListener, no_progress

__all__ = ["FinalModel", "ensemble_of_folds", "fit_all", "write_bundle"]

_INTENDED_USE = (
    "Research on signs of pain in newborns' faces. Not a medical device; not validated for clinical use; it must not "
    "be used to start, withhold or change analgesia."
)
_OTHER_USE = (
    "Research. It recognises {0!r} in pictures of faces, which is not pain: a monitor of pain must not use it. Not a "
    "medical device; not validated for clinical use."
)
_WHERE = {"device", "threads", "precision", "seed"}
"""Settings of a training that change where it runs or by what luck it begins, not how it learns."""
_WORDS = ("config", "title", "summary", "data_sets")
"""What a run's record says beside what is learnt and how: paths and words."""


@dataclass(frozen=True, slots=True)
class FinalModel:
    """What goes into a model's file.

    Attributes:
        name: Of the model and its bundle.
        generation: `demo` for synthetic faces, `clinical-research` for infants.
        licence: Of the weights.
        intended_use: One sentence or two.
    """

    name: str
    generation: Generation = "clinical-research"
    licence: str = DEFAULT_LICENCE
    intended_use: str = _INTENDED_USE


def fit_all(
    config: ExperimentConfig,
    folder: Path,
    final: FinalModel,
    cross_validation: Run | None = None,
    make_listener: MakeListener = no_progress,
    clips: ClipResults | None = None,
) -> Path:
    """Train a model on all infants; one part of them decides when to stop and the temperature.

    Args:
        config: What to do; the protocol's inner folds say how many parts there are.
        folder: Where the model is written.
        final: Name and words.
        cross_validation: A finished strict cross-validation of the same recipe, whose metrics the model carries.
        make_listener: As for `cross_validate`.
        clips: What that cross-validation reached on labelled videos, which the model carries, too.

    Returns:
        The model's file.

    Raises:
        SettingsError: The recipe is a baseline, or `cross_validation` is of another recipe or protocol.
        DataError: The pictures cannot be divided.
        TrainingError: The network cannot be trained.
        CheckpointError: The folder holds the training of another model, or cannot be written.
    """
    chosen = recipe_of(config)
    if chosen.kind != "network":
        raise SettingsError(f"{chosen.title} is a baseline and no network; the monitor cannot run it")
    if cross_validation is not None and (
        cross_validation.config.model != config.model or cross_validation.protocol != "strict"
    ):
        raise SettingsError(
            f"{cross_validation.folder} is a {cross_validation.protocol} run of {cross_validation.config.model!r}; "
            f"a model carries the metrics of a strict run of its own recipe ({config.model!r})"
        )
    _check_clips(clips, cross_validation)
    check_space(config)
    study = open_study(config.manifest, config.crops)
    plan = plan_network(config)
    if cross_validation is not None:
        _check_same(config, study, plan, cross_validation)
    with naming(config.manifest):
        folds = whole_study(study, config.protocol, members_of(config))
    _claim(folder, config, study, folds, plan)
    with make_listener(f"{chosen.title}, all infants", plan.training.epochs, folder) as listener:
        if config.tuning is None:
            fitted = fit_networks(plan, study, folds.folds[0], folder, listener)
        else:
            fitted, _ = fit_tuned(config, study, folds.folds[0], folder, listener)
    network, architecture, settings, temperature = _as_one(fitted)
    prior = prior_of(study, balanced=fitted.plan.training.balance_classes)
    record = _record(study, folds, plan.contract, final, cross_validation, clips).model_copy(
        update={
            "architecture": architecture,
            "network_settings": settings,
            "temperature": temperature,
            "training_prior": prior,
            "card": card_facts(study, cross_validation, clips, prior=prior),
        }
    )
    write_model(folder / MODEL_NAME, record, network)
    return folder / MODEL_NAME


def _claim(folder: Path, config: ExperimentConfig, study: Study, folds: FoldMap, plan: NetworkPlan) -> None:
    """Note what the model learns from and how, or check that the folder holds the training of this very model.

    A checkpoint knows the settings and how many pictures there are, not which: without this, a finished training of
    other labels, crops or first weights would be taken for this model's.

    Raises:
        CheckpointError: It holds another training, or one of which nothing says what it learnt from.
    """
    if not (folder / FIT_NAME).exists() and (any(folder.glob("member*.pt")) or any(folder.glob("trial*/member*.pt"))):
        raise CheckpointError(
            f"{folder} holds a training of which nothing says what it learnt from; give another folder with --out"
        )
    record = {name: value for name, value in run_record(config, study, folds, plan).items() if name not in _WORDS}
    record |= {
        "training": plan.training.model_dump(mode="json", exclude={"device", "threads"}),
        "balance_data_sets": plan.balance_data_sets,
        "tuning": None if config.tuning is None else config.tuning.model_dump(mode="json"),
    }
    claim_folder(folder, record, FIT_NAME)


def _check_clips(clips: ClipResults | None, cross_validation: Run | None) -> None:
    """Refuse measures on videos that are not of the cross-validation whose metrics the model carries.

    Raises:
        SettingsError: They are of something else.
        CheckpointError: The run's networks are gone.
    """
    if clips is None:
        return
    found = clips.evaluated
    if (
        cross_validation is None
        or found is None
        or (found.kind, found.sha256) != ("run", cross_validation.all_networks_sha256())
    ):
        raise SettingsError(
            f"{clips.folder} evaluated {clips.title}, which is not the cross-validation whose metrics this model "
            "carries; evaluate that run on the videos with `nicu-trainer evaluate-clips RUN`, or leave --clips away"
        )


def _check_same(config: ExperimentConfig, study: Study, plan: NetworkPlan, cross_validation: Run) -> None:
    """Refuse metrics of other pictures or of another network than the model that would carry them.

    Raises:
        SettingsError: They differ; the sentence says in what.
    """
    ours = {
        "manifest_sha256": study.manifest.sha256,
        "network": {"architecture": plan.architecture.name, "settings": plan.settings},
        "contract": plan.contract.model_dump(),
    }
    words = {"manifest_sha256": "the pictures or their labels", "network": "the network", "contract": "its input"}
    known = {name: cross_validation.record.get(name) for name in ours}
    differing = [words[name] for name in ours if known[name] != json.loads(json.dumps(ours[name]))]
    learnt = {
        "training": plan.training.model_dump(mode="json", exclude=_WHERE),
        "augmentation": plan.augmentation.model_dump(mode="json"),
        "copies": plan.copies,
    }
    before = {name: cross_validation.record.get(name) for name in learnt}
    if isinstance(settings := before["training"], dict):
        before["training"] = {name: value for name, value in settings.items() if name not in _WHERE}
    if any(before[name] != json.loads(json.dumps(learnt[name])) for name in learnt):
        differing.append("how it is trained")
    weights, given = weights_file(config), cross_validation.config
    start = None if weights is None else file_digest(weights)
    crops = cross_validation.record.get("crops_sha256", study.crops_sha256)  # runs of earlier versions do not say
    others = {
        "the faces that are cut out": crops != study.crops_sha256,
        "the weights that it starts from": cross_validation.record.get("weights_sha256") != start,
        "how many networks answer together": cross_validation.record.get("members", members_of(given))
        != members_of(config),
        "whether its data sets are balanced": given.balance_data_sets != config.balance_data_sets,
        "how its settings were searched": _search(given) != _search(config),
    }
    differing += [words for words, differs in others.items() if differs]
    if differing:
        raise SettingsError(
            f"{cross_validation.folder} differs from this model in {' and in '.join(differing)}, so its metrics are "
            "not this model's; run `nicu-trainer cv` with the same manifest and settings, or leave --judged-by away"
        )


def _search(config: ExperimentConfig) -> TuningSettings | None:
    """Return the search for settings, but for the luck that it begins with."""
    return None if config.tuning is None else config.tuning.model_copy(update={"seed": 0})


def _as_one(fitted: FittedNetworks) -> tuple[PainNetwork, str, dict[str, Any], float]:
    """Return one network, its architecture and settings, and the temperature that is left to apply."""
    if len(fitted.networks) == 1:
        return fitted.networks[0], fitted.plan.architecture.name, fitted.plan.settings, fitted.temperature
    temperatures = (fitted.temperature,) * len(fitted.networks)
    settings = _ensemble_settings(fitted.plan.architecture.name, fitted.plan.settings, temperatures)
    return Ensemble(fitted.networks, temperatures), "ensemble", settings, 1.0


def _ensemble_settings(member: str, settings: dict[str, Any], temperatures: tuple[float, ...]) -> dict[str, Any]:
    return {
        "member": member,
        "member_settings": settings,
        "count": len(temperatures),
        "temperatures": list(temperatures),
    }


def ensemble_of_folds(run: Run, folder: Path, final: FinalModel, clips: ClipResults | None = None) -> Path:
    """Make one model of all networks of a finished cross-validation: nothing is trained.

    Every fold's network saw other infants; their disagreement is the uncertainty. The run's own metrics are of single
    folds' networks, so they are a lower bound in expectation and no measurement of the ensemble.

    Raises:
        CheckpointError: A fold is not finished, or the run is of a baseline.
        DataError: The run is not finished.
    """
    _check_clips(clips, run)
    study = run.study()
    folds = run.folds(study)
    networks: list[PainNetwork] = []
    temperatures: list[float] = []
    for fold in folds.folds:
        part = run.fold_networks(fold.index)
        networks += part.networks
        temperatures += [part.temperature] * len(part.networks)
    contract = InputContract.model_validate(run.record["contract"])
    given = run.record["network"]
    prior = _mean_prior(run, study)
    record = _record(study, folds, contract, final, run, clips).model_copy(
        update={
            "architecture": "ensemble",
            "network_settings": _ensemble_settings(given["architecture"], given["settings"], tuple(temperatures)),
            "temperature": 1.0,
            "training_prior": prior,
            "card": card_facts(study, run, clips, prior=prior, is_ensemble_of_folds=True),
        }
    )
    write_model(folder / MODEL_NAME, record, Ensemble(networks, tuple(temperatures)))
    return folder / MODEL_NAME


def _mean_prior(run: Run, study: Study) -> float:
    """Return the share of pain that a run's networks take for granted; a search may have chosen it fold by fold."""
    folds = [fold["fold"] for fold in run.metrics()["training"]]
    return float(np.mean([prior_of(study, balanced=run.balances_classes(fold)) for fold in folds]))


def _record(
    study: Study,
    folds: FoldMap,
    contract: InputContract,
    final: FinalModel,
    cross_validation: Run | None,
    clips: ClipResults | None = None,
) -> ModelRecord:
    usable = study.is_main & study.has_face
    sets = ", ".join(sorted({record.data_set for record in study.records}))
    infants = len(np.unique(study.subjects[usable]))
    whose = f" of {infants} infants" if study.manifest.subjects_are_known else ", whose subjects are not known"
    positive = study.manifest.positive
    is_soft = any(record.soft_label is not None for record in study.records)
    soft = ", learnt from soft labels of NFCS scores" if is_soft else ""
    learnt = np.unique(np.concatenate([fold.development for fold in folds.folds]))
    return ModelRecord(
        name=final.name,
        architecture="ncnn",
        contract=contract,
        temperature=1.0,
        training_prior=prior_of(study, balanced=False),
        generation=final.generation,
        intended_use=final.intended_use if positive == PAIN_WORD else _OTHER_USE.format(positive),
        positive=positive,
        subjects_are_known=study.manifest.subjects_are_known,
        learnt_from=LearntFrom.of(study.records[row] for row in learnt),
        metrics=(() if cross_validation is None else carried_metrics(cross_validation, study))
        + (() if clips is None else clip_metrics(clips)),
        provenance=Provenance(
            source=f"{int(usable.sum())} pictures{whose} ({sets}){soft}",
            licence=final.licence,
            data_manifest_sha256=study.manifest.sha256,
            fold_map_sha256=folds.sha256(study),
        ).completed(),
    )


def write_bundle(model: Path, directory: Path) -> None:
    """Have `nicu-export` make the bundle that the monitor loads.

    It runs as a program of its own, because the trainer does not know the exporter.

    Raises:
        TrainingError: The exporter is not installed, or failed.
    """
    if importlib.util.find_spec("export") is None:
        raise TrainingError(f"nicu-export is not installed here; run `nicu-export classifier {model}` where it is")
    program = "from export.cli import main; main()"
    command = [sys.executable, "-c", program, "classifier", str(model), "--out", str(directory)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - this project's program
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise TrainingError(f"the bundle could not be made: {reason}; the model itself is at {model}")
