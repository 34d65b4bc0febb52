"""`nicu-monitor check`: every mistake of a configuration at once."""

import json
from pathlib import Path

import click

from monitor.cli_framework import EXIT_NO, examples
from monitor.config.file import find_mistakes, read_config
from monitor.station.measured_capacity import capacity_warning, read_capacity

__all__ = ["command"]


@click.command(epilog=examples("nicu-monitor check configs/example.yaml", "nicu-monitor check station.yaml --json"))
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print a list of objects for a script.")
def command(file: Path, *, as_json: bool) -> int:
    """Name every mistake in the configuration FILE: where it is and what to write instead.

    Exit code 0 means that the file is right, 1 that it has mistakes. A station that ran here before knows how many
    beds this machine can watch; more than those are a warning on standard error.
    """
    mistakes = find_mistakes(file)
    if not mistakes:
        config = read_config(file)
        if warning := capacity_warning(config, read_capacity(config)):
            click.echo(f"warning: {warning}", err=True)
    if as_json:
        rows = [{"file": str(m.file), "line": m.line, "field": m.field, "message": m.message} for m in mistakes]
        click.echo(json.dumps(rows, indent=2))
    elif mistakes:
        for mistake in mistakes:
            click.echo(str(mistake))
        click.echo(f"{len(mistakes)} mistake{'s' if len(mistakes) > 1 else ''} in {file}", err=True)
    else:
        click.echo(f"{file} is right")
    return EXIT_NO if mistakes else 0
