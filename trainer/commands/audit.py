"""`nicu-trainer audit`: prove of a run that nothing tested was seen before, or measure how much was."""

import json
from dataclasses import asdict
from pathlib import Path

import click

from monitor.cli_framework import EXIT_NO, examples
from trainer.experiments import open_run
from trainer.protocols import UNKNOWN_INFANTS, audit, audit_lines

__all__ = ["command"]


@click.command(name="audit", epilog=examples("nicu-trainer audit runs/ncnn", "nicu-trainer audit runs/ncnn --json"))
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def command(*, run: Path, as_json: bool) -> int:
    """Check RUN for infants, files and near-duplicates that are on both sides of a division.

    The exit code is 0 when nothing is shared and 1 otherwise: the dissertation protocol always ends with 1, and so does
    a manifest without subjects, of which nobody knows.
    """
    opened = open_run(run)
    study = opened.study()
    overlaps = audit(study, opened.folds(study))
    is_clean, is_known = all(overlap.is_clean for overlap in overlaps), study.manifest.subjects_are_known
    if as_json:
        click.echo(json.dumps([asdict(overlap) | {"clean": overlap.is_clean} for overlap in overlaps], indent=1))
    else:
        for line in audit_lines(overlaps):
            click.echo(line)
        verdict = "clean" if is_clean else "not clean"
        click.echo(f"The {opened.protocol} protocol of this run is {verdict if is_known else UNKNOWN_INFANTS}.")
    return 0 if is_known and is_clean else EXIT_NO
