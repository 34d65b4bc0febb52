"""Every metric of several runs side by side."""

from collections.abc import Sequence

from trainer.evaluation.bootstrap import RESAMPLES
from trainer.evaluation.run_summary import RunSummary, in_order, interval_text
from trainer.evaluation.tables import Table

__all__ = ["metrics_table"]

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
        "resamples of whole infants; none below 5 infants. AUC within folds compares no answers of different networks."
    )
    return Table("Metrics", head, rows, note)
