"""`nicu-monitor sessions`: who is logged in to the page, and the end of it."""

import json
from pathlib import Path
from typing import Any

import click

from monitor.cli_framework import ConfigCommand, examples
from monitor.config.file import read_config
from monitor.control.local_socket import ask_station

__all__ = ["command"]

_CONFIG = click.option(
    "--config", "config_file", type=click.Path(path_type=Path), required=True, help="The station's own file."
)


@click.group(
    name="sessions",
    epilog=examples(
        "nicu-monitor sessions list --config station.yaml", "nicu-monitor sessions end anna --config station.yaml"
    ),
    context_settings={"help_option_names": ["-h", "--help"]},
)
def command() -> None:
    """See who is logged in to the page of a running station, and end sessions.

    To be run on the station's machine, by the user that runs it. Programs with a token have no sessions: remove them
    from the users file.
    """


@command.command(
    cls=ConfigCommand,
    name="list",
    epilog=examples(
        "nicu-monitor sessions list --config station.yaml", "nicu-monitor sessions list --config station.yaml --json"
    ),
)
@_CONFIG
@click.option("--json", "as_json", is_flag=True, help="Print JSON for a script.")
def list_sessions(config_file: Path, *, as_json: bool) -> None:
    """List the sessions that were used since the station was started, the last used first."""
    sessions: list[dict[str, Any]] = _ask(config_file, {"action": "sessions"})["sessions"]
    if as_json:
        click.echo(json.dumps(sessions, indent=2))
        return
    for session in sessions:
        click.echo("{id:18} {name:24} {kind:8} since {since}, last used {last_used}".format(**session))


@command.command(
    epilog=examples(
        "nicu-monitor sessions end anna --config station.yaml",
        "nicu-monitor sessions end --id 3q2-7wEAAQIDBAUG --config station.yaml",
        "nicu-monitor sessions end --everybody --config station.yaml",
    )
)
@click.argument("name", required=False)
@_CONFIG
@click.option("--id", "session_id", help="One session, by its id in the list.")
@click.option("--everybody", is_flag=True, help="All sessions of everybody, wall displays among them.")
def end(name: str | None, config_file: Path, session_id: str | None, *, everybody: bool) -> None:
    """End all sessions of the user NAME, one session, or all: their cookies, and every copy, are worth nothing then.

    Whoever is still in the users file may log in again; `nicu-monitor users remove` takes that away, too.
    """
    if (name is not None) + (session_id is not None) + everybody != 1:
        raise click.UsageError("give one of NAME, --id and --everybody")
    if session_id is not None:
        _ask(config_file, {"action": "end_session", "id": session_id})
        click.echo(f"session {session_id} is ended")
        return
    ended = _ask(config_file, {"action": "end_sessions", "name": name})["ended"]
    click.echo(f"all sessions of {name or 'everybody'} are ended; {ended} of them were used since the start")


def _ask(config_file: Path, request: dict[str, object]) -> dict[str, Any]:
    return ask_station(read_config(config_file).spool.directory, request)
