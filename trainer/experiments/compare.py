"""Reads several runs for a comparison."""

from collections.abc import Sequence
from pathlib import Path

from trainer.evaluation.comparison import Entry, figures_table, gap_table, paired_table, table_one
from trainer.evaluation.tables import Table
from trainer.experiments.run import open_run

__all__ = ["comparison_tables", "read_entries"]


def read_entries(folders: Sequence[Path]) -> list[Entry]:
    """Return the runs as a comparison needs them.

    Raises:
        DataError: A folder is no run, or its run is not finished.
    """
    entries = []
    for folder in folders:
        run = open_run(folder)
        entries.append(
            Entry(
                name=folder.resolve().name,
                model=run.config.model,
                title=run.title,
                protocol=run.protocol,
                data_set="+".join(run.record["data_sets"]),
                fold_map_sha256=run.record["fold_map_sha256"],
                metrics=run.metrics(),
                table=run.predictions(),
            )
        )
    return entries


def comparison_tables(entries: Sequence[Entry], reference: str, count: int) -> list[Table]:
    """Return Table 1, all figures, the gap between the protocols, and paired differences; empty ones are left out."""
    tables = [
        table_one(entries),
        figures_table(entries),
        gap_table(entries),
        paired_table(entries, reference, count),
    ]
    return [table for table in tables if table.rows]
