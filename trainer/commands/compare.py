"""`nicu-trainer compare`: several runs side by side, in the shape of the dissertation's Table 1."""

from pathlib import Path

import click

from trainer.evaluation.bootstrap import RESAMPLES
from trainer.experiments.compare import comparison_tables, read_entries
from trainer.training.storage import write_atomically

__all__ = ["command"]

_SUFFIXES = {"markdown": ".md", "csv": ".csv", "latex": ".tex"}


@click.command(name="compare")
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--format", "form", type=click.Choice(list(_SUFFIXES)), default="markdown", show_default=True)
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), help="Folder that gets all tables in all forms."
)
@click.option("--reference", default="ncnn", show_default=True, help="Model that the others are paired with.")
@click.option("--resamples", type=click.IntRange(100, 100_000), default=RESAMPLES, show_default=True)
def command(*, runs: tuple[Path, ...], form: str, out: Path | None, reference: str, resamples: int) -> None:
    """Print Table 1 for RUNS, with the published figures beside it, and paired differences."""
    tables = comparison_tables(read_entries(runs), reference, resamples)
    written = {name: [getattr(table, name)() for table in tables] for name in ("markdown", "csv", "latex")}
    click.echo("\n".join(written[form]))
    if out is not None:
        for name, suffix in _SUFFIXES.items():
            for table, text in zip(tables, written[name], strict=True):
                stem = table.title.lower().replace(" ", "-")
                write_atomically(out / f"{stem}{suffix}", text.encode())
        click.echo(f"Tables: {out}")
