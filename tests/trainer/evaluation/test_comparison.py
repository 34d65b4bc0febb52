"""Comparisons: no run is lost or mistaken for another, and both protocols stand beside each other."""

import json
from dataclasses import replace

import numpy as np
import pytest

from trainer.evaluation.gap import gap_table
from trainer.evaluation.groups import per_stimulus
from trainer.evaluation.metrics import expected_calibration_error, reliability_bins
from trainer.evaluation.pairing import comparable, paired_table
from trainer.evaluation.published import PUBLISHED, published_for
from trainer.evaluation.results import PredictionRow, PredictionTable, evaluate
from trainer.evaluation.run_summary import RunSummary, in_order, with_unique_titles
from trainer.evaluation.table_one import FOLD_HEAD, folds_table, table_one
from trainer.experiments.compare import left_out


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
    training = [{"fold": fold, "validation_accuracy": 0.9, "training_accuracy": 0.98 + fold / 50} for fold in range(2)]
    metrics = evaluate(table, [], count=50) | {"training": training}
    return RunSummary(name, model, model.upper(), protocol, "cope", "", digest, "f" * 64, metrics, table)


SUMMARY = RunSummary("run", "ncnn", "NCNN", "strict", "cope", "cope", "a" * 64, "f" * 64, {}, PredictionTable([]))


def test_two_runs_of_one_model_keep_their_rows():
    entries = with_unique_titles([entry("first"), entry("second", strength=3.0)])

    table = table_one(entries)

    tested = [cells for cells in table.rows if cells[0] == "Test"]
    assert [cells[1] for cells in tested] == ["NCNN (first)", "NCNN (second)"]
    assert tested[0][3] != tested[1][3]


def test_pictures_of_one_name_but_another_digest_are_distinguished():
    entries = with_unique_titles([entry("one", digest="a" * 64), entry("other", digest="b" * 64)])

    assert [item.data for item in entries] == ["cope (aaaaaa)", "cope (bbbbbb)"]
    assert table_one(entries).head[3::2] == ["COPE (AAAAAA)", "COPE (BBBBBB)"]


def test_runs_are_ordered_by_data_then_protocol_then_baselines_then_title():
    keys = [
        ("a", "dissertation", "ridge"), ("a", "dissertation", "mimic"), ("a", "dissertation", "ncnn"),
        ("a", "strict", "geometric"), ("a", "strict", "ridge"), ("a", "strict", "mimic"),
        ("b", "dissertation", "ridge"),
    ]  # fmt: skip
    runs = [replace(SUMMARY, data=data, protocol=protocol, model=model, title=model) for data, protocol, model in keys]
    assert [(run.data, run.protocol, run.model) for run in in_order([*runs[3:], *reversed(runs[:3])])] == keys


def test_within_a_protocol_the_baselines_come_first():
    entries = [entry("a", model="mimic"), entry("b", model="ridge"), entry("c", model="mimic", protocol="dissertation")]

    table = table_one(with_unique_titles([*entries, entry("d", model="geometric")]))

    for part in ("Training", "Validation", "Test", "Test, pooled"):
        assert [cells[1] for cells in table.rows if cells[0] == part] == ["MIMIC", "GEOMETRIC", "RIDGE", "MIMIC"]


@pytest.mark.parametrize(
    ("model", "data_set", "published"),
    [
        ("ncnn", "cope", ("100.0 ± 0.0", "99.6 ± 0.2", "87.2 ± 3.6")),
        ("ncnn", "unifesp", ("100.0 ± 0.0", "99.5 ± 0.3", "78.7 ± 1.7")),
        ("resnet50-zamzmi", "cope", ("100.0 ± 0.0", "99.3 ± 0.2", "82.9 ± 4.7")),
        ("resnet50-zamzmi", "unifesp", ("100.0 ± 0.0", "99.4 ± 0.2", "76.0 ± 0.7")),
        ("resnet50-proposed", "cope", ("100.0 ± 0.0", "99.5 ± 0.2", "83.8 ± 4.1")),
        ("resnet50-proposed", "unifesp", ("100.0 ± 0.0", "99.2 ± 0.0", "74.7 ± 1.7")),
    ],
)
def test_table_one_has_three_blocks_with_the_published_values_beside_them(model, data_set, published):
    run = replace(entry(model=model, protocol="dissertation"), data_set=data_set)

    table = table_one(with_unique_titles([run]))

    assert [cells[0] for cells in table.rows] == ["Training", "Validation", "Test", "Test, pooled"]
    assert table.head[3:] == [data_set.upper(), f"{data_set.upper()} published"]
    assert tuple(cells[4] for cells in table.rows[:3]) == published
    assert table.rows[0][3] == "99.0 ± 1.4"
    assert table.rows[1][3] == "90.0 ± 0.0"


def test_the_interval_stands_beside_the_number_that_it_is_of_and_not_beside_the_mean_over_the_folds():
    run = entry(strength=0.4, infants=7, folds=3)  # folds of unequal size: the mean over them is another number

    test, pooled = (cells[3] for cells in table_one(with_unique_titles([run])).rows[2:])

    main = run.table.is_main
    right = (run.table.logits >= 0) == (run.table.labels == 1)
    by_fold = [100 * right[main & (run.table.fold == fold)].mean() for fold in range(3)]
    assert test == f"{np.mean(by_fold):.1f} ± {np.std(by_fold, ddof=1):.1f}"
    value, low, high = (float(part.strip("[],")) for part in pooled.split())
    assert value == pytest.approx(100 * right[main].mean(), abs=0.05)
    assert f"{value:.1f}" != test.split()[0]
    assert low < value < high


def test_the_published_rows_come_in_the_published_order_and_an_unmeasured_cell_is_empty():
    runs = [entry(name, model=name, protocol="dissertation") for name in ("resnet50-proposed", "resnet50-zamzmi")]
    other = replace(entry("u", protocol="dissertation"), data_set="unifesp")

    table = table_one(with_unique_titles([*runs, other]))

    tested = [cells for cells in table.rows if cells[0] == "Test"]
    assert [cells[1] for cells in tested] == ["NCNN", "RESNET50-ZAMZMI", "RESNET50-PROPOSED"]
    assert tested[0][3:5] == ["-", "-"]
    assert tested[1][5:] == ["-", "-"]


def test_the_fold_table_agrees_with_a_count_by_hand():
    run = entry(strength=0.7)

    rows = [dict(zip(["run", "data", "protocol", *FOLD_HEAD], row, strict=True)) for row in folds_table([run]).rows]

    for fold, row in enumerate(rows):
        main = run.table.is_main & (run.table.fold == fold)
        pain, said = run.table.labels[main] == 1, run.table.logits[main] >= 0
        counts = [int((a & b).sum()) for a, b in ((pain, said), (pain, ~said), (~pain, said), (~pain, ~said))]
        chance = 1 / (1 + np.exp(-run.table.logits[main]))
        loss = -np.mean(np.where(pain, np.log(chance), np.log(1 - chance)))
        assert [int(row[name]) for name in ("TP", "FN", "FP", "TN")] == counts
        assert float(row["test accuracy"].rstrip(" %")) == pytest.approx(100 * np.mean(pain == said), abs=0.05)
        assert float(row["test loss"]) == pytest.approx(loss, abs=5e-4)
        assert row["training accuracy"] == f"{98 + 2 * fold:.1f} %"


def test_where_the_folds_share_one_half_there_is_no_t_test():
    runs = [entry(name, model=name, protocol="dissertation", seed=len(name)) for name in ("ncnn", "mimic")]
    shared = with_unique_titles(runs)
    divided = with_unique_titles([entry("a", strength=0.5), entry("b", model="mimic", seed=4)])

    assert shared[0].protocol_text == "dissertation, one test half"
    assert paired_table(shared, "ncnn", 50).rows[0][-2:] == ["-", "-"]
    assert float(paired_table(divided, "ncnn", 50).rows[0][-1]) <= 1.0


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


def test_only_runs_of_the_same_settings_have_a_gap_and_how_long_they_trained_is_said():
    settings = {"network.settings.head_leak": 0.01, "training.epochs": 12, "training.label_smoothing": 0.0}
    leaky = replace(entry("d", protocol="dissertation", strength=3.0), settings=settings)
    longer = replace(entry("s", strength=0.2), settings=settings | {"training.epochs": 15, "copies": 4})
    tuned = replace(longer, settings=settings | {"training.label_smoothing": 0.1, "tuning.trials": 9})

    (cells,) = gap_table(with_unique_titles([leaky, longer]), 50).rows
    assert dict(zip(gap_table([], 10).head, cells, strict=True))["Differs as well"] == "copies None / 4, epochs 12 / 15"
    assert left_out([leaky, longer], "ncnn") == []

    assert gap_table(with_unique_titles([leaky, tuned]), 50).rows == []
    assert left_out([leaky, tuned], "ncnn") == [
        "d is in no gap between the protocols: it differs from s in training.label_smoothing, tuning.trials.",
        "s is in no gap between the protocols: it differs from d in training.label_smoothing, tuning.trials.",
    ]


def test_only_runs_on_the_same_pictures_are_paired():
    base, better = entry("base", strength=0.2), entry("better", model="mimic", strength=3.0)
    other = entry("other", model="ridge", infants=6)
    entries = with_unique_titles([base, better, other])

    table = paired_table(entries, "ncnn", 100)

    assert comparable(base, better)
    assert not comparable(base, other)
    assert [cells[0] for cells in table.rows] == ["MIMIC"]
    assert table.rows[0][4].startswith("+")


def test_runs_that_label_the_same_pictures_otherwise_are_not_paired():
    base = entry()
    turned = [replace(one, label=1 - one.label) for one in base.table.rows]

    assert not comparable(base, replace(base, table=PredictionTable(turned)))


def test_a_run_that_is_in_no_pair_or_gap_is_named_with_the_reason():
    base, alike = entry("base"), entry("alike", model="mimic")
    others = entry("others", model="ridge", folds=4)
    alone = entry("alone", model="mimic", protocol="dissertation")
    runs = with_unique_titles([base, alike, others, alone])

    assert left_out(runs, "ncnn") == [
        "alone is in no paired difference: there is no run of 'ncnn' on cope under the dissertation protocol.",
        "others is in no paired difference: it tested other pictures, labels or folds than base.",
        "others is in no gap between the protocols: there is no dissertation run of 'ridge' on cope.",
        "base is in no gap between the protocols: there is no dissertation run of 'ncnn' on cope.",
    ]


def test_a_difference_without_an_interval_is_shown_without_one():
    few = [entry("base", infants=4), entry("other", model="mimic", infants=4, strength=2.0)]
    equal = [entry("base"), replace(entry("other", model="mimic"), title="OTHER")]

    assert not any("nan" in cell or "[" in cell for row in paired_table(few, "ncnn", 100).rows for cell in row)
    assert paired_table(equal, "ncnn", 100).rows[0][4:7] == ["+0.0", "+0.000", "+0.000"]


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
    assert found["rest"]["auc_of_pain_against_it"]["low"] == pytest.approx(0.025 ** (1 / 8))
    assert found["pain"]["auc_of_pain_against_it"] is None
    low, high = (found["rest"]["said_pain_interval"][end] for end in ("low", "high"))
    assert 0 <= low <= found["rest"]["said_pain_share"] <= high < 0.4


def test_every_fold_of_several_infants_has_intervals_and_all_is_plain_json():
    results = evaluate(answers(1.0, infants=12), ["lost.png"], count=50)

    for fold in results["folds"]:
        interval = fold["intervals"]["accuracy"]
        assert interval["low"] <= fold["figures"]["accuracy"] <= interval["high"]
    assert results["without_face"]["images"] == ["lost.png"]
    assert json.loads(json.dumps(results, allow_nan=False)) == results


def test_one_infant_has_no_interval():
    results = evaluate(answers(1.0, folds=3, infants=3), [], count=50)

    assert [fold["intervals"] for fold in results["folds"]] == [None, None, None]


def test_the_calibration_error_is_at_most_the_gaps_of_the_reliability_bins():
    random = np.random.default_rng(0)
    chance = random.random(55)
    labels = (random.random(55) < chance).astype(float)

    bins = reliability_bins(labels, chance)

    assert [size for _, _, size in bins] == [11] * 5
    plain = sum(size * abs(seen - said) for said, seen, size in bins) / 55
    assert 0 <= expected_calibration_error(labels, chance) < plain


@pytest.mark.parametrize("result", PUBLISHED)
def test_a_published_value_belongs_to_its_model_and_its_data(result):
    assert published_for(result.row, result.data_set, result.part) is result
    assert published_for(result.row, "another set") is None
    assert published_for("mimic", result.data_set) is None


def test_variants_of_the_ncnn_count_as_ncnn():
    assert published_for("ncnn-modern", "unifesp") is published_for("ncnn", "unifesp")
