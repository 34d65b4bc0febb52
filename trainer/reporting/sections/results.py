"""Table 1, both protocols side by side, every metric, and paired differences."""

from collections.abc import Mapping
from typing import Any

from trainer.evaluation.comparison import metrics_table
from trainer.evaluation.gap import gap_table
from trainer.evaluation.metrics import METRICS
from trainer.evaluation.pairing import paired_table
from trainer.evaluation.run_summary import RunSummary, interval_text
from trainer.evaluation.table_one import folds_table, repeats_table, table_one
from trainer.evaluation.tables import Table
from trainer.experiments.compare import left_out
from trainer.reporting.document import Block, Grid, Notice, Section, Text
from trainer.reporting.gathering import Comparison
from trainer.reporting.words import decimals

__all__ = ["gap_section", "metrics_section", "paired_section", "table_one_section"]


def table_one_section(comparison: Comparison) -> Section:
    """Return the dissertation's Table 1 with the published values beside the measured ones."""
    blocks: list[Block] = [Grid(table_one(comparison.entries))]
    synthetic = sorted(name for name, facts in comparison.data.items() if facts.is_synthetic)
    if synthetic:
        blocks.insert(
            0,
            Notice(
                f"The pictures of {', '.join(synthetic)} are synthetic. The published values beside them are of "
                "infants: nothing follows from a likeness or a difference."
            ),
        )
    return Section("Table 1", tuple(blocks))


def gap_section(comparison: Comparison) -> Section:
    """Return both protocols side by side and what lies between them."""
    table = gap_table(comparison.entries, comparison.resamples)
    title = "Both protocols, and the gap between them"
    blocks: list[Block] = [
        Text(
            "The dissertation protocol tests half of the pictures and makes 37 pictures of each of the others before "
            "they are divided into training and validation: tested infants are learnt from, and validation pictures "
            "are copies of training pictures. The strict protocol divides infants."
        )
    ]
    blocks.append(
        Grid(table)
        if table.rows
        else Notice(
            "No model was run under both protocols on the same pictures with the same settings: there is no gap."
        )
    )
    return Section(title, tuple(blocks))


def metrics_section(comparison: Comparison) -> Section:
    """Return every metric: pooled with intervals, and fold by fold."""
    folds = [_fold_table(entry) for entry in comparison.entries]
    return Section(
        "All metrics",
        (
            Grid(metrics_table(comparison.entries)),
            *(Grid(table) for table in [repeats_table(comparison.entries)] if table.rows),
            Grid(folds_table(comparison.entries), folded=True),
            *(Grid(table, folded=True) for table in folds),
        ),
    )


def _fold_table(entry: RunSummary) -> Table:
    rows = [
        [str(fold["fold"] + 1), str(fold["pictures"]), *(_of_fold(fold, name) for name in METRICS)]
        for fold in entry.metrics["folds"]
    ]
    means = entry.metrics["mean_over_folds"]
    for word, key in (("mean", "mean"), ("standard deviation", "sd")):
        rows.append([word, "", *(decimals(means.get(name, {}).get(key)) for name in METRICS)])
    head = ["fold", "pictures", *(name.replace("_", " ") for name in METRICS)]
    return Table(f"Fold by fold: {entry.title}, {entry.protocol}, {entry.data}", head, rows)


def _of_fold(fold: Mapping[str, Any], name: str) -> str:
    """Return a metric of a fold, with its interval over infants where there is one."""
    if not fold.get("intervals"):
        return decimals(fold["figures"].get(name))
    return interval_text(fold["intervals"][name])


def paired_section(comparison: Comparison) -> Section:
    """Return how the runs differ on the same pictures."""
    table = paired_table(comparison.entries, comparison.reference, comparison.resamples)
    outside = left_out(comparison.entries, comparison.reference)
    notices = tuple(Notice(sentence) for sentence in outside if len(comparison.entries) > 1)
    if table.rows:
        return Section(table.title, (Grid(table), *notices))
    text = f"No other run tested the same pictures in the same folds as a run of {comparison.reference!r}."
    return Section(table.title, (Text(text), *notices))
