"""Sentences of the report that depend on metrics which may be missing."""

from types import SimpleNamespace

from trainer.reporting.sections.limits import _size


def comparison_of(*accuracies):
    """A comparison of runs over six infants with these accuracies."""
    entries = [SimpleNamespace(metrics={"subjects": 6, "pooled": {"accuracy": found}}) for found in accuracies]
    return SimpleNamespace(data=["set"], of=lambda _: [SimpleNamespace(entry=entry) for entry in entries])


def test_where_no_accuracy_has_an_interval_the_widest_is_not_said_to_span_nothing():
    none, some = {"value": 0.5, "low": None, "high": None}, {"value": 0.8, "low": 0.6, "high": 0.9}

    (without,), (with_one,) = _size(comparison_of(none)), _size(comparison_of(none, some))

    assert without.startswith("set: 6 infants. No accuracy has an interval, since infants are too few or all alike; ")
    assert "The widest 95 % interval of an accuracy spans 30 points" in with_one
