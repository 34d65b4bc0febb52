"""`nicu-monitor ward`: every bed of every station on one page."""

import signal
from pathlib import Path

import click

from monitor.cli_framework import ConfigCommand, examples
from monitor.commands.run import secrets_of
from monitor.commands.signal_event import SignalEvent
from monitor.config.file import read_config
from monitor.logs import configure

__all__ = ["command"]


@click.command(cls=ConfigCommand, epilog=examples("nicu-monitor ward --config ward.yaml"))
@click.option("--config", "config_file", type=click.Path(path_type=Path), required=True, help="With a `fleet` section.")
def command(config_file: Path) -> int:
    """Show every bed of every station, read from Redis, until SIGTERM or SIGINT.

    The page and the API are those of a station. It says which station is silent, who watches what and which bed nobody
    watches, and passes on what people ask to the bed. It watches nothing itself, and several may run, each with
    logins of its own.
    """
    config = read_config(config_file)
    configure(config.logging, secrets_of(config))
    stop = SignalEvent()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    from monitor.ward.ward import Ward

    with Ward(config):
        stop.wait()
    return 0
