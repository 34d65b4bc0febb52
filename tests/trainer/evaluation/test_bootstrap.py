"""Intervals resample infants, so they know less than the number of pictures suggests."""

import numpy as np
import pytest
from scipy.special import expit

from trainer.evaluation.bootstrap import as_json, cluster_intervals, interval_of, paired_difference, resamples
from trainer.evaluation.groups import per_group
from trainer.evaluation.metrics import accuracy, area_under_curve, debiased_calibration_gap
from trainer.evaluation.utility import net_benefit


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

    first, second = (as_json(cluster_intervals(labels, logits, subjects, 100)) for _ in range(2))
    assert first == second


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


@pytest.mark.parametrize("in_pain", [3, 5])
def test_infants_without_a_picture_of_the_class_do_not_count(in_pain):
    """Thirty infants, few of them in pain, all answered rightly: that is few infants for the sensitivity."""
    subjects = np.array([f"s{number:02d}" for number in range(30)] + [f"s{number:02d}" for number in range(in_pain)])
    labels = np.repeat([0.0, 1.0], [30, in_pain])
    logits = np.where(labels == 1.0, 1.0, -1.0)
    logits[:10] = 0.5  # ten calm pictures are called pain, so that precision and specificity have errors

    found = cluster_intervals(labels, logits, subjects, 60)
    (group,) = per_group(labels, logits, subjects, np.full(len(labels), "all"), 60)

    has_interval = {name for name, interval in found.items() if np.isfinite(interval.low)}
    assert ("sensitivity" in has_interval) == ("auc" in has_interval) == (in_pain >= 5)
    assert {"accuracy", "specificity", "precision"} <= has_interval
    assert (group["sensitivity"]["low"] is not None) == (group["auc"]["low"] is not None) == (in_pain >= 5)
    if in_pain == 5:
        lone = 0.025 ** (1 / 5)
        assert (found["sensitivity"].value, found["sensitivity"].low) == (1.0, pytest.approx(lone))


def test_a_difference_of_areas_needs_infants_of_both_classes():
    labels, logits, subjects = infants(effect=1.0, count=12)
    kept = (labels == 0.0) | np.isin(subjects, ["s0", "s1", "s2"])
    labels, logits, subjects = labels[kept], logits[kept], subjects[kept]

    assert np.isnan(paired_difference(labels, logits, -logits, subjects, area_under_curve, 60).low)
    assert np.isfinite(paired_difference(labels, logits, -logits, subjects, accuracy, 60).low)


def test_a_difference_that_is_rounding_noise_has_no_interval():
    """One more right picture in each of ten infants: the resampled differences are 0.1 but for the last digits."""
    labels, subjects = np.tile([0.0, 1.0] * 5, 10), np.repeat([f"s{number}" for number in range(10)], 10)
    random = np.random.default_rng(1)
    wrong = np.zeros((10, 10), bool)
    for row in wrong:
        row[random.permutation(10)[: random.integers(1, 8)]] = True
    better = wrong.copy()
    for row in better:
        row[np.flatnonzero(row)[0]] = False
    first, second = (np.where(part.ravel(), 1.0, -1.0) * np.where(labels == 1.0, -1.0, 1.0) for part in (wrong, better))

    found = paired_difference(labels, first, second, subjects, accuracy, 200)

    assert found.value == pytest.approx(0.1)
    assert np.isnan([found.low, found.high]).all()


def test_a_net_benefit_that_is_the_same_but_for_rounding_has_no_interval():
    labels, subjects = np.tile([0.0, 1.0, 1.0], 7), np.repeat([f"s{number}" for number in range(7)], 3)
    points = net_benefit(labels, np.full(21, 3.0), subjects, count=60)

    assert all(point["low"] is None and point["high"] is None for point in points if point["threshold"] < 0.9)


def calibrated(count, random, slope=1.0):
    """Pictures of infants whose answers are right on the whole, or too sure by a factor."""
    logits = random.normal(0.0, 1.5, count * 8)
    labels = (random.random(count * 8) < expit(logits)).astype(float)
    return labels, slope * logits, np.repeat(np.arange(count).astype(str), 8)


def test_the_interval_of_the_calibration_error_holds_0_for_calibrated_models_and_not_for_others():
    random = np.random.default_rng(0)
    held = []
    for _ in range(40):
        found = cluster_intervals(*calibrated(26, random), 2)["ece"]
        assert 0.0 <= found.low <= found.value <= found.high < 0.5
        held.append(found.low <= 0.005)

    assert np.mean(held) > 0.9
    assert cluster_intervals(*calibrated(60, random, slope=5.0), 2)["ece"].low > 0.05


def test_the_interval_of_the_calibration_error_is_the_jackknifes_over_infants():
    labels, logits, subjects = infants(effect=0.5)
    gap = debiased_calibration_gap(labels, expit(logits))
    left = np.array(
        [debiased_calibration_gap(labels[subjects != n], expit(logits[subjects != n])) for n in np.unique(subjects)]
    )
    reach = 2.200985 * np.sqrt(11 / 12 * np.sum((left - left.mean()) ** 2))

    found = cluster_intervals(labels, logits, subjects, 2)["ece"]

    assert found.low == pytest.approx(max(0.0, gap - reach), abs=1e-6)
    assert found.high == pytest.approx(gap + reach, abs=1e-6)
    few = subjects <= "s11"
    assert np.isnan(cluster_intervals(labels[few], logits[few], subjects[few], 2)["ece"].low)
