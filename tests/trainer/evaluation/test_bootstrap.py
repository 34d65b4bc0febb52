"""Intervals resample infants, so they know less than the number of pictures suggests."""

import numpy as np
import pytest

from trainer.evaluation.bootstrap import cluster_intervals, interval_of, paired_difference, resamples
from trainer.evaluation.metrics import area_under_curve


def infants(effect, each=20, count=12, seed=0):
    """Pictures whose logits are shifted by an amount that belongs to the infant."""
    random = np.random.default_rng(seed)
    subjects = np.repeat([f"s{number}" for number in range(count)], each)
    labels = np.tile([0.0, 1.0], count * each // 2)
    logits = 2 * labels - 1 + np.repeat(random.normal(0, effect, count), each) + random.normal(0, 1, count * each)
    return labels, logits, subjects


def test_whole_infants_are_resampled():
    subjects = np.array(["a", "a", "b", "c", "c", "c"])

    for rows in resamples(subjects, 50):
        counts = {name: int((subjects[rows] == name).sum()) for name in "abc"}
        assert counts["a"] % 2 == 0
        assert counts["c"] % 3 == 0


def test_pictures_that_depend_on_the_infant_give_wider_intervals_than_independent_ones():
    labels, logits, subjects = infants(effect=2.0)
    clustered = cluster_intervals(labels, logits, subjects, 150)["sensitivity"]
    independent = cluster_intervals(labels, logits, np.arange(len(labels)).astype(str), 150)["sensitivity"]

    assert clustered.value == independent.value
    assert clustered.high - clustered.low > 1.3 * (independent.high - independent.low)
    assert clustered.low < clustered.value < clustered.high


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    covered = 0
    for seed in range(40):
        labels, logits, subjects = infants(effect=0.5, seed=seed, count=20, each=10)
        interval = cluster_intervals(labels, logits, subjects, 100)["auc"]
        covered += interval.low <= 0.898 <= interval.high  # area for a distance of 2 at a spread of sqrt(1.25)

    assert covered >= 32


def test_a_paired_difference_is_narrower_than_two_intervals_and_signed():
    labels, logits, subjects = infants(effect=2.0)
    better = logits + 0.5 * (2 * labels - 1)

    gain = paired_difference(labels, logits, better, subjects, area_under_curve, 150)
    loss = paired_difference(labels, better, logits, subjects, area_under_curve, 150)

    assert gain.low > 0
    assert loss.value == -gain.value


def test_the_same_seed_repeats_itself():
    labels, logits, subjects = infants(effect=1.0)

    assert cluster_intervals(labels, logits, subjects, 100) == cluster_intervals(labels, logits, subjects, 100)


def test_a_model_that_always_answers_the_same_has_no_interval_of_width_zero():
    """Six infants with a picture of each label: every resample has the same metrics, which proves nothing of others."""
    labels, subjects = np.tile([0.0, 1.0], 6), np.repeat([f"s{number}" for number in range(6)], 2)

    found = cluster_intervals(labels, np.full(12, 0.7), subjects, 60)

    assert (found["accuracy"].value, found["auc"].value) == (0.5, 0.5)
    widths = {name: interval.high - interval.low for name, interval in found.items() if np.isfinite(interval.low)}
    assert all(width > 0.3 for width in widths.values()), widths
    assert set(widths) == {"sensitivity", "specificity"}  # 1 and 0, which have the exact interval of six infants


@pytest.mark.parametrize("scale", ["share", "positive", "skill", "real"])
def test_resamples_that_agree_but_for_rounding_give_no_interval(scale):
    found = interval_of(0.3, [0.3, 0.1 + 0.2, 0.3] * 20, 8, scale)

    assert np.isnan([found.low, found.high]).all()


def test_a_slope_that_nearly_all_resamples_leave_at_its_limit_has_no_interval():
    found = interval_of(50.0, [50.0] * 58 + [3.0, 4.0], 8, "real")

    assert np.isnan([found.low, found.high]).all()
