"""`nicu-monitor doctor`: found, missing, and the command that mends it."""

import dataclasses
import json
from collections.abc import Iterable
from itertools import chain
from pathlib import Path

import click

from monitor.cli_framework import EXIT_NO, ConfigCommand, examples
from monitor.config import FaceSettings, LogSettings, ModelSettings, RedisSettings, SpoolSettings
from monitor.config.file import read_config
from monitor.diagnostics.checks import Check, Verdict, examine
from monitor.logs import configure

__all__ = ["command"]

_NAMED_AREAS = frozenset({"camera", "disk", "redis"})
_MARKS = {
    Verdict.FOUND: click.style("found  ", fg="green"),
    Verdict.ABSENT: click.style("absent ", fg="yellow"),
    Verdict.MISSING: click.style("MISSING", fg="red", bold=True),
}


@click.command(
    cls=ConfigCommand,
    epilog=examples(
        "nicu-monitor doctor",
        "nicu-monitor doctor --config station.yaml --cameras",
        "nicu-monitor doctor --config station.yaml --json",
    ),
)
@click.option("--config", "config_file", type=click.Path(path_type=Path), help="Look at what this station needs.")
@click.option("--json", "as_json", is_flag=True, help="Print a list of objects for a script.")
@click.option(
    "--cameras",
    "with_cameras",
    is_flag=True,
    help="Open every camera, too: what it sends, what would save. Of shared beds those whose home is this station.",
)
def command(config_file: Path | None, *, as_json: bool, with_cameras: bool) -> int:
    """Look for everything that a station needs: video, models, engines, Redis, disk, clock.

    "absent" narrows what the station can do; "MISSING" stops it. Exit code 0 only where nothing is missing and all that
    the configuration names is there, cameras, Redis and a disk with room; 1 otherwise.
    """
    if with_cameras and config_file is None:
        raise click.UsageError("--cameras needs --config, which names the cameras")
    checks: Iterable[Check]
    if config_file is None:
        checks = examine(ModelSettings(), FaceSettings(), RedisSettings(), SpoolSettings())
    else:
        config = read_config(config_file)
        checks = examine(config.models, config.faces, config.redis, config.spool)
        if with_cameras:
            from monitor.diagnostics.cameras import examine_cameras

            # The report says what a camera lacks; its log would say it again, in between.
            configure(LogSettings(level="error"))
            beds = config.beds
            if config.fleet is not None:
                from monitor.diagnostics.shared_beds import find_shared_beds

                beds, said = find_shared_beds(config)
                checks = chain(checks, said)
            checks = chain(checks, examine_cameras(beds, config.models, config.faces))
    done = []
    for check in checks:
        done.append(check)
        if not as_json:
            _print(check)
    missing = sum(check.verdict is Verdict.MISSING for check in done)
    # Without a configuration nobody has asked for a Redis or a camera.
    named = [] if config_file is None else [check for check in done if _is_named(check)]
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(check) for check in done], indent=2))
    else:
        click.echo(_verdict(missing, named))
    return EXIT_NO if missing or named else 0


def _is_named(check: Check) -> bool:
    """Whether a station without this starts, and does not do what its configuration says."""
    return check.verdict is Verdict.ABSENT and check.area in _NAMED_AREAS


def _verdict(missing: int, named: list[Check]) -> str:
    if missing:
        return f"{missing} missing: see the lines above"
    if named:
        listed = ", ".join(f"{check.area} {check.name}" for check in named)
        return f"the station would start, but without what its configuration names: {listed}"
    return "everything needed is here"


def _print(check: Check) -> None:
    click.echo(f"{_MARKS[check.verdict]}  {check.area:<7} {check.name:<24} {check.detail}")
    if check.remedy:
        click.echo(f"         mend: {check.remedy}")
    for advice in check.advice:
        click.echo(f"         advice: {advice}")
