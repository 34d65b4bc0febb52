"""Comparisons: no run is lost or mistaken for another, and both protocols stand beside each other."""

import json
from dataclasses import replace

import numpy as np
import pytest

from trainer.evaluation.comparison import table_one
from trainer.evaluation.gap import gap_table
from trainer.evaluation.groups import per_stimulus
from trainer.evaluation.metrics import expected_calibration_error, reliability_bins
from trainer.evaluation.pairing import comparable, paired_table
from trainer.evaluation.published import PUBLISHED, published_for
from trainer.evaluation.results import PredictionRow, PredictionTable, evaluate
from trainer.evaluation.run_summary import RunSummary, with_unique_titles


def answers(strength, *, folds=2, infants=8, each=6, stress=("cry",), seed=0, repeated=False):
    """Answers whose logits follow the label by `strength`; crying looks like pain."""
    random = np.random.default_rng(seed)
    rows = []
    for infant in range(infants):
        for shot in range(each):
            stimulus = "pain" if shot % 2 else "rest"
            label, tested = shot % 2, range(folds) if repeated else [infant % folds]
            rows += [
                row(fold, f"{infant}-{shot}", infant, label, stimulus, "main", strength * (2 * label - 1) + noise)
                for fold, noise in zip(tested, random.normal(size=len(tested)), strict=True)
            ]
        rows += [row(infant % folds, f"{infant}-{name}", infant, 0, name, "stress", strength) for name in stress]
    return PredictionTable(rows)


def row(fold, image, infant, label, stimulus, role, logit):
    score = float(1 / (1 + np.exp(-logit)))
    return PredictionRow(fold, image, image, f"s{infant}", label, stimulus, role, float(logit), score, 0.0)


def with_logits(table, logits):
    rows = [replace(line, logit=float(logit)) for line, logit in zip(table.rows, logits, strict=True)]
    return PredictionTable(rows)


def entry(name="run", model="ncnn", protocol="strict", digest="a" * 64, strength=1.0, **options):
    table = answers(strength, repeated=protocol == "dissertation", **options)
    metrics = evaluate(table, [], count=50) | {"training": [{"validation_accuracy": 0.9}] * 2}
    return RunSummary(name, model, model.upper(), protocol, "cope", "", digest, "f" * 64, metrics, table)


def test_two_runs_of_one_model_keep_their_rows():
    entries = with_unique_titles([entry("first"), entry("second", strength=3.0)])

    table = table_one(entries)

    assert [cells[0] for cells in table.rows] == ["NCNN (first)", "NCNN (second)"]
    assert table.rows[0][3] != table.rows[1][3]


def test_pictures_of_one_name_but_another_digest_are_distinguished():
    entries = with_unique_titles([entry("one", digest="a" * 64), entry("other", digest="b" * 64)])

    assert [item.data for item in entries] == ["cope (aaaaaa)", "cope (bbbbbb)"]
    assert "COPE (BBBBBB) test" in table_one(entries).head


def test_within_a_protocol_the_baselines_come_first():
    entries = [entry("a", model="mimic"), entry("b", model="ridge"), entry("c", model="mimic", protocol="dissertation")]

    table = table_one(with_unique_titles([*entries, entry("d", model="geometric")]))

    order = [(cells[1], cells[0]) for cells in table.rows]
    assert [title for _, title in order] == ["MIMIC", "GEOMETRIC", "RIDGE", "MIMIC"]


def test_the_published_figure_stands_beside_the_measured_one():
    table = table_one(with_unique_titles([entry(protocol="dissertation")]))

    assert table.rows[0][-1] == "87.2 ± 3.6 (n = 77)"
    assert table.rows[0][2] == "90.0 ± 0.0"


def test_the_gap_is_the_difference_of_both_protocols_with_an_interval_around_it():
    leaky, honest = entry("d", protocol="dissertation", strength=3.0), entry("s", strength=0.2)

    (cells,) = gap_table(with_unique_titles([leaky, honest]), 200).rows
    named = dict(zip(gap_table([], 10).head, cells, strict=True))
    gap, low, high = (float(part.strip("[],")) for part in named["Gap (points)"].split())
    accuracies = [run.metrics["pooled"]["accuracy"]["value"] for run in (leaky, honest)]

    assert gap == pytest.approx(100 * (accuracies[0] - accuracies[1]), abs=0.05)
    assert 0 < low < gap < high


def test_without_both_protocols_there_is_no_gap():
    other = entry("d", protocol="dissertation", digest="b" * 64)

    assert gap_table(with_unique_titles([entry("s"), entry("t", model="mimic")]), 50).rows == []
    assert gap_table(with_unique_titles([entry("s"), other]), 50).rows == []


def test_only_runs_on_the_same_pictures_are_paired():
    base, better = entry("base", strength=0.2), entry("better", model="mimic", strength=3.0)
    other = entry("other", model="ridge", infants=6)
    entries = with_unique_titles([base, better, other])

    table = paired_table(entries, "ncnn", 100)

    assert comparable(base, better)
    assert not comparable(base, other)
    assert [cells[0] for cells in table.rows] == ["MIMIC"]
    assert table.rows[0][4].startswith("+")


def test_a_model_that_is_as_right_but_less_timid_has_the_lower_brier_score():
    bold = entry("bold", model="mimic", strength=3.0)
    logits = bold.table.logits / 8.0
    timid = replace(entry("timid", strength=3.0), table=with_logits(bold.table, logits))

    (cells,) = paired_table(with_unique_titles([timid, bold]), "ncnn", 100).rows
    named = dict(zip(paired_table([], "ncnn", 10).head, cells, strict=True))

    assert named["Accuracy difference (points)"].startswith("+0.0")
    value, low, high = (float(part.strip("[],")) for part in named["Brier score difference"].split())
    assert low < value < high < 0.0
    main = bold.table.is_main
    before, after = (
        float(np.mean((1 / (1 + np.exp(-answers[main])) - bold.table.labels[main]) ** 2))
        for answers in (logits, bold.table.logits)
    )
    assert value == pytest.approx(after - before, abs=5e-4)


def test_crying_that_is_called_pain_is_seen_with_its_interval():
    table = answers(2.0)

    found = {
        item["stimulus"]: item
        for item in per_stimulus(table.labels, table.logits, table.subjects, table.stimuli, table.is_main, 100)
    }

    assert found["cry"]["said_pain_share"] == 1.0
    assert not found["cry"]["trained_on"]
    assert found["cry"]["auc_of_pain_against_it"]["value"] == pytest.approx(0.5, abs=0.2)
    assert found["rest"]["auc_of_pain_against_it"]["low"] > 0.9
    assert found["pain"]["auc_of_pain_against_it"] is None
    low, high = (found["rest"]["said_pain_interval"][end] for end in ("low", "high"))
    assert 0 <= low <= found["rest"]["said_pain_share"] <= high < 0.3


def test_every_fold_of_several_infants_has_intervals_and_all_is_plain_json():
    results = evaluate(answers(1.0), ["lost.png"], count=50)

    for fold in results["folds"]:
        interval = fold["intervals"]["accuracy"]
        assert interval["low"] <= fold["figures"]["accuracy"] <= interval["high"]
    assert results["without_face"]["images"] == ["lost.png"]
    assert json.loads(json.dumps(results, allow_nan=False)) == results


def test_one_infant_has_no_interval():
    results = evaluate(answers(1.0, folds=3, infants=3), [], count=50)

    assert [fold["intervals"] for fold in results["folds"]] == [None, None, None]


def test_reliability_bins_are_what_the_calibration_error_is_made_of():
    random = np.random.default_rng(0)
    chance = random.random(55)
    labels = (random.random(55) < chance).astype(float)

    bins = reliability_bins(labels, chance)

    assert [size for _, _, size in bins] == [11] * 5
    assert sum(size * abs(seen - said) for said, seen, size in bins) / 55 == pytest.approx(
        expected_calibration_error(labels, chance)
    )


@pytest.mark.parametrize("result", PUBLISHED)
def test_a_published_value_belongs_to_its_model_and_its_data(result):
    assert published_for(result.row, result.data_set) is result
    assert published_for(result.row, "another set") is None
    assert published_for("mimic", result.data_set) is None


def test_variants_of_the_ncnn_count_as_ncnn():
    assert published_for("ncnn-modern", "unifesp") is published_for("ncnn", "unifesp")
