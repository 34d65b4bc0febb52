"""Several runs side by side: the dissertation's Table 1, and every metric of every run."""

from collections.abc import Sequence

import numpy as np

from trainer.evaluation.bootstrap import RESAMPLES
from trainer.evaluation.published import published_for
from trainer.evaluation.run_summary import BASELINES, RunSummary, in_order, interval_text, spread_text
from trainer.evaluation.tables import Table

__all__ = ["metrics_table", "table_one", "validation_text"]

_METRICS = (
    *("accuracy", "auc", "f1", "sensitivity", "specificity", "loss", "ece", "brier"),
    *("calibration_slope", "calibration_intercept"),
)


def table_one(entries: Sequence[RunSummary]) -> Table:
    """Return the dissertation's Table 1: one row a model, validation and test accuracy of each data set.

    Accuracy in percent, mean ± standard deviation over the folds, with the published value and the interval over
    infants beside it.

    Args:
        entries: The runs, as `with_unique_titles` returns them.
    """
    data = sorted({entry.data for entry in entries})
    head = ["Model", "Protocol"]
    for name in data:
        shown = name.upper()
        head += [f"{shown} validation", f"{shown} test", f"{shown} test, 95 % over infants", f"{shown} published"]
    by_key = {(entry.title, entry.protocol, entry.data): entry for entry in entries}
    rows = []
    for title, protocol in sorted(
        {(entry.title, entry.protocol) for entry in entries},
        key=lambda row: (row[1], all(e.model not in BASELINES for e in entries if e.title == row[0]), row[0]),
    ):
        row = [title, protocol]
        for name in data:
            entry = by_key.get((title, protocol, name))
            row += ["-"] * 4 if entry is None else _cells(entry)
        rows.append(row)
    note = (
        "Accuracy in percent, mean ± standard deviation over the folds. Published: the dissertation's test accuracy, "
        "with infants on both sides of the division; only rows of the dissertation protocol compare with it."
    )
    return Table("Table 1", head, rows, note)


def _cells(entry: RunSummary) -> list[str]:
    published = published_for(entry.model, entry.data_set)
    return [
        validation_text(entry),
        spread_text(entry.metrics["mean_over_folds"]["accuracy"]),
        interval_text(entry.metrics["pooled"]["accuracy"], 100.0, 1),
        "-" if published is None else f"{published.text()} (n = {published.pictures})",
    ]


def validation_text(entry: RunSummary) -> str:
    """Return the validation accuracy over the folds in percent."""
    known = [fold.get("validation_accuracy") for fold in entry.metrics["training"]]
    values = np.array([value for value in known if value is not None], np.float64)
    if not len(values):
        return "-"
    return spread_text({"mean": float(values.mean()), "sd": float(values.std(ddof=1)) if len(values) > 1 else None})


def metrics_table(entries: Sequence[RunSummary]) -> Table:
    """Return every pooled metric of every run with its 95 % interval over infants."""
    head = ["Run", "Model", "Protocol", "Data", "Pictures", "Subjects", "No face"]
    head += [name.replace("_", " ") for name in _METRICS]
    rows = [
        [
            entry.name,
            entry.title,
            entry.protocol,
            entry.data,
            str(entry.metrics["pictures"]),
            str(entry.metrics["subjects"]),
            str(entry.metrics["without_face"]["pictures"]),
            *(interval_text(entry.metrics["pooled"][name]) for name in _METRICS),
        ]
        for entry in in_order(entries)
    ]
    note = f"Pooled over folds; 95 % intervals from {RESAMPLES:,} resamples of whole infants."
    return Table("Metrics", head, rows, note)
