"""`nicu-monitor reload`: a running station takes its changed configuration."""

from pathlib import Path

import click

from monitor.cli_framework import EXIT_NO, ConfigCommand, examples
from monitor.config.file import find_mistakes, read_config
from monitor.control.local_socket import ask_station

__all__ = ["command"]


@click.command(
    cls=ConfigCommand,
    epilog=examples(
        "nicu-monitor reload --config station.yaml --dry-run",
        "nicu-monitor reload --config station.yaml",
    ),
)
@click.option("--config", "config_file", type=click.Path(path_type=Path), required=True, help="The station's own file.")
@click.option("--dry-run", is_flag=True, help="Only say what would change and what that would interrupt.")
def command(config_file: Path, *, dry_run: bool) -> int:
    """Let the station that runs with this configuration file read it again, without a pause for its other beds.

    Beds, cameras, regions of interest and alarm settings change while the station runs. A file with mistakes, or with
    changes that need a restart, changes nothing. To be run on the station's machine, by the user that runs it; SIGHUP
    to the station does the same. Exit code 0 when it is done, 1 when the file has mistakes, 3 when the station refuses.
    """
    mistakes = find_mistakes(config_file)
    if mistakes:
        for mistake in mistakes:
            click.echo(str(mistake), err=True)
        click.echo("nothing was changed", err=True)
        return EXIT_NO
    answer = ask_station(read_config(config_file).spool.directory, {"action": "reload", "dry_run": dry_run})
    for sentence in answer.get("sentences", ()):
        click.echo(sentence)
    if dry_run:
        click.echo("nothing was changed: --dry-run")
    return 0
