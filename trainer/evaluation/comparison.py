"""Every metric of several runs side by side."""

from collections.abc import Sequence

from trainer.evaluation.bootstrap import RESAMPLES
from trainer.evaluation.run_summary import RunSummary, in_order, interval_text
from trainer.evaluation.tables import Table

__all__ = ["metrics_table"]

_METRICS = (
    *("accuracy", "auc", "f1", "sensitivity", "specificity", "loss", "ece", "brier"),
    *("calibration_slope", "calibration_intercept"),
)


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
