"""The dissertation's Table 1 in its own shape, and what every fold of every run did."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from trainer.evaluation.published import PARTS, Part, published_for
from trainer.evaluation.run_summary import BASELINES, RunSummary, in_order, interval_text, spread_text
from trainer.evaluation.tables import Table

__all__ = ["FOLD_HEAD", "POOLED", "fold_rows", "folds_table", "part_text", "repeats_table", "table_one"]

_ORDER = ("ncnn", "resnet50-zamzmi", "resnet50-proposed")
POOLED = "Test, pooled"
"""Name of the block that no published table has: the only one with intervals."""
FOLD_HEAD = (
    *("fold", "training loss", "training accuracy", "validation loss", "validation accuracy", "test loss"),
    *("test accuracy", "TP", "FN", "FP", "TN"),
)
"""Columns of what `fold_rows` returns."""


def table_one(entries: Sequence[RunSummary]) -> Table:
    """Return the dissertation's Table 1: blocks for training, validation and test, and two columns a data set.

    Accuracy in percent, mean ± standard deviation over the folds, with the published value beside it. The interval over
    infants is of another number, the accuracy over all tested pictures; both stand together in a block of their own.

    Args:
        entries: The runs, as `with_unique_titles` returns them.
    """
    data = sorted({entry.data for entry in entries})
    head = ["Block", "Model", "Protocol"]
    for name in data:
        head += [name.upper(), f"{name.upper()} published"]
    by_key = {(entry.title, entry.protocol_text, entry.data): entry for entry in entries}
    rows = []
    for part in (*PARTS, None):
        for title, protocol in _models(entries):
            row = [POOLED if part is None else part.capitalize(), title, protocol]
            for name in data:
                entry = by_key.get((title, protocol, name))
                row += ["-"] * 2 if entry is None else _cells(entry, part)
            rows.append(row)
    note = (
        "Accuracy in percent, mean ± standard deviation over the folds. Published: the dissertation's values, with "
        "infants on both sides of the division; only rows of the dissertation protocol compare with them. One test "
        "half: all folds test the same pictures, so the spread is of the training alone; halves redrawn: each fold "
        f"divides the pictures again. {POOLED}: another number, the accuracy over all tested pictures, each counted "
        "once, with its 95 % interval over infants; the mean over the folds has no interval."
    )
    return Table("Table 1", head, rows, note)


def _models(entries: Sequence[RunSummary]) -> list[tuple[str, str]]:
    """Return titles and protocols in the published order, other models behind the baselines' and before the rest."""

    def rank(entry: RunSummary) -> tuple[str, int, int, str]:
        known = _ORDER.index(entry.model) if entry.model in _ORDER else len(_ORDER)
        return entry.protocol_text, int(entry.model not in BASELINES), known, entry.title

    ordered = sorted(entries, key=rank)
    return list(dict.fromkeys((entry.title, entry.protocol_text) for entry in ordered))


def _cells(entry: RunSummary, part: Part | None) -> list[str]:
    """Return what was measured and what was published of one part; of the pooled test where the part is None."""
    if part is None:
        return [interval_text(entry.metrics["pooled"]["accuracy"], 100.0, 1), "-"]
    published = published_for(entry.model, entry.data_set, part)
    return [part_text(entry, part), "-" if published is None else published.text()]


def part_text(entry: RunSummary, part: Part) -> str:
    """Return the accuracy of one part of the pictures over the folds in percent; "-" where it was not measured."""
    if part == "test":
        return spread_text(entry.metrics["mean_over_folds"]["accuracy"])
    known = [fold.get(f"{part}_accuracy") for fold in entry.metrics.get("training", [])]
    values = np.array([value for value in known if value is not None], np.float64)
    if not len(values):
        return "-"
    return spread_text({"mean": float(values.mean()), "sd": float(values.std(ddof=1)) if len(values) > 1 else None})


def fold_rows(results: Mapping[str, Any]) -> list[list[str]]:
    """Return a row for each fold of a run: loss, accuracy and confusion matrix, in the columns of `FOLD_HEAD`.

    Args:
        results: Content of metrics.json.
    """
    training = {fold["fold"]: fold for fold in results.get("training", []) if "fold" in fold}
    rows = []
    for fold in results["folds"]:
        own, counts = training.get(fold["fold"], {}), fold["confusion"]
        rows.append(
            [
                str(fold["fold"] + 1),
                *(
                    _number(own.get(f"{part}_{name}"), name)
                    for part in ("training", "validation")
                    for name in ("loss", "accuracy")
                ),
                *(_number(fold["figures"].get(name), name) for name in ("loss", "accuracy")),
                *(str(counts[name]) for name in ("tp", "fn", "fp", "tn")),
            ]
        )
    return rows


def _number(value: float | None, name: str) -> str:
    if value is None:
        return "-"
    return f"{100 * value:.1f} %" if name == "accuracy" else f"{value:.3f}"


def folds_table(entries: Sequence[RunSummary]) -> Table:
    """Return loss, accuracy and confusion matrix of every fold of every run."""
    rows = [
        [entry.name, entry.data, entry.protocol_text, *row]
        for entry in in_order(entries)
        for row in fold_rows(entry.metrics)
    ]
    note = (
        "Losses are mean cross-entropies in nats, of training and validation before calibration, of the test after it. "
        "Training pictures are measured without dropout, under the dissertation protocol with all their copies. "
        "TP: pain called pain; FN: pain missed; FP: no pain called pain; TN: no pain called no pain."
    )
    return Table("Folds", ["Run", "Data", "Protocol", *FOLD_HEAD], rows, note)


def repeats_table(entries: Sequence[RunSummary]) -> Table:
    """Return what other seeds change, for each run that was repeated."""
    names = ("accuracy", "auc", "f1", "sensitivity", "specificity", "brier", "ece")
    rows = []
    for entry in in_order(entries):
        if entry.repeats is None:
            continue
        metrics = entry.repeats["metrics"]
        for word, key in (("mean", "mean"), ("sd over repeats", "sd"), ("mean sd over folds", "fold_sd")):
            cells = [metrics.get(name, {}).get(key) for name in names]
            shown = ["-" if value is None else f"{value:.3f}" for value in cells]
            start = [entry.title, entry.protocol_text, entry.data, str(len(entry.repeats["seeds"]))]
            rows.append([*start, word, *shown])
    note = (
        "Each repeat divides the infants otherwise and starts the networks otherwise. The deviation over repeats is of "
        "these seeds alone; the deviation over the folds of one run is mostly of other infants."
    )
    return Table("Repeats", ["Model", "Protocol", "Data", "Repeats", "", *names], rows, note)
