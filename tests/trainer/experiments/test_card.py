"""The metrics of a model card are called what they are, and what the audit found is said as it was found."""

from types import SimpleNamespace

import numpy as np
import pytest

from trainer.evaluation.groups import per_stimulus
from trainer.experiments.card import _evaluation, carried_metrics


@pytest.fixture
def run():
    """A run over six infants: all pictures of pricks show pain, none of crying does, half of those of handling do."""
    stimuli = np.array(["prick", "cry", "handling", "handling"] * 6)
    labels = np.array([1.0, 0.0, 1.0, 0.0] * 6)
    subjects = np.repeat([f"S{number}" for number in range(6)], 4)
    found = per_stimulus(labels, np.array([1.0, -1.0, 1.0, 1.0] * 6), subjects, stimuli, np.ones(24, np.bool_), 50)
    metrics = {"pooled": {}, "subjects": 6, "pictures": 24, "per_stimulus": found}
    return SimpleNamespace(record={"data_sets": ["set"]}, protocol="strict", metrics=lambda: metrics)


def test_a_stimulus_with_both_labels_has_neither_a_sensitivity_nor_a_false_positive_rate(run):
    study = SimpleNamespace(manifest=SimpleNamespace(subjects_are_known=True))

    found = {metric.name: (metric.value, metric.samples) for metric in carried_metrics(run, study)}

    assert found == {
        "sensitivity, prick": (1.0, 6),
        "false positive rate, cry": (0.0, 6),
        "share called pain, handling": (1.0, 12),
    }


CLEAN = {"subjects": [], "subject_pictures": 0, "files": 0, "near_duplicates": [], "clean": True}


def audited(**found):
    """The card's sentence of a run with these findings of its audit, if there is one."""
    overlaps = [
        {"fold": 0, "sides": list(sides), "pictures": 8, **CLEAN, **found.get(sides[1], {})}
        for sides in (("development", "test"), ("training", "validation"))
    ]
    results = {"folds": [{}], "pictures": 8, "subjects": 6, "audit": overlaps, "training": []}
    results["without_face"] = {"pictures": 0}
    run = SimpleNamespace(protocol="strict", metrics=lambda: results)
    return _evaluation(run, is_ensemble_of_folds=False)[3:]


@pytest.mark.parametrize(
    ("found", "words", "verdict"),
    [
        (
            {"near_duplicates": [["a.png", "b.png"]]},
            "up to 1 pair of a tested picture and one seen in training that look alike.",
            "may be",
        ),
        (
            {"subjects": ["s1", "s2"], "subject_pictures": 4},
            "up to 2 tested infants seen in training, to whom 50 % of the tested pictures belong.",
            "are",
        ),
    ],
)
def test_the_audits_verdict_says_what_was_found(found, words, verdict):
    assert audited(test={**found, "clean": False}) == (
        f"The audit is not clean: {words} So the metrics {verdict} too high.",
    )


def test_what_only_training_and_validation_share_makes_no_metric_too_high():
    assert audited() == ()
    assert audited(validation={"files": 3, "clean": False}) == (
        "What was tested was not seen in training, but training and validation share pictures or infants.",
    )
