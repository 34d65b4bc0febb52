"""`nicu-monitor run`: the daemon."""

import dataclasses
import json
import logging
import os
import resource
import signal
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.cli_framework import EXIT_NO, ConfigCommand, examples
from monitor.commands.signal_event import SignalEvent
from monitor.config import CameraSettings, LogSettings, RedisSettings, StationConfig
from monitor.config.file import read_config
from monitor.config.secret_file import read_secret_file, secret_files
from monitor.errors import MonitorError
from monitor.logs import configure

if TYPE_CHECKING:
    from monitor.station.station import Station

__all__ = ["command", "secrets_of"]

_log = logging.getLogger(__name__)

_OPEN_FILES = 65_536
_STATION_FILES, _BED_FILES = 72, 16
"""Measured with two beds: 40 for the station, 4 for a camera that is away, 12 for one that opens; and some viewers."""
_IGNORED = (signal.SIGUSR1, signal.SIGUSR2)
"""A tool that expects another program must not end the watch over a bed."""


@click.command(
    cls=ConfigCommand,
    epilog=examples("nicu-monitor run --config station.yaml --self-test", "nicu-monitor run --config station.yaml"),
)
@click.option("--config", "config_file", type=click.Path(path_type=Path), required=True, help="Station configuration.")
@click.option(
    "--self-test", is_flag=True, help="Take a synthetic infant in pain through the whole chain, report, and end."
)
@click.option("--json", "as_json", is_flag=True, help="With --self-test: print a list of objects for a script.")
def command(config_file: Path, *, self_test: bool, as_json: bool) -> int:
    """Watch the beds of a configuration until SIGTERM or SIGINT.

    Cameras and Redis may be away at any time, also at the start: they are tried indefinitely, and their absence is an
    alarm. SIGHUP reads the configuration again, as `nicu-monitor reload` does. Exit code 0 after a clean end, 1 when
    the self-test found a fault, 3 when the station cannot start.
    """
    if as_json and not self_test:
        raise click.UsageError("--json goes with --self-test; the log is JSON with logging.format: json")
    config = read_config(config_file)
    if self_test:
        return _self_test(config, as_json=as_json)
    configure(config.logging, secrets_of(config))
    stop, wake, hang_up = SignalEvent(), SignalEvent(), SignalEvent()

    def asked(number: int, _: object) -> None:
        (hang_up if number == signal.SIGHUP else stop).set()
        wake.set()

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, asked)
    _allow_open_files(len(config.beds))
    for number in _IGNORED:
        signal.signal(number, signal.SIG_IGN)
    from monitor.station.scheduling_policy import batch_scheduling
    from monitor.station.station import Station

    def read_again() -> StationConfig:
        changed = read_config(config_file)
        configure(config.logging, [*secrets_of(config), *secrets_of(changed)])
        return changed

    with batch_scheduling(), Station(config, read_again=read_again, config_file=config_file) as station:
        while not stop.is_set():
            wake.wait()
            wake.clear()
            if hang_up.is_set():
                hang_up.clear()
                _reload(station)
        _log.info("stopping")
    _log.info("stopped")
    if station.left_behind:
        # A thread that hangs inside a model's library cannot be ended, and the library's own clean-up would abort the
        # process. Everything is stored and closed by now.
        logging.shutdown()
        os._exit(0)
    return 0


def _reload(station: "Station") -> None:
    try:
        station.reload("SIGHUP")
    except MonitorError as error:
        _log.error("the configuration was not reloaded: %s", error)
    except Exception:  # noqa: BLE001 - the watch goes on, whatever a reload met
        _log.exception("reloading failed in an unforeseen way; see `nicu-monitor doctor`")


def _self_test(config: StationConfig, *, as_json: bool) -> int:
    from monitor.station.self_test import run_self_test

    configure(LogSettings(level="error"), secrets_of(config))
    results = []
    for result in run_self_test(config):
        results.append(result)
        if as_json:
            continue
        click.echo(f"{'ok    ' if result.ok else 'FAILED'}  {result.stage:<8} {result.detail}")
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(result) for result in results], indent=2))
    return 0 if all(result.ok for result in results) else EXIT_NO


def _allow_open_files(beds: int) -> None:
    """Take as many open files as the system allows: a ward's cameras, pipelines and viewers need more than 1024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY or hard > soft:
        wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _OPEN_FILES)
        soft = max(soft, wanted)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    needed = _STATION_FILES + beds * _BED_FILES
    if soft != resource.RLIM_INFINITY and soft < needed:
        _log.warning(
            "the system allows %d open files; %d beds need %d, or cameras may not come back and viewers are "
            "turned away; raise LimitNOFILE= of the service or `ulimit -n`",
            soft,
            beds,
            needed,
        )


def secrets_of(config: StationConfig) -> list[str]:
    """Return every secret value of a configuration, so that the log can leave them out.

    A file that cannot be read holds none: whoever needs it says so, and holds up nothing else.
    """
    holders: list[RedisSettings | CameraSettings] = [config.redis, *(bed.camera for bed in config.beds)]
    values = [holder.password.get_secret_value() for holder in holders if holder.password is not None]
    for _, path in secret_files(config):
        with suppress(ValueError):
            values.append(read_secret_file(path))
    return [value for value in values if value]
