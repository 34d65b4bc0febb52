"""`nicu-monitor check`: every mistake of a configuration at once."""

import json
from pathlib import Path

import click

from monitor.cli_framework import EXIT_NO, examples
from monitor.config import StationConfig
from monitor.config.file import Mistake, find_mistakes, mistake_at, read_config
from monitor.errors import without_logins
from monitor.station.measured_capacity import capacity_warning, read_capacity

__all__ = ["command"]


@click.command(epilog=examples("nicu-monitor check configs/example.yaml", "nicu-monitor check station.yaml --json"))
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print a list of objects for a script.")
def command(file: Path, *, as_json: bool) -> int:
    """Name every mistake in the configuration FILE: where it is and what to write instead.

    Also what the file names and this machine lacks (a video, a bundle, the users), and settings with which no alarm
    would come. Exit code 0 means that the file is right, 1 that it has mistakes. A station that ran here before knows
    how many beds this machine can watch; more than those are a warning on standard error.
    """
    mistakes = find_mistakes(file)
    if not mistakes:
        config = read_config(file)
        mistakes = _missing(file, config)
        if warning := capacity_warning(config, read_capacity(config)):
            click.echo(f"warning: {warning}", err=True)
    if as_json:
        rows = [{"file": str(m.file), "line": m.line, "field": m.field, "message": m.message} for m in mistakes]
        click.echo(without_logins(json.dumps(rows, indent=2)))
    elif mistakes:
        for mistake in mistakes:
            click.echo(without_logins(str(mistake)))
        click.echo(
            f"{len(mistakes)} mistake{'s' if len(mistakes) > 1 else ''} in {without_logins(str(file))}", err=True
        )
    else:
        click.echo(f"{file} is right")
    return EXIT_NO if mistakes else 0


def _missing(file: Path, config: StationConfig) -> list[Mistake]:
    """Return what a right configuration lacks on this machine."""
    from monitor.diagnostics.surroundings import find_missing, find_silent_settings

    found = [*find_missing(config), *find_silent_settings(config.alarms, config.analysis.frames_per_second)]
    listed = [mistake_at(file, field, message) for field, message in found]
    return sorted(listed, key=lambda mistake: mistake.line or 0)
