"""Several runs side by side: Table 1, the gap between the protocols, and paired differences."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from trainer.errors import DataError
from trainer.evaluation.bootstrap import RESAMPLES, Interval, paired_difference
from trainer.evaluation.metrics import area_under_curve
from trainer.evaluation.published import VALIDATION, published_for
from trainer.evaluation.results import PredictionTable
from trainer.evaluation.tables import Table

__all__ = ["Entry", "corrected_t", "figures_table", "gap_table", "paired_table", "table_one"]

_FIGURES = ("accuracy", "auc", "f1", "sensitivity", "specificity", "loss", "ece", "brier", "calibration_slope")
_BASELINES = ("geometric", "ridge")


@dataclass(frozen=True, slots=True)
class Entry:
    """One run, as far as a comparison needs it.

    Attributes:
        name: The folder's name.
        model: Name of the recipe.
        title: In tables.
        protocol: "strict" or "dissertation".
        data_set: Name of the data set, or several joined by "+".
        fold_map_sha256: Equal for runs that tested the same pictures in the same folds.
        metrics: Content of metrics.json.
        table: All answers.
    """

    name: str
    model: str
    title: str
    protocol: str
    data_set: str
    fold_map_sha256: str
    metrics: Mapping[str, Any]
    table: PredictionTable


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f}"


def _spread(folds: Mapping[str, float | None]) -> str:
    mean, spread = folds["mean"], folds["sd"]
    return "-" if mean is None else f"{100 * mean:.1f}" + ("" if spread is None else f" ± {100 * spread:.1f}")


def _interval(figure: Mapping[str, float | None], scale: float = 1.0, digits: int = 3) -> str:
    value, low, high = (figure[name] for name in ("value", "low", "high"))
    if value is None:
        return "-"
    text = f"{scale * value:.{digits}f}"
    return text if low is None or high is None else f"{text} [{scale * low:.{digits}f}, {scale * high:.{digits}f}]"


def _order(entry: Entry) -> tuple[int, str, str]:
    return (0 if entry.model in _BASELINES else 1, entry.title, entry.name)


def table_one(entries: Sequence[Entry]) -> Table:
    """Return the dissertation's Table 1: one row a model, validation and test accuracy of each data set.

    Accuracy in percent, mean ± standard deviation over the folds, with the published figure and the interval over
    infants beside it.
    """
    data_sets = sorted({entry.data_set for entry in entries})
    head = ["Model", "Protocol"]
    for data_set in data_sets:
        shown = data_set.upper()
        head += [f"{shown} validation", f"{shown} test", f"{shown} test, 95 % over infants", f"{shown} published"]
    rows = []
    for title, protocol, model in sorted(
        {(e.title, e.protocol, e.model) for e in entries}, key=lambda k: (k[1], k[2] not in _BASELINES, k[0])
    ):
        row = [title, protocol]
        for data_set in data_sets:
            match = [
                e for e in entries if (e.title, e.protocol, e.model, e.data_set) == (title, protocol, model, data_set)
            ]
            row += _cells(match[-1]) if match else ["-"] * 4
        rows.append(row)
    note = (
        "Accuracy in percent, mean ± standard deviation over the folds. Published: the dissertation's test accuracy, "
        "with infants on both sides of the division; only the `dissertation` rows may be compared with it."
    )
    return Table("Table 1", head, rows, note)


def _cells(entry: Entry) -> list[str]:
    validation = [fold.get("validation_accuracy") for fold in entry.metrics["training"]]
    known = np.array([value for value in validation if value is not None], np.float64)
    held = (
        {"mean": float(known.mean()), "sd": float(known.std(ddof=1)) if len(known) > 1 else None}
        if len(known)
        else None
    )
    published = published_for(entry.model, entry.data_set)
    return [
        "-" if held is None else _spread(held),
        _spread(entry.metrics["mean_over_folds"]["accuracy"]),
        _interval(entry.metrics["pooled"]["accuracy"], 100.0, 1),
        "-" if published is None else f"{published.text()} (n = {published.pictures})",
    ]


def figures_table(entries: Sequence[Entry]) -> Table:
    """Return every pooled figure of every run with its 95 % interval over infants."""
    head = ["Run", "Model", "Protocol", "Data", "Pictures", "Subjects", "No face", *_FIGURES]
    rows = [
        [
            entry.name,
            entry.title,
            entry.protocol,
            entry.data_set,
            str(entry.metrics["pictures"]),
            str(entry.metrics["subjects"]),
            str(entry.metrics["without_face"]["pictures"]),
            *(_interval(entry.metrics["pooled"][name]) for name in _FIGURES),
        ]
        for entry in sorted(entries, key=_order)
    ]
    return Table("Figures", head, rows, "Pooled over folds; 95 % intervals from 2,000 resamples of whole infants.")


def gap_table(entries: Sequence[Entry]) -> Table:
    """Return, for each model and data set that ran under both protocols, what the dissertation's protocol adds."""
    head = ["Model", "Data", "Published validation", "Dissertation", "Strict", "Gap (points)"]
    rows = []
    for model, title, data_set in sorted({(e.model, e.title, e.data_set) for e in entries}):
        both = {
            e.protocol: e.metrics["pooled"]["accuracy"] for e in entries if (e.model, e.data_set) == (model, data_set)
        }
        if {"strict", "dissertation"} <= set(both):
            leaky, honest = both["dissertation"], both["strict"]
            validation = VALIDATION.get(("ncnn" if model.startswith("ncnn") else model, data_set))
            rows.append(
                [
                    title,
                    data_set,
                    "-" if validation is None else f"{validation:.1f}",
                    _interval(leaky, 100.0, 1),
                    _interval(honest, 100.0, 1),
                    f"{100 * (leaky['value'] - honest['value']):+.1f}",
                ]
            )
    note = "Test accuracy in percent. The gap is what seeing the tested infants in training is worth."
    return Table("Dissertation against strict", head, rows, note)


def paired_table(entries: Sequence[Entry], reference: str, count: int = RESAMPLES) -> Table:
    """Return how each run differs from a reference run on the very same pictures and folds.

    Args:
        entries: The runs.
        reference: Name of a model; runs of other folds or data than its own are left out.
        count: Resamples of the infants.
    """
    head = ["Model", "Against", "Data", "Protocol", "Accuracy difference (points)", "AUC difference", "t", "p"]
    rows = []
    for base in (entry for entry in entries if entry.model == reference):
        for entry in sorted(entries, key=_order):
            if entry is base or not comparable(base, entry):
                continue
            labels, first, second, subjects = _paired(base.table, entry.table)
            accuracy = paired_difference(labels, first, second, subjects, _accuracy, count)
            auc = paired_difference(labels, first, second, subjects, area_under_curve, count)
            t, p = corrected_t(base, entry)
            shown = [_difference(accuracy, 100.0, 1), _difference(auc, 1.0, 3), _plain(t, 2), _plain(p, 3)]
            rows.append([entry.title, base.title, entry.data_set, entry.protocol, *shown])
    note = (
        "Differences on the same pictures, 95 % intervals over resampled infants; an interval that holds 0 shows no "
        "difference. t and p: Nadeau and Bengio's corrected resampled t-test over the folds."
    )
    return Table("Paired differences", head, rows, note)


def comparable(first: Entry, second: Entry) -> bool:
    """Tell whether two runs tested the same pictures in the same folds."""
    ours, theirs = (set(entry.table.keys[entry.table.is_main].tolist()) for entry in (first, second))
    return first.protocol == second.protocol and ours == theirs


def _paired(
    first: PredictionTable, second: PredictionTable
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.str_]]:
    ours = {key: row for row, key in enumerate(first.keys.tolist()) if first.is_main[row]}
    theirs = {key: row for row, key in enumerate(second.keys.tolist()) if second.is_main[row]}
    if set(ours) != set(theirs):
        raise DataError("the two runs did not test the same pictures in the same folds; a paired difference needs that")
    mine = np.array([ours[key] for key in sorted(ours)])
    other = np.array([theirs[key] for key in sorted(ours)])
    return first.labels[mine], first.logits[mine], second.logits[other], first.subjects[mine]


def _accuracy(labels: NDArray[np.float64], logits: NDArray[np.float64]) -> float:
    return float(np.mean((logits >= 0.0) == (labels >= 0.5)))


def corrected_t(first: Entry, second: Entry) -> tuple[float, float]:
    """Return t and p of the folds' accuracy differences, with Nadeau and Bengio's correction.

    t = mean(d) / sqrt((1/k + n_test/n_train) s^2): the folds share training pictures, so their differences vary less
    than independent ones would.
    """
    by_fold = [
        {fold["fold"]: fold["figures"]["accuracy"] for fold in entry.metrics["folds"]} for entry in (first, second)
    ]
    differences = np.array([by_fold[1][fold] - by_fold[0][fold] for fold in sorted(by_fold[0])], np.float64)
    folds = len(differences)
    if folds < 2 or float(differences.std(ddof=1)) == 0.0:
        return float("nan"), float("nan")
    share = 1.0 / folds if first.protocol == "strict" else 0.5
    t = float(differences.mean() / np.sqrt((1.0 / folds + share / (1.0 - share)) * differences.var(ddof=1)))
    return t, float(2.0 * student.sf(abs(t), folds - 1))


def _difference(interval: Interval, scale: float, digits: int) -> str:
    value, low, high = (f"{scale * end:+.{digits}f}" for end in (interval.value, interval.low, interval.high))
    return f"{value} [{low}, {high}]"


def _plain(value: float, digits: int) -> str:
    return "-" if not np.isfinite(value) else f"{value:.{digits}f}"
