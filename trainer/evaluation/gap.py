"""What the dissertation's protocol adds to a metric: the same model under both protocols."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from trainer.evaluation.bootstrap import RESAMPLES, Answers, gap_between
from trainer.evaluation.metrics import accuracy, area_under_curve
from trainer.evaluation.published import published_for
from trainer.evaluation.run_summary import RunSummary, difference_text, in_order, interval_text
from trainer.evaluation.table_one import part_text
from trainer.evaluation.tables import Table

__all__ = ["differing_settings", "gap_table"]

_AMOUNT = frozenset({"copies", "training.epochs"})
"""How long was trained: an epoch of 37 copies of a picture is another one than an epoch of a few variations."""

Metric = Callable[[NDArray[np.float64], NDArray[np.float64]], float]


def gap_table(entries: Sequence[RunSummary], count: int = RESAMPLES) -> Table:
    """Return, for each model and data set that ran under both protocols, both metrics and the gap between them.

    Runs of one model with other settings are other models, and have no gap between them; only how long they were
    trained may differ, which the table then says.

    Args:
        entries: The runs, as `with_unique_titles` returns them.
        count: Resamples of the infants, made once for both protocols.
    """
    head = ["Model", "Data", "Published validation", "Published test", "Dissertation validation", "Dissertation test"]
    head += ["Strict test", "Gap (points)", "Dissertation AUC", "Strict AUC", "AUC gap", "Differs as well"]
    rows = [
        _row(leaky, honest, count)
        for leaky in in_order(entries)
        for honest in in_order(entries)
        if (leaky.protocol, honest.protocol) == ("dissertation", "strict")
        and (leaky.model, leaky.data) == (honest.model, honest.data)
        and not differing_settings(leaky, honest)
    ]
    note = (
        "Accuracy in percent. The gap is what seeing the tested infants in training is worth, and whatever differs as "
        "well (dissertation / strict); its 95 % interval is "
        "over infants, resampled alike for both protocols; none below 5 infants, nor where the gap is the same "
        "whatever infants are taken. Under the dissertation protocol validation pictures are copies of training "
        "pictures."
    )
    return Table("Dissertation against strict", head, rows, note)


def differing_settings(first: RunSummary, second: RunSummary) -> list[str]:
    """Return the names of the settings by which two runs of one model are two models; not how long they trained."""
    return [name for name in _differing(first, second) if name not in _AMOUNT]


def _differing(first: RunSummary, second: RunSummary) -> list[str]:
    names = sorted({*first.settings, *second.settings})
    return [name for name in names if first.settings.get(name) != second.settings.get(name)]


def _amounts(leaky: RunSummary, honest: RunSummary) -> str:
    shown = [
        f"{name.rpartition('.')[2]} {leaky.settings.get(name)} / {honest.settings.get(name)}"
        for name in _differing(leaky, honest)
    ]
    return ", ".join(shown) or "-"


def _row(leaky: RunSummary, honest: RunSummary, count: int) -> list[str]:
    title = leaky.title if leaky.title == honest.title else f"{leaky.title} / {honest.title}"
    published = [published_for(leaky.model, leaky.data_set, part) for part in ("validation", "test")]
    pooled = leaky.metrics["pooled"], honest.metrics["pooled"]
    return [
        title,
        leaky.data,
        *("-" if value is None else value.text() for value in published),
        part_text(leaky, "validation"),
        *(interval_text(metrics["accuracy"], 100.0, 1) for metrics in pooled),
        _gap(leaky, honest, accuracy, count, 100.0, 1),
        *(interval_text(metrics["auc"]) for metrics in pooled),
        _gap(leaky, honest, area_under_curve, count, 1.0, 3),
        _amounts(leaky, honest),
    ]


def _gap(leaky: RunSummary, honest: RunSummary, metric: Metric, count: int, scale: float, digits: int) -> str:
    gap = gap_between(_answers(honest), _answers(leaky), metric, count)
    return difference_text(gap, scale, digits)


def _answers(entry: RunSummary) -> Answers:
    main = entry.table.is_main & entry.table.is_counted
    return Answers(entry.table.labels[main], entry.table.logits[main], entry.table.subjects[main])
