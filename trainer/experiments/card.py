"""What a training run knows for the model card: data, metrics by group, caveats."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from monitor.inference.manifest import Metric
from trainer.card import CardFacts
from trainer.crops import Study
from trainer.data.group_columns import group_columns
from trainer.evaluation.bootstrap import CONFIDENCE
from trainer.evaluation.clip_results import ClipResults
from trainer.experiments.origin import is_synthetic
from trainer.experiments.run import Run
from trainer.protocols import seen_in_training

__all__ = ["card_facts", "carried_metrics", "clip_metrics", "prior_of"]

_SHOWN = (
    "accuracy",
    "auc",
    "f1",
    "sensitivity",
    "specificity",
    "ece",
    "brier",
    "calibration_slope",
    "calibration_in_the_large",
)


def carried_metrics(run: Run, study: Study) -> tuple[Metric, ...]:
    """Return the pooled metrics of a run and, by stimulus, how often pain was predicted, as a bundle carries them.

    Args:
        run: A finished cross-validation.
        study: Its pictures. Where their subjects are not known, no number of infants is stated.
    """
    results = run.metrics()
    data = f"{'+'.join(run.record['data_sets'])}, {run.protocol} cross-validation by "
    is_known = study.manifest.subjects_are_known
    if not is_known:
        data += "picture, subjects not known"
    else:
        data += "infant, unseen infants" if run.protocol == "strict" else "picture, infants on both sides"
    overall = [
        _metric(name, results["pooled"][name], results["subjects"] if is_known else None, results["pictures"], data)
        for name in _SHOWN
        if results["pooled"].get(name, {}).get("value") is not None
    ]
    groups = []
    for found in results["per_stimulus"]:
        word = _meaning(found["labelled_pain"], found["pictures"])
        share = {"low": None, "high": None, **found.get("said_pain_interval", {}), "value": found["said_pain_share"]}
        groups.append(
            _metric(
                f"{word}, {found['stimulus']}", share, found["subjects"] if is_known else None, found["pictures"], data
            )
        )
    parts = [
        _metric(f"{name}, {column.replace('_', ' ')} {found['group']}", found[name], infants, found["pictures"], data)
        for column, values in results.get("per_group", {}).items()
        for found in values
        for infants in [found["subjects"] if is_known else None]
        for name in ("sensitivity", "specificity")
        if found[name]["value"] is not None
    ]
    return (*overall, *groups, *parts)


def clip_metrics(clips: ClipResults) -> tuple[Metric, ...]:
    """Return what the whole monitor reached on labelled videos, as a bundle carries it."""
    content = clips.content
    names = {
        "sensitivity": "episodes found by an alarm",
        "false_alarms_per_hour": "false alarms an hour",
        "alarm_time_outside_pain": "share of time without pain in alarm",
        "coverage": "share of time with a usable face",
    }
    data = f"labelled videos, whole monitor: {clips.title}; {clips.size_text}"
    return tuple(
        _metric(words, content[name], content["infants"], content["videos"], data)
        for name, words in names.items()
        if content[name]["value"] is not None
    )


def _meaning(pain: int, pictures: int) -> str:
    """Return what the share of a stimulus's pictures that are called pain is: with both labels it is neither rate."""
    if pain == 0:
        return "false positive rate"
    return "sensitivity" if pain == pictures else "share called pain"


def _metric(name: str, interval: Mapping[str, Any], subjects: int | None, samples: int, data: str) -> Metric:
    known = interval["low"] is not None and interval["high"] is not None
    return Metric(
        name=name,
        value=interval["value"],
        low=interval["low"] if known else None,
        high=interval["high"] if known else None,
        confidence=CONFIDENCE if known else None,
        subjects=subjects,
        samples=samples,
        data=data,
    )


def prior_of(study: Study, *, balanced: bool) -> float:
    """Return the share of pain, in (0, 1), that a network's probabilities hold for.

    That is the share among what it learnt from. Where the loss weighs the classes as if equally frequent it is a half,
    whatever was learnt from: the weight adds log-odds to every answer, and a temperature cannot take them away.
    """
    return 0.5 if balanced else _share(study)


def _share(study: Study) -> float:
    return float(study.labels[study.is_main & study.has_face].mean())


def card_facts(
    study: Study,
    cross_validation: Run | None,
    clips: ClipResults | None = None,
    *,
    prior: float | None = None,
    is_ensemble_of_folds: bool = False,
) -> CardFacts:
    """Return the facts for the model card.

    Args:
        study: The pictures that the model was trained on.
        cross_validation: The cross-validation whose metrics the model carries, if any.
        clips: What the networks of that cross-validation reached on labelled videos, if they were evaluated there.
        prior: The share of pain that the probabilities hold for; that of the pictures if absent.
        is_ensemble_of_folds: Whether the model is made of that run's own networks.
    """
    return CardFacts(
        training_data=_training(study),
        evaluation_data=_evaluation(cross_validation, is_ensemble_of_folds=is_ensemble_of_folds) + _videos(clips),
        caveats=_caveats(study, cross_validation, clips, _share(study) if prior is None else prior),
    )


def _training(study: Study) -> tuple[str, ...]:
    usable = study.is_main & study.has_face
    pain = int(study.labels[usable].sum())
    lost = int((study.is_main & ~study.has_face).sum())
    sets = ", ".join(sorted({record.data_set for record in study.records}))
    infants, word = len(np.unique(study.subjects[usable])), study.manifest.positive
    sentences = [
        f"Data sets: {sets}. {int(usable.sum())} pictures"
        + (f" of {infants} infants." if study.manifest.subjects_are_known else "; whose faces they show is not known."),
        f"{pain} pictures are labelled {word}, {int(usable.sum()) - pain} no {word}.",
        "The label is the manifest's: usually the stimulus at the moment of the photograph, not a coded face.",
    ]
    if is_synthetic(study):
        sentences.append(
            "The faces are synthetic: metrics on them show that the software works and say nothing of infants."
        )
    if lost:
        sentences.append(f"In {lost} more pictures no face was found; they were not used.")
    return tuple(sentences)


def _evaluation(cross_validation: Run | None, *, is_ensemble_of_folds: bool) -> tuple[str, ...]:
    if cross_validation is None:
        return ("Not evaluated: no cross-validation was named when the model was trained.",)
    results = cross_validation.metrics()
    folds, answers, infants = len(results["folds"]), results["pictures"], results["subjects"]
    what = f"A {cross_validation.protocol} cross-validation with {folds} folds: {answers} answers"
    if results.get("subjects_are_known", True):
        sentences = [
            f"{what} for {infants} infants.",
            "Intervals are Student's t over infants, the standard error from 2,000 resamples of whole infants.",
        ]
    else:
        sentences = [
            f"{what}; whose faces they show is not known, so tested infants may have been learnt from.",
            "Intervals count every picture as an infant of its own, and are too narrow where one has several.",
        ]
    if is_ensemble_of_folds:
        sentences.append("The metrics are of the single folds' networks, not of the ensemble that they make together.")
    else:
        sentences.append("The metrics are of the folds' networks, each trained on fewer infants than this model.")
    sentences += _leak(results["audit"])
    if results["without_face"]["pictures"]:
        sentences.append(
            f"{results['without_face']['pictures']} pictures had no found face and no answer; counted as wrong, the "
            f"accuracy is {results['accuracy_if_missing_is_wrong']:.3f}."
        )
    restarts = sum(attempts - 1 for fold in results["training"] for attempts in fold.get("attempts", []))
    if restarts:
        sentences.append(f"Networks died and were restarted with another seed {restarts} times.")
    return tuple(sentences)


def _leak(overlaps: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what the audit found, if anything; pairs that look alike need not show one infant."""
    seen = seen_in_training(overlaps)
    if seen:
        was_seen = any(overlap["subjects"] or overlap["files"] for overlap in overlaps if overlap["sides"][1] == "test")
        word = "are" if was_seen else "may be"
        return [f"The audit is not clean: {'; '.join(seen)}. So the metrics {word} too high."]
    if all(overlap["clean"] for overlap in overlaps):
        return []
    return ["What was tested was not seen in training, but training and validation share pictures or infants."]


def _groups(study: Study, cross_validation: Run | None) -> str:
    """Return for which groups of infants there are metrics, and for which there are none."""
    known = {} if cross_validation is None else cross_validation.metrics().get("per_group", {})
    columns = group_columns(study.manifest)
    missing = [
        word
        for name, word in (("sex", "sex"), ("gestation", "gestational age"), ("skin_tone", "skin tone"))
        if name not in columns
    ]
    sentence = f"{', '.join([*missing, 'illness'])}: not in the manifest, no metric by such a group exists."
    if known:
        few = min(found["subjects"] for values in known.values() for found in values)
        shown = ", ".join(name.replace("_", " ") for name in sorted(known))
        sentence += f" Metrics by {shown} are in the list; the smallest of these groups has {few} infants."
    return sentence[0].upper() + sentence[1:]


def _videos(clips: ClipResults | None) -> tuple[str, ...]:
    if clips is None:
        return ()
    delay, in_alarm = clips.content["delay"]["median_s"], clips.content["alarm_time_outside_pain"]["value"]
    median = "not reached" if delay is None else f"{delay:.1f} s"
    share = "" if in_alarm is None else f" ({100 * in_alarm:.0f} % of them in alarm)"
    sentence = (
        f"The whole monitor on {clips.size_text}, each infant by networks that had not seen it: "
        f"{clips.content['found']} episodes found, {clips.content['false_alarms']} false alarms in "
        f"{clips.content['hours_without_pain']:.2f} h without pain{share}, median delay {median} with misses censored."
    )
    return (sentence,)


def _prior(share: float, prior: float) -> str:
    moved = "where pain is rarer, the probability must be moved there first."
    if prior == share:
        return f"Trained at a share of pain of {100 * share:.0f} %; {moved}"
    return (
        f"Trained at a share of pain of {100 * share:.0f} %, with the classes weighted so that the probabilities hold "
        f"for a share of {100 * prior:.0f} %; {moved}"
    )


def _caveats(study: Study, cross_validation: Run | None, clips: ClipResults | None, prior: float) -> tuple[str, ...]:
    sentences = [
        _prior(_share(study), prior),
        _groups(study, cross_validation),
        "Never tested on pictures of another origin."
        if clips
        else "Never tested on pictures of another origin, nor on video.",
    ]
    shown = {record.stimulus for record in study.records}
    absent = [name for name in ("cry", "air", "friction") if name not in shown]
    if absent:
        sentences.append(
            f"No picture shows {', '.join(absent)}: whether the model mistakes that for pain is not known."
        )
    elif cross_validation is not None:
        found = {entry["stimulus"]: entry for entry in cross_validation.metrics()["per_stimulus"]}
        if "cry" in found:
            sentences.append(f"It called {100 * found['cry']['said_pain_share']:.0f} % of the pictures of crying pain.")
    return tuple(sentences)
