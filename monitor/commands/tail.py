"""`nicu-monitor tail`: a ready-made subscriber for the terminal and for scripts."""

import json
import signal
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from pydantic import SecretStr, ValidationError

from monitor.alerts.record import Alert
from monitor.cli_framework import EXIT_NO, ConfigCommand, NumberRange, examples
from monitor.commands.signal_event import SignalEvent
from monitor.config import RedisSettings
from monitor.config.file import read_config
from monitor.delivery.subscriber import (
    AlertSubscriber,
    Event,
    HeartbeatLost,
    HeartbeatSeen,
    NewAlert,
    ServerLost,
)
from monitor.errors import ConfigError, PublishError

__all__ = ["command"]

_POLL_SECONDS = 0.25
_COLOURS = {"low": "cyan", "medium": "yellow", "high": "red"}


@click.command(
    cls=ConfigCommand,
    epilog=examples(
        "nicu-monitor tail --config station.yaml",
        "nicu-monitor tail --redis redis://127.0.0.1/0 --json --state tail.json",
        "nicu-monitor tail --redis redis://127.0.0.1/0 --once --from-start --bed bed-1",
    ),
)
@click.option(
    "--config", "config_file", type=click.Path(path_type=Path), help="Take the Redis settings from this file."
)
@click.option("--redis", "url", help="Address of Redis, instead of a configuration file.")
@click.option("--password-file", type=click.Path(path_type=Path), help="File with the password for --redis.")
@click.option("--prefix", help="Beginning of the key names; nicu unless the configuration says otherwise.")
@click.option("--state", "state_file", type=click.Path(path_type=Path), help="Keep here what has been read.")
@click.option("--from-start", is_flag=True, help="Begin with the oldest alert in the stream.")
@click.option("--bed", "beds", multiple=True, help="Show only this bed; may be given several times.")
@click.option("--station", "stations", multiple=True, help="Expect this station's heartbeat from the start.")
@click.option(
    "--silence",
    "silence_seconds",
    type=NumberRange(min=0.0, min_open=True),
    default=20.0,
    show_default=True,
    help="Seconds without heartbeat: alarm.",
)
@click.option("--exit-on-silence", is_flag=True, help="End with exit code 1 when a station falls silent.")
@click.option("--once", is_flag=True, help="Print what is there and end.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def command(
    config_file: Path | None,
    url: str | None,
    password_file: Path | None,
    prefix: str | None,
    state_file: Path | None,
    beds: tuple[str, ...],
    stations: tuple[str, ...],
    silence_seconds: float,
    *,
    from_start: bool,
    exit_on_silence: bool,
    once: bool,
    as_json: bool,
) -> int:
    """Print alerts as they come, each once, and say when a station no longer watches.

    With --state it goes on where it stopped. It survives restarts of Redis. Exit code 0 at the end of --once, 1 when
    --exit-on-silence ended it.
    """
    settings = _settings(config_file, url, password_file)
    if prefix:
        settings = settings.model_copy(update={"key_prefix": prefix})
    subscriber = AlertSubscriber.from_settings(
        settings,
        state_file=state_file,
        stations=stations,
        from_start=from_start,
        silence_seconds=silence_seconds,
    )
    try:
        with _interruption() as interrupted:
            return _follow(
                subscriber, interrupted, frozenset(beds), exit_on_silence=exit_on_silence, once=once, as_json=as_json
            )
    finally:
        subscriber.close()


@contextmanager
def _interruption() -> Iterator[threading.Event]:
    """Turn SIGINT into an event, also where a shell started the program in the background, with the signal ignored."""
    interrupted = SignalEvent()
    former = signal.signal(signal.SIGINT, lambda *_: interrupted.set())
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, former)
    if interrupted.is_set():
        raise KeyboardInterrupt


def _follow(
    subscriber: AlertSubscriber,
    interrupted: threading.Event,
    beds: frozenset[str],
    *,
    exit_on_silence: bool,
    once: bool,
    as_json: bool,
) -> int:
    while not interrupted.is_set():
        _print(_checked(subscriber.poll(), must_answer=once), beds, as_json=as_json)
        if exit_on_silence and subscriber.silent_stations:
            return EXIT_NO
        if subscriber.has_read_all:
            if once:
                break
            interrupted.wait(_POLL_SECONDS)
    return 0


def _settings(config_file: Path | None, url: str | None, password_file: Path | None) -> RedisSettings:
    if config_file is not None:
        if url is not None:
            raise click.UsageError("give --config or --redis, not both")
        if password_file is not None:
            raise click.UsageError("--password-file belongs to --redis; --config names its own in redis.password_file")
        return read_config(config_file).redis
    try:
        given = {} if url is None else {"url": SecretStr(url)}
        return RedisSettings.model_validate({**given, "password_file": password_file})
    except ValidationError:
        raise ConfigError("--redis is no address; write for example redis://127.0.0.1:6379/0") from None


def _checked(events: Iterable[Event], *, must_answer: bool) -> Iterator[Event]:
    for event in events:
        if must_answer and isinstance(event, ServerLost):
            raise PublishError(event.reason)
        yield event


def _print(events: Iterable[Event], beds: frozenset[str], *, as_json: bool) -> None:
    for event in events:
        if isinstance(event, NewAlert):
            if event.missing_before:
                _say(
                    {"event": "gap", "producer_id": event.alert.producer_id, "count": event.missing_before},
                    f"{event.missing_before} alerts of {event.alert.producer_id} are missing",
                    as_json=as_json,
                )
            if beds and event.alert.bed not in beds:
                continue
            click.echo(event.text if as_json else _line(event.alert))
        elif isinstance(event, HeartbeatLost):
            text = f"{event.station} IS SILENT: nobody watches its beds; no alert does not mean no pain"
            _say({"event": "heartbeat_lost", "station": event.station}, text, as_json=as_json, colour="red")
        elif isinstance(event, HeartbeatSeen):
            _say({"event": "heartbeat_seen", "station": event.station}, f"{event.station} watches", as_json=as_json)
        elif isinstance(event, ServerLost):
            _say({"event": "redis_lost", "reason": event.reason}, event.reason, as_json=as_json, colour="red")
        else:
            _say({"event": "redis_seen"}, "Redis answers again", as_json=as_json)


def _say(document: dict[str, object], text: str, *, as_json: bool, colour: str | None = None) -> None:
    """Print what is no alert; on standard error unless a script reads along."""
    if as_json:
        click.echo(json.dumps(document))
    else:
        click.secho(f"-- {_plain(text)}", fg=colour, err=True)


def _line(alert: Alert) -> str:
    """Return an alert as one line for people."""
    acknowledged = "" if alert.acknowledgement is None else f", acknowledged by {alert.acknowledgement.by}"
    doubt = "" if alert.validity == "valid" else f", {alert.validity}"
    mode = "" if alert.generation_mode == "real" else f" [{alert.generation_mode}]"
    head = click.style(f"{alert.priority:6} {alert.phase:8} {alert.code}", fg=_COLOURS[alert.priority])
    where = f"{alert.determined_at:%Y-%m-%dT%H:%M:%SZ} {alert.bed or alert.station:10}"
    return f"{_plain(where)} {head} {_plain(f'{alert.signal}{acknowledged}{doubt}{mode}  {alert.detail}')}"


def _plain(text: str) -> str:
    """Keep what others wrote from steering the terminal."""
    return "".join(character if character.isprintable() else "?" for character in text)
