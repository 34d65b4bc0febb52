"""Numbers that a reader can check with a pencil: net benefit, risk and coverage, confusers, disagreement."""

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import confusion_matrix, roc_auc_score

from trainer.evaluation.groups import per_stimulus
from trainer.evaluation.utility import net_benefit, risk_coverage
from trainer.networks import mutual_information

LABELS = np.array([1, 1, 1, 0, 0, 0, 0, 0, 1, 0], float)
CHANCES = np.array([0.9, 0.8, 0.3, 0.7, 0.2, 0.1, 0.4, 0.05, 0.6, 0.55])
LOGITS = np.log(CHANCES / (1 - CHANCES))


@pytest.mark.parametrize("threshold", [0.05, 0.25, 0.5, 0.75])
def test_net_benefit_is_true_alarms_less_false_ones_at_the_thresholds_odds(threshold):
    found = next(entry for entry in net_benefit(LABELS, LOGITS) if entry["threshold"] == threshold)

    said = np.greater_equal(CHANCES, threshold - 1e-12)
    _, fp, _, tp = confusion_matrix(LABELS, said).ravel()
    odds = threshold / (1 - threshold)
    assert found["model"] == pytest.approx((tp - fp * odds) / 10)
    assert found["all"] == pytest.approx((4 - 6 * odds) / 10)
    assert found["none"] == 0


def test_the_surest_answers_come_first_in_risk_and_coverage():
    found = risk_coverage(LABELS, LOGITS)

    # By |p - 0.5|: .05, .1 and .9, .8 and .2, .7 (wrong) and .3 (wrong), .4 and .6, .55 (wrong).
    wrong = np.array([0, 0, 0, 0, 0, 1, 1, 0, 0, 1])
    assert found["aurc"] == pytest.approx(float(np.mean(np.cumsum(wrong) / np.arange(1, 11))))
    by_coverage = {point["coverage"]: point["error"] for point in found["points"]}
    assert by_coverage[0.5] == 0
    assert by_coverage[0.7] == pytest.approx(2 / 7)
    assert by_coverage[1.0] == pytest.approx(0.3)


def test_coverage_by_disagreement_leaves_out_the_pictures_that_members_dispute():
    disputed = np.array([0, 0, 9, 9, 0, 0, 0, 0, 0, 9], float)

    errors = {point["coverage"]: point["error"] for point in risk_coverage(LABELS, LOGITS, disputed)["points"]}

    assert errors[0.7] == 0
    assert errors[1.0] == pytest.approx(0.3)


def test_each_confuser_has_its_share_of_false_alarms_and_its_area():
    stimuli = np.array(["pain"] * 3 + ["cry", "air", "rest", "rest", "rest"] + ["pain", "cry"])
    is_main = np.isin(stimuli, ["pain", "rest"])
    subjects = np.array([f"s{index % 4}" for index in range(10)])

    found = {entry["stimulus"]: entry for entry in per_stimulus(LABELS, LOGITS, subjects, stimuli, is_main, 50)}

    assert found["cry"]["said_pain_share"] == 1.0
    assert found["air"]["said_pain_share"] == 0.0
    assert found["pain"]["said_pain_share"] == 0.75
    assert not found["cry"]["trained_on"]
    crying = np.isin(stimuli, ["pain", "cry"])
    area = found["cry"]["auc_of_pain_against_it"]["value"]
    assert area == pytest.approx(roc_auc_score(LABELS[crying], LOGITS[crying]))


def test_members_that_contradict_each_other_disagree_by_the_textbook():
    def entropy(p):
        return -p * math.log(p) - (1 - p) * math.log(1 - p)

    chances = torch.tensor([[0.9, 0.7, 0.2], [0.1, 0.7, 0.4]], dtype=torch.float64)

    found = mutual_information(torch.logit(chances))

    by_hand = [entropy((a + b) / 2) - (entropy(a) + entropy(b)) / 2 for a, b in chances.T.tolist()]
    np.testing.assert_allclose(found.numpy(), by_hand, atol=1e-9)
    assert found[1] == pytest.approx(0, abs=1e-9)
