"""Every metric of several runs side by side."""

from collections.abc import Sequence

from trainer.evaluation.bootstrap import RESAMPLES
from trainer.evaluation.run_summary import RunSummary, in_order, interval_text
from trainer.evaluation.tables import Table

__all__ = ["groups_table", "metrics_table"]

_METRICS = (
    *("accuracy", "auc", "f1", "sensitivity", "specificity", "loss", "ece", "brier"),
    *("calibration_slope", "calibration_intercept", "calibration_in_the_large"),
)
_UNKNOWN = {"value": None, "low": None, "high": None}


def metrics_table(entries: Sequence[RunSummary]) -> Table:
    """Return every pooled metric of every run with its 95 % interval over infants."""
    head = ["Run", "Model", "Protocol", "Data", "Pictures", "Subjects", "No face"]
    head += [name.replace("_", " ") for name in _METRICS]
    head.append("AUC within folds")
    rows = [
        [
            entry.name,
            entry.title,
            entry.protocol,
            entry.data,
            str(entry.metrics["pictures"]),
            str(entry.metrics["subjects"]),
            str(entry.metrics["without_face"]["pictures"]),
            *(interval_text(entry.metrics["pooled"].get(name, _UNKNOWN)) for name in _METRICS),
            interval_text(entry.metrics.get("auc_within_folds", _UNKNOWN)),
        ]
        for entry in in_order(entries)
    ]
    note = (
        f"Each picture counted once; 95 % intervals: Student's t over infants, the standard error from {RESAMPLES:,} "
        "resamples of whole infants; none below 5 infants with a picture that the metric counts, and none for the ECE, "
        "whose resamples look less calibrated than the model is. AUC within folds compares no answers of different "
        "networks."
    )
    return Table("Metrics", head, rows, note)


def groups_table(entries: Sequence[RunSummary], wanted: Sequence[str] = ()) -> Table:
    """Return how each run does in each group of infants.

    Args:
        entries: The runs.
        wanted: Columns, in order; all that are known where none is wanted.
    """
    names = ("accuracy", "auc", "sensitivity", "specificity")
    head = ["Group", "Value", "Model", "Protocol", "Data", "Pictures", "Infants", *names]
    ordered = in_order(entries)
    columns = list(wanted) or sorted({name for entry in ordered for name in entry.metrics.get("per_group", {})})
    rows = []
    for column in columns:
        for entry in ordered:
            for found in entry.metrics.get("per_group", {}).get(column, []):
                start = [column.replace("_", " "), found["group"], entry.title, entry.protocol_text, entry.data]
                counts = [str(found["pictures"]), str(found["subjects"])]
                rows.append([*start, *counts, *(interval_text(found[name]) for name in names)])
    note = (
        "Each picture counted once; 95 % intervals over the infants of the group, none below 5. Groups of few infants "
        "differ by chance; a difference between two groups is not shown by two intervals that look different."
    )
    return Table("Groups", head, rows, note)
