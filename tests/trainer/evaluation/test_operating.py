"""Operating points and net benefit at another prevalence, recomputed without the program's own functions."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.evaluation.benefit import benefit_points, benefit_table
from trainer.evaluation.operating import OperatingTarget, chosen_threshold, operating_point, operating_table
from trainer.evaluation.results import PredictionRow, PredictionTable, evaluate
from trainer.evaluation.run_summary import RunSummary
from trainer.evaluation.utility import net_benefit


def table(rows):
    return PredictionTable(
        PredictionRow(fold, name, name, infant, label, "", "main", logit, 1 / (1 + np.exp(-logit)), 0.0)
        for fold, name, infant, label, logit in rows
    )


def answers(prefix, infants, seed):
    random = np.random.default_rng(seed)
    return table(
        (
            infant % 2,
            f"{prefix}{infant}-{shot}",
            f"{prefix}{infant}",
            shot % 2,
            float(random.normal(2 * (shot % 2) - 1, 1.5)),
        )
        for infant in range(infants)
        for shot in range(8)
    )


@given(
    st.lists(st.tuples(st.integers(0, 1), st.integers(-9, 9)), min_size=4, max_size=40),
    st.sampled_from([0.05, 0.1, 0.5, 0.8, 0.9, 0.99]),
)
def test_a_chosen_threshold_meets_the_target_and_the_next_one_does_not(pairs, wanted):
    labels, logits = np.array([p[0] for p in pairs], float), np.array([p[1] for p in pairs], float)
    pain, calm = logits[labels == 1], logits[labels == 0]
    if len(pain):
        limit = chosen_threshold(labels, logits, OperatingTarget("sensitivity", wanted))
        assert np.mean(pain >= limit) >= wanted - 1e-9
        assert np.mean(pain > limit) < wanted
    if len(calm):
        limit = chosen_threshold(labels, logits, OperatingTarget("false-alarm rate", wanted))
        assert np.mean(calm >= limit) <= wanted + 1e-9
        assert limit == -np.inf or np.mean(calm >= np.floor(limit)) > wanted - 1e-9


def test_the_tested_pictures_take_no_part_in_the_choice():
    tested, inner = answers("t", 12, 1), answers("i", 10, 2)
    target = OperatingTarget("sensitivity", 0.8)

    point = operating_point(tested, inner, target)

    right, pain, rejected, calm = 0, 0, 0, 0
    for fold in (0, 1):
        known = sorted((r.logit for r in inner.rows if r.fold == fold and r.label), reverse=True)
        limit = known[int(np.ceil(0.8 * len(known))) - 1]
        assert point["thresholds"][fold] == pytest.approx(1 / (1 + np.exp(-limit)))
        for row in tested.rows:
            if row.fold == fold:
                right += row.label and row.logit >= limit
                pain += row.label
                rejected += (not row.label) and row.logit < limit
                calm += not row.label
    assert point["sensitivity"]["value"] == pytest.approx(right / pain)
    assert point["specificity"]["value"] == pytest.approx(rejected / calm)
    assert point["sensitivity"]["low"] < point["sensitivity"]["value"] < point["sensitivity"]["high"]
    one_class = PredictionTable(row for row in inner.rows if not row.label)
    assert operating_point(tested, one_class, target) is None


@pytest.fixture(scope="module")
def entry():
    tested = answers("t", 12, 1)
    metrics = evaluate(tested, [], count=50)
    digests = ("a" * 64, "f" * 64)
    return RunSummary("run", "ncnn", "N-CNN", "strict", "x", "x", *digests, metrics, tested, answers("i", 10, 2))


def test_runs_without_inner_answers_have_no_operating_point(entry):
    without = RunSummary("old", "ncnn", "Old", "strict", "x", "x", "a" * 64, "f" * 64, entry.metrics, entry.table)

    rows = operating_table([entry, without], [OperatingTarget("false-alarm rate", 0.1)]).rows

    assert [row[0] for row in rows] == ["N-CNN"]
    assert rows[0][3] == "false-alarm rate at most 0.1"


def test_net_benefit_at_another_prevalence_is_the_textbooks(entry):
    found = benefit_table([entry], 0.1, 100)

    labels, logits = entry.table.labels, entry.table.logits
    moved = logits + np.log(0.1 / 0.9) - np.log(labels.mean() / (1 - labels.mean()))
    acted = 1 / (1 + np.exp(-moved)) >= 0.2
    benefit = 0.1 * acted[labels == 1].mean() - 0.9 * acted[labels == 0].mean() * 0.2 / 0.8
    model, everyone = found.rows
    column = found.head.index("at 0.2")
    value, low, high = (
        float(part) for part in model[column].replace("[", "").replace("]", "").replace(",", "").split()
    )
    assert value == pytest.approx(benefit, abs=5e-4)
    assert low < value < high
    assert float(everyone[column]) == pytest.approx(0.1 - 0.9 * 0.25, abs=5e-4)
    assert "a share of pain of 10 %" in found.note


def test_probabilities_of_balanced_classes_are_moved_from_a_half(entry):
    """The share among the pictures is not what they hold for: what moves them is that of the training."""
    few = PredictionTable([row for row in entry.table.rows if row.label == 0 or row.image.endswith("-1")])
    labels, logits, subjects = few.labels, few.logits, few.subjects
    balanced = replace(entry, table=few, settings={"training.balance_classes": True})

    points = {point["threshold"]: point["model"] for point in benefit_points(balanced, 0.1, 20)}

    acted = 1 / (1 + np.exp(-(logits + np.log(0.1 / 0.9)))) >= 0.2
    assert points[0.2] == pytest.approx(
        0.1 * acted[labels == 1].mean() - 0.9 * acted[labels == 0].mean() * 0.2 / 0.8, abs=1e-9
    )
    own = net_benefit(labels, logits, subjects, prevalence=0.1, count=20)
    assert points != {point["threshold"]: point["model"] for point in own}


def test_a_threshold_that_no_answer_reaches_has_no_interval_of_width_zero(entry):
    labels, subjects = entry.table.labels, entry.table.subjects

    found = net_benefit(labels, np.full(len(labels), -1.0), subjects, count=50)

    high = next(point for point in found if point["threshold"] == 0.7)
    assert (high["model"], high["low"], high["high"]) == (0.0, None, None)
