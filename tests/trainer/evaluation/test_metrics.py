"""Metrics agree with their definitions and with maintained libraries."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score, log_loss, roc_auc_score

from trainer.evaluation.calibration import fit_temperature, probabilities
from trainer.evaluation.metrics import (
    METRICS,
    area_under_curve,
    calibration_line,
    classifier_metrics,
    confusion,
    expected_calibration_error,
    reliability_bins,
)
from trainer.evaluation.utility import net_benefit, risk_coverage

LOGITS = st.lists(st.floats(-8, 8), min_size=8, max_size=60)


def labelled(logits, seed=0):
    logits = np.round(np.array(logits), 3)
    labels = (np.random.default_rng(seed).random(len(logits)) < 0.5).astype(float)
    labels[:2] = 0.0, 1.0
    return labels, logits


@settings(max_examples=50, deadline=None)
@given(LOGITS)
def test_the_quick_area_is_scikit_learns_also_with_ties(logits):
    labels, logits = labelled(logits)

    assert area_under_curve(labels, logits) == pytest.approx(roc_auc_score(labels, logits), abs=1e-12)


@settings(max_examples=50, deadline=None)
@given(LOGITS)
def test_loss_and_f1_are_scikit_learns(logits):
    labels, logits = labelled(logits)
    found = classifier_metrics(labels, logits)

    assert found["loss"] == pytest.approx(log_loss(labels, probabilities(logits)), abs=1e-9)
    if np.any((logits >= 0) | (labels == 1)):
        assert found["f1"] == pytest.approx(f1_score(labels, logits >= 0), abs=1e-12)


def test_metrics_of_a_known_table():
    labels = np.array([1, 1, 1, 0, 0, 0, 0, 0], float)
    logits = np.array([2, 1, -1, -2, -3, 1, -1, -2], float)

    found = classifier_metrics(labels, logits)

    assert confusion(labels, logits) == {"tp": 2, "fp": 1, "fn": 1, "tn": 4}
    assert found["accuracy"] == 0.75
    assert found["sensitivity"] == pytest.approx(2 / 3)
    assert found["specificity"] == 0.8


def test_one_class_has_no_area_and_no_answer_is_no_number():
    assert np.isnan(classifier_metrics(np.ones(3), np.zeros(3))["auc"])
    assert np.isnan(classifier_metrics(np.zeros(0), np.zeros(0))["accuracy"])


def test_honest_probabilities_have_little_calibration_error_and_the_ideal_line():
    random = np.random.default_rng(1)
    logits = random.normal(0, 2, 20_000)
    labels = (random.random(20_000) < probabilities(logits)).astype(float)

    slope, intercept = calibration_line(labels, logits)

    assert expected_calibration_error(labels, probabilities(logits)) < 0.015
    assert slope == pytest.approx(1.0, abs=0.05)
    assert intercept == pytest.approx(0.0, abs=0.05)
    assert calibration_line(labels, 3 * logits)[0] == pytest.approx(1 / 3, abs=0.02)


@pytest.mark.parametrize("overconfidence", [0.3, 1.0, 4.0])
def test_the_temperature_undoes_overconfidence(overconfidence):
    random = np.random.default_rng(2)
    logits = random.normal(0, 1.5, 20_000)
    labels = (random.random(20_000) < probabilities(logits)).astype(float)

    assert fit_temperature(logits * overconfidence, labels) == pytest.approx(overconfidence, rel=0.07)


@settings(max_examples=30, deadline=None)
@given(LOGITS)
def test_the_temperature_changes_no_answer(logits):
    labels, logits = labelled(logits)

    temperature = fit_temperature(logits, labels)

    assert 0.04 < temperature < 21
    assert np.array_equal(logits / temperature >= 0, logits >= 0)


@pytest.mark.parametrize("confidence", [2.0, 8.0, 44.0])
def test_a_few_perfectly_separated_pictures_are_no_reason_for_certainty(confidence):
    """A validation part of twenty pictures without a mistake once asked for probabilities of 1 to 43 decimals."""
    labels = np.repeat([0.0, 1.0], 10)
    logits = np.where(labels == 1, confidence, -confidence)

    temperature = fit_temperature(logits, labels)
    calibrated = probabilities(logits, temperature)

    assert 0.85 < calibrated.max() < 0.998
    assert calibrated.min() == pytest.approx(1.0 - calibrated.max())
    assert (temperature > 1.0) == (confidence > np.log(11.0))


@pytest.mark.parametrize("pain", [1, 3, 9])
def test_the_temperature_does_not_depend_on_which_class_is_called_pain(pain):
    """Both targets follow Platt's rule, each with the number of its own class."""
    labels = np.repeat([1.0, 0.0], [pain, 10 - pain])
    logits = np.where(labels == 1, 3.0, -4.0)
    assert fit_temperature(logits, labels) == pytest.approx(fit_temperature(-logits, 1.0 - labels), rel=1e-3)


def test_what_twenty_pictures_say_of_the_temperature_is_not_taken_at_its_word():
    """Of an honest network, twenty pictures at a time: the temperature stays nearer to 1 than the likeliest one."""
    random = np.random.default_rng(5)
    logits = random.normal(0, 2, (200, 20))
    labels = (random.random((200, 20)) < probabilities(logits)).astype(float)

    found = np.log([fit_temperature(*pair) for pair in zip(logits, labels, strict=True)])

    assert abs(np.median(found)) < 0.25
    assert np.std(found) < 0.5


def test_the_more_pictures_are_right_the_more_confidence_is_allowed():
    def confidence(pictures):
        labels = np.repeat([0.0, 1.0], pictures)
        logits = np.where(labels == 1, 8.0, -8.0)
        return probabilities(logits, fit_temperature(logits, labels)).max()

    allowed = [confidence(pictures) for pictures in (5, 20, 100, 1000)]

    assert allowed == sorted(allowed)
    assert allowed[0] < 0.97
    assert allowed[3] > 0.99


def test_abstaining_from_the_least_certain_lowers_the_error_of_an_honest_model():
    random = np.random.default_rng(3)
    logits = random.normal(0, 2, 5_000)
    labels = (random.random(5_000) < probabilities(logits)).astype(float)

    points = risk_coverage(labels, logits)["points"]

    assert points[1]["error"] < points[4]["error"] < points[9]["error"]
    assert points[9]["pictures"] == 5_000


def test_net_benefit_of_a_perfect_model_is_the_prevalence():
    labels = np.array([1, 1, 0, 0, 0], float)

    found = net_benefit(labels, np.where(labels == 1, 9.0, -9.0))

    assert all(point["model"] == pytest.approx(0.4) for point in found)
    assert next(point for point in found if point["threshold"] == 0.4)["all"] == pytest.approx(0.0)


@pytest.mark.parametrize("prior", [0.1, 0.25, 0.5, 0.8])
def test_the_brier_skill_is_nothing_for_the_base_rate_and_one_for_the_truth(prior):
    labels = np.array([1.0] * round(20 * prior) + [0.0] * round(20 * (1 - prior)))
    base_rate = np.full(20, np.log(prior / (1 - prior)))
    assert classifier_metrics(labels, base_rate)["brier_skill"] == pytest.approx(0.0, abs=1e-9)
    assert classifier_metrics(labels, 60.0 * labels - 30.0)["brier_skill"] == pytest.approx(1.0, abs=1e-9)


def test_all_metrics_are_given_unless_the_line_is_left_out():
    labels, logits = np.array([0.0, 1.0, 0.0, 1.0, 1.0]), np.array([-1.0, 2.0, 0.5, -0.5, 1.0])
    assert set(classifier_metrics(labels, logits)) == set(METRICS)
    without = classifier_metrics(labels, logits, with_line=False)
    assert set(METRICS) - set(without) == {
        "calibration_slope",
        "calibration_intercept",
        "calibration_in_the_large",
    }


@pytest.mark.parametrize(("middle", "unit"), [(0.0, 1.0), (50.0, 30.0), (-50.0, 0.1), (5.0, 0.1)])
def test_the_calibration_line_is_found_wherever_the_logits_lie(middle, unit):
    random = np.random.default_rng(3)
    standard = random.normal(size=200)
    labels = (random.random(200) < probabilities(1.5 * standard + 0.5)).astype(float)
    slope, intercept = calibration_line(labels, standard)

    moved = calibration_line(labels, middle + unit * standard)

    assert moved[0] * unit == pytest.approx(slope, rel=1e-2)
    assert moved[1] + moved[0] * middle == pytest.approx(intercept, abs=1e-2)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(-3, 3), st.booleans()), min_size=1, max_size=80), st.randoms())
def test_the_order_of_the_rows_decides_nothing(answers, random):
    """Networks that answer few values, or always the same, are common; tables are sorted by label."""
    shuffled = random.sample(answers, len(answers))
    found = []
    for rows in (sorted(answers, key=lambda row: row[1]), shuffled):
        logits, labels = (np.array(column, float) for column in zip(*rows, strict=True))
        chance = probabilities(logits)
        bins = [number for one in reliability_bins(labels, chance) for number in one]
        risk = risk_coverage(labels, logits)
        found.append([expected_calibration_error(labels, chance), *bins, risk["aurc"]])
        found[-1] += [point["error"] for point in risk["points"]]
    assert found[0] == pytest.approx(found[1])


def test_answers_that_are_all_the_same_are_one_bin():
    labels = np.repeat([1.0, 0.0], 50)
    assert reliability_bins(labels, np.full(100, 0.5)) == [(0.5, 0.5, 100)]
    assert expected_calibration_error(labels, np.full(100, 0.5)) == 0.0
    assert {point["error"] for point in risk_coverage(labels, np.zeros(100))["points"]} == {0.5}
