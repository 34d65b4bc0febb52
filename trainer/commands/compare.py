"""`nicu-trainer compare`: several runs side by side, in the shape of the dissertation's Table 1."""

import json
from dataclasses import asdict
from pathlib import Path

import click

from monitor.cli_framework import examples
from trainer.atomic_file import write_atomically
from trainer.commands.options import operating_options, operating_targets
from trainer.evaluation.bootstrap import RESAMPLES
from trainer.experiments.compare import (
    chosen_reference,
    comparison_tables,
    differing_data,
    left_out,
    open_finished,
    read_entries,
)

__all__ = ["command"]

_SUFFIXES = {"markdown": ".md", "csv": ".csv", "latex": ".tex"}


@click.command(
    name="compare",
    epilog=examples("nicu-trainer compare runs/ncnn runs/resnet50", "nicu-trainer compare runs/* --out tables"),
)
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--format", "form", type=click.Choice(list(_SUFFIXES)), default="markdown", show_default=True)
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), help="Folder that gets all tables in all forms."
)
@click.option("--reference", help="Model that the others are paired with.  [default: ncnn, else the first]")
@click.option("--resamples", type=click.IntRange(100, 100_000), default=RESAMPLES, show_default=True)
@operating_options
@click.option("--json", "as_json", is_flag=True, help="Print the tables as JSON instead.")
def command(
    *,
    runs: tuple[Path, ...],
    form: str,
    out: Path | None,
    reference: str | None,
    resamples: int,
    as_json: bool,
    sensitivity: tuple[float, ...],
    false_alarm_rate: tuple[float, ...],
    prevalence: float | None,
    groups: tuple[str, ...],
) -> None:
    """Print Table 1 for RUNS, with the published values beside it, and paired differences.

    What is left out of a table is named on standard error, with the reason: folders that hold no finished run, and runs
    that share no pictures and folds with the reference.
    """
    finished, sentences = open_finished(runs)
    entries = read_entries(finished, groups)
    base = chosen_reference(entries, reference)
    for sentence in (*sentences, *differing_data(entries), *left_out(entries, base)):
        click.echo(f"Note: {sentence}", err=True)
    targets = operating_targets(sensitivity, false_alarm_rate)
    tables = comparison_tables(entries, base, resamples, targets, prevalence, groups)
    written = {name: [getattr(table, name)() for table in tables] for name in ("markdown", "csv", "latex")}
    click.echo(json.dumps([asdict(table) for table in tables], indent=2) if as_json else "\n".join(written[form]))
    if out is not None:
        for name, suffix in _SUFFIXES.items():
            for table, text in zip(tables, written[name], strict=True):
                stem = table.title.lower().replace(" ", "-")
                write_atomically(out / f"{stem}{suffix}", text.encode())
        click.echo(f"Tables: {out}")
