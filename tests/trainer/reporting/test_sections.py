"""Sentences of the report that depend on metrics which may be missing."""

import re
from types import SimpleNamespace

import pytest
from matplotlib.figure import Figure

from trainer.evaluation.results import PredictionRow, PredictionTable
from trainer.evaluation.run_summary import RunSummary
from trainer.evaluation.utility import net_benefit
from trainer.reporting.document import Notice
from trainer.reporting.plotting import bar_of, bar_words, style_of, style_words
from trainer.reporting.sections.checklist_answers import _about_models, _steps
from trainer.reporting.sections.limits import _always, _leaks, _prevalence, _size
from trainer.reporting.sections.overview import _warnings
from trainer.reporting.sections.training import audit_section, training_section
from trainer.reporting.sections.utility import _act_on_all
from trainer.training import TrainingSettings


def comparison_of(*accuracies):
    """A comparison of runs over six infants with these accuracies."""
    entries = [SimpleNamespace(metrics={"subjects": 6, "pooled": {"accuracy": found}}) for found in accuracies]
    return SimpleNamespace(data=["set"], of=lambda _: [SimpleNamespace(entry=entry) for entry in entries])


def test_where_no_accuracy_has_an_interval_the_widest_is_not_said_to_span_nothing():
    none, some = {"value": 0.5, "low": None, "high": None}, {"value": 0.8, "low": 0.6, "high": 0.9}

    (without,), (with_one,) = _size(comparison_of(none)), _size(comparison_of(none, some))

    assert without.startswith("set: 6 infants. No accuracy has an interval, since infants are too few or all alike; ")
    assert "The widest 95 % interval of an accuracy spans 30 points" in with_one


@pytest.mark.parametrize(
    ("pains", "said"), [((2,), "10 %"), ((2, 2), "10 %"), ((1, 6), "5 to 30 %")], ids=["one", "alike", "several"]
)
def test_the_share_of_pain_is_that_of_the_tested_pictures(pains, said):
    """Confusers and repeated answers do not count; nothing is said of pictures that nobody looked at."""
    parts = [SimpleNamespace(entry=run_of(pain)) for pain in pains]

    (sentence,) = _prevalence(SimpleNamespace(data=["set"], of=lambda _: parts))

    assert sentence.startswith(f"set: {said} of the tested pictures show pain. ")
    assert not re.search("[Hh]alf|rare here", " ".join(_always()))


def run_of(pain):
    """A run that tested 20 pictures twice, so many of them of pain, and a confuser."""
    rows = [
        PredictionRow(fold, f"{i}.png", f"{i}", f"s{i}", int(i < pain), "", role, 0.0, 0.5, 0.0)
        for i, role in [*((i, "main") for i in range(20)), (20, "stress")]
        for fold in range(2)
    ]
    return RunSummary("run", "ncnn", "N", "strict", "set", "set", "a", "f", {}, PredictionTable(rows))


def test_an_evaluation_is_drawn_as_neither_protocol_and_captions_name_what_is_there():
    strict, leaky, outside = (SimpleNamespace(protocol=name) for name in ("strict", "dissertation", "external"))

    assert len({style_of(entry) for entry in (strict, leaky, outside)}) == 3
    assert len({str(bar_of(entry, "red")) for entry in (strict, leaky, outside)}) == 3
    assert style_words([outside, strict]) == (
        "Whole lines: strict protocol; dashed and dotted: a finished model, evaluated."
    )
    assert bar_words([strict, leaky]) == "Filled bars: strict protocol; hollow bars: dissertation protocol."


@pytest.mark.parametrize(("external", "said"), [((True,), []), ((True, False), ["every run that trained"])])
def test_only_of_runs_that_trained_it_is_said_that_they_divide_infants(external, said):
    parts = [SimpleNamespace(run=SimpleNamespace(is_external=one), subjects_are_known=True) for one in external]
    entry = SimpleNamespace(protocol="external")

    found = list(_leaks(SimpleNamespace(entries=[entry], reported=parts)))

    assert len(found) == len(said)
    assert all(part in sentence for part, sentence in zip(said, found, strict=True))


def test_what_a_search_chose_is_in_the_report_and_no_value_that_no_network_had():
    """The settings of the run are those before the search."""
    rate = "training.optimiser.learning_rate"
    folds = [
        {"fold": fold, "tuned": {rate: value}, "trials": [{"values": {rate: value}, "inner_loss": loss}, other]}
        for fold, (value, loss) in enumerate([(0.00067, 0.5), (0.0030119, 0.4)])
        for other in [{"values": {rate: 0.02}, "inner_loss": None}]
    ]
    training = {"optimiser": {"name": "adamw", "learning_rate": 0.001}, "batch_size": 16, "epochs": 9}
    record = {"summary": "a network", "training": training | {"patience_epochs": 3}}
    entry = SimpleNamespace(title="Mimic", protocol="strict", data="set")
    facts = {"histories": [], "history_missing": "gone", "is_network": True}
    part = SimpleNamespace(entry=entry, metrics={"training": folds}, run=SimpleNamespace(record=record), **facts)
    plain = SimpleNamespace(entry=entry, metrics={"training": [{"fold": 0}]}, run=part.run, **facts)

    *_, searched, _ = training_section(SimpleNamespace(reported=[part])).blocks
    (_, only) = training_section(SimpleNamespace(reported=[plain])).blocks

    assert searched.table.rows == [
        ["Mimic", "strict", "set", "1", "2", f"{rate} 0.00067", "0.500"],
        ["Mimic", "strict", "set", "2", "2", f"{rate} 0.003012", "0.400"],
    ]
    assert only.table.title == "Networks"
    assert "adamw at a searched value, batch 16, at most 9 epochs, patience 3." in _steps(part)
    assert f"Searched in each fold, by the loss of inner infants: {rate}; " in _steps(part)
    assert _steps(plain) == "Mimic: a network; adamw at 0.001, batch 16, at most 9 epochs, patience 3."


@pytest.mark.parametrize("balanced", [True, False])
def test_the_checklist_says_which_share_of_pain_the_probabilities_hold_for(balanced):
    training = TrainingSettings(balance_classes=balanced).model_dump(mode="json")
    contract = {"size_px": 32, "margin": 0.0}
    record = {"contract": contract, "training": training, "summary": "a network", "config": {}}
    run = SimpleNamespace(record=record, config=SimpleNamespace(tuning=None))
    part = SimpleNamespace(
        is_network=True,
        is_baseline=False,
        entry=SimpleNamespace(title="Mimic"),
        run=run,
        metrics={"training": [{"fold": 0}]},
    )

    answer = _about_models(SimpleNamespace(reported=[part]))["13"]

    assert answer.startswith("Mimic: classes weighted" if balanced else "Mimic: no method used.")
    assert ("hold for a share of pain of 50 %" in answer) == balanced
    assert "recalibrates" not in answer


def test_an_audit_that_found_only_pictures_that_look_alike_does_not_speak_of_infants():
    overlap = {"fold": 0, "sides": ["development", "test"], "pictures": 8, "subjects": [], "subject_pictures": 0}
    overlap |= {"files": 0, "near_duplicates": [["a.png", "b.png"]], "clean": False}
    entry = SimpleNamespace(title="Mimic", protocol="strict", data="set")
    run = SimpleNamespace(is_external=False)
    part = SimpleNamespace(entry=entry, metrics={"audit": [overlap]}, run=run, subjects_are_known=True)

    verdict = audit_section(SimpleNamespace(reported=[part])).blocks[0]

    assert verdict == Notice(
        "Mimic, strict, set: not clean: up to 1 pair of a tested picture and one seen in training that look alike."
    )


def test_answers_of_silent_networks_are_named_where_they_count():
    part = SimpleNamespace(
        entry=SimpleNamespace(title="N", protocol="strict", data="set", table=run_of(3).table),
        metrics={"training": [{"fold": 0, "silent_pictures": 1}, {"fold": 1, "silent_pictures": 0}, {"fold": 2}]},
    )

    first, *others = _warnings(part)

    assert first.startswith("N, strict, set: in fold 1 1 tested picture got the network's constant")
    assert not any("constant" in sentence for sentence in others)


@pytest.mark.parametrize(
    ("pains", "labels"),
    [((2, 2), ["act on all"]), ((4, 2, 4), ["act on all, 10 % pain", "act on all, 20 % pain"])],
)
def test_acting_on_all_is_drawn_for_every_share_of_pain_that_was_tested(pains, labels):
    parts = []
    for pain in pains:
        entry = run_of(pain)
        table = entry.table
        rows = table.is_main & table.is_counted
        parts.append(
            SimpleNamespace(
                entry=entry, metrics={"net_benefit": net_benefit(table.labels[rows], table.logits[rows], count=10)}
            )
        )
    axis = Figure().add_subplot()

    _act_on_all(axis, parts)

    lines = {line.get_label(): line for line in axis.get_lines()}
    assert list(lines) == labels
    starts = [line.get_ydata()[0] for line in lines.values()]
    shares = sorted({pain / 20 for pain in pains})
    assert starts == pytest.approx([share - (1 - share) * 0.05 / 0.95 for share in shares])
