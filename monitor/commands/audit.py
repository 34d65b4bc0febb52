"""`nicu-monitor audit`: whether the audit log is as the station wrote it."""

import dataclasses
import json
from pathlib import Path

import click

from monitor.cli_framework import EXIT_NO, ConfigCommand, examples
from monitor.config.file import read_config
from monitor.errors import ConfigError
from monitor.telemetry.audit_log import verify_audit_log

__all__ = ["command"]


@click.command(
    cls=ConfigCommand,
    epilog=examples(
        "nicu-monitor audit --config station.yaml",
        "nicu-monitor audit --directory state/audit --json",
    ),
)
@click.option("--config", "config_file", type=click.Path(path_type=Path), help="Check this station's audit log.")
@click.option("--directory", type=click.Path(path_type=Path), help="Where audit.jsonl lies, instead of --config.")
@click.option("--json", "as_json", is_flag=True, help="Print one object for a script.")
def command(config_file: Path | None, directory: Path | None, *, as_json: bool) -> int:
    """Check that no record of the audit log was changed, removed or put in.

    Compare the hash that is printed with one that you noted elsewhere: records cut off at the end leave no other trace.
    Exit code 1 when the chain is broken, when its beginning is missing though no file had to go, or when there is no
    record at all.
    """
    if (config_file is None) == (directory is None):
        raise click.UsageError("give either --config or --directory")
    if config_file is not None:
        directory = read_config(config_file).spool.directory / "audit"
    assert directory is not None  # noqa: S101 - for the type checker
    try:
        if not directory.is_dir():
            raise ConfigError(f"{directory} does not exist; the station makes it when it first runs")
        report = verify_audit_log(directory)
    except OSError as error:
        raise ConfigError(f"{directory} cannot be read ({error.strerror}); run this as the station's user") from error
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(report), indent=2))
    else:
        for problem in report.problems:
            click.echo(problem)
        if report.torn_lines:
            click.echo(f"{report.torn_lines} unfinished lines: the machine or the station stopped while writing")
        span = f"{report.records} records, number {report.first_number} to {report.last_number}"
        verdict = "the chain is BROKEN" if report.problems else "the chain is whole"
        click.echo(f"{span}; {verdict}; last hash {report.last_hash}")
    return EXIT_NO if report.problems else 0
