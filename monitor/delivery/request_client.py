"""The other end of the commands stream: sends a command to a station and waits for what comes of it."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click
from pydantic import SecretStr, ValidationError
from redis.exceptions import NoPermissionError, RedisError, ResponseError

from monitor.alerts.record import Alert, alert_of_entry
from monitor.cli_framework import EXIT_NO
from monitor.config import RedisSettings
from monitor.config.file import read_config
from monitor.control.requests import WHOLE_STATION
from monitor.delivery.keys import Keys, id_after
from monitor.delivery.redis_client import connect_redis, redis_address
from monitor.delivery.redis_errors import describe_failure
from monitor.errors import ConfigError, PublishError

__all__ = ["request_options", "send_request"]

_TAKEN_SECONDS = 10.0
_RECORDED_SECONDS = 3.0
_POLL_SECONDS = 0.1
_SILENCING = frozenset({"acknowledge", "pause"})
"""What comes of these is seen in the records of alerts."""

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def request_options(function: Decorated) -> Decorated:
    """Give a click command the options that every order has."""
    for option in (
        click.option("--password-file", type=click.Path(path_type=Path), help="File with the password for --redis."),
        click.option("--redis", "url", help="Address of Redis, instead of a configuration file."),
        click.option("--config", "config_file", type=click.Path(path_type=Path), help="Station configuration."),
        click.option("--to-bed", help="A shared bed that is meant, whichever station watches it (see `fleet`)."),
        click.option("--station", help="Id of the station; from the configuration where there is one."),
        click.option(
            "--token-file",
            type=click.Path(path_type=Path),
            help="File with the token of --by; needed where the station has an access list.",
        ),
        click.option("--by", required=True, help="Who; named in the record of every alert concerned."),
    ):
        function = option(function)
    return function


@dataclass(frozen=True, slots=True)
class _Answer:
    """What a station said of a command: its outcome, one sentence where it was not done, whether anything changed."""

    outcome: str
    detail: str
    changed: bool


_UNREADABLE = _Answer("unreadable", "", changed=False)
"""The user of Redis may not read what the station said."""

_NOT_REFUSED = {"accepted", _UNREADABLE.outcome}


def send_request(
    fields: Mapping[str, str],
    *,
    by: str,
    token_file: Path | None,
    station: str | None,
    to_bed: str | None,
    config_file: Path | None,
    url: str | None,
    password_file: Path | None,
) -> int:
    """Send a command, say in one sentence what came of it, and return the exit code.

    The station takes the command out of the stream, answers whether it did what was asked, and every alert that it
    silences gets a record that names who did it. All three are waited for.

    Raises:
        MonitorError: The configuration or the token file is wrong, or Redis does not answer.
    """
    settings, name, is_shared = _addressee(config_file, url, password_file, station or to_bed)
    keys = Keys(settings.key_prefix, name)
    bed = to_bed or (fields.get("bed") if is_shared else None)
    stream, name = (
        (keys.commands, name) if bed in {None, WHOLE_STATION} else (keys.bed_commands(str(bed)), f"bed {bed}")
    )
    command = {**fields, "by": by}
    if token_file is not None:
        command["token"] = _token(token_file)
    records: list[Alert] = []
    try:
        client: Any = connect_redis(settings)
        try:
            newest = client.xrevrange(keys.alerts, count=1)
            before = str(newest[0][0]) if newest else "0-0"
            command_id = client.xadd(stream, command, maxlen=10_000, approximate=True)
            if not _comes_true(lambda: not client.xrange(stream, command_id, command_id), _TAKEN_SECONDS):
                client.xdel(stream, command_id)
                whom = f"station called {name}" if bed is None else f"station that watches {name}"
                click.echo(f"no {whom} took the command within {_TAKEN_SECONDS:.0f} s", err=True)
                return EXIT_NO
            answer = _read_answer(client, keys.answer(command_id))
            if fields["action"] in _SILENCING and (answer is None or answer.outcome in _NOT_REFUSED):
                _comes_true(lambda: _named(client, keys.alerts, before, by), _RECORDED_SECONDS)
                records = _named(client, keys.alerts, before, by)
        finally:
            client.close()
    except (RedisError, OSError) as error:
        raise PublishError(describe_failure(error, redis_address(settings))) from None
    return _report(fields, name, by, answer, records)


def _report(fields: Mapping[str, str], name: str, by: str, answer: _Answer | None, records: list[Alert]) -> int:
    """Say what came of a command, and return the exit code."""
    if answer is _UNREADABLE and fields["action"] not in _SILENCING:
        click.echo(
            f"{name} took the command; whether it did it cannot be read, for this user of Redis lacks +get", err=True
        )
        return EXIT_NO
    if answer is not None and answer.outcome not in _NOT_REFUSED:
        click.echo(f"{name} refused: {answer.detail}", err=True)
        return EXIT_NO
    if fields["action"] not in _SILENCING:
        if answer is not None and not answer.changed:
            click.echo(f"{name} took the command; nothing had to be changed", err=True)
            return EXIT_NO
        click.echo(f"{name} took the command" if answer is None else f"{name} did it: {fields['action']}")
        return 0
    if not records:
        click.echo(
            f"{name} took the command, and nothing came of it: nothing of this kind is signalled there, or name and "
            "token do not give this right",
            err=True,
        )
        return EXIT_NO
    for record in {record.alert_id: record for record in records}.values():
        click.echo(f"{record.bed or name}: {record.code} is silenced by {by}; the condition stays until it is over")
    return 0


def _read_answer(client: Any, key: str) -> _Answer | None:  # noqa: ANN401 - redis-py's clients are untyped
    """Return what the station said; None where it says nothing."""
    try:
        answer = json.loads(client.get(key) or "null")
        return None if answer is None else _Answer(answer["outcome"], answer["detail"], answer["changed"])
    except NoPermissionError:
        return _UNREADABLE
    except (ResponseError, ValueError, KeyError, TypeError):
        return None


def _addressee(
    config_file: Path | None, url: str | None, password_file: Path | None, station: str | None
) -> tuple[RedisSettings, str, bool]:
    """Return where to, whose station's commands, and whether that station shares its beds."""
    if (config_file is None) == (url is None):
        raise click.UsageError("give --config, or --redis and --station")
    if config_file is not None:
        config = read_config(config_file)
        return config.redis, station or config.station.id, config.fleet is not None
    if station is None:
        raise click.UsageError("say with --station or --to-bed which station is meant")
    try:
        settings = RedisSettings.model_validate({"url": SecretStr(url or ""), "password_file": password_file})
    except ValidationError:
        raise ConfigError("--redis is no address; write for example redis://127.0.0.1:6379/0") from None
    return settings, station, False


def _token(path: Path) -> str:
    try:
        token = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise ConfigError(f"cannot read the token in {path}; check that it exists and who may read it") from None
    if not token:
        raise ConfigError(f"{path} is empty; write the token into its first line")
    return token


def _named(client: Any, key: str, after: str, by: str) -> list[Alert]:  # noqa: ANN401 - redis-py's clients are untyped
    """Return the records since then that name who acknowledged the alert."""
    found = []
    for _, fields in client.xrange(key, min=id_after(after)):
        alert = alert_of_entry(fields)
        if alert is not None and alert.acknowledgement is not None and alert.acknowledgement.by == by:
            found.append(alert)
    return found


def _comes_true(condition: Callable[[], object], within_seconds: float) -> bool:
    give_up = time.monotonic() + within_seconds
    while not condition():
        if time.monotonic() > give_up:
            return False
        time.sleep(_POLL_SECONDS)
    return True
