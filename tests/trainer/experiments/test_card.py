"""The metrics of a model card are called what they are."""

from types import SimpleNamespace

import numpy as np
import pytest

from trainer.evaluation.groups import per_stimulus
from trainer.experiments.card import carried_metrics


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
