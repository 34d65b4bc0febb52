"""The other end of the commands stream: sends a command to a station and waits for what comes of it."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click
from pydantic import SecretStr, ValidationError
from redis.exceptions import RedisError

from monitor.alerts.record import Alert
from monitor.cli_framework import EXIT_NO
from monitor.config import RedisSettings
from monitor.config.file import read_config
from monitor.delivery.keys import Keys, id_after
from monitor.delivery.redis_client import connect_redis, redis_address
from monitor.delivery.redis_errors import describe_failure
from monitor.errors import ConfigError, PublishError

__all__ = ["request_options", "send_request"]

_TAKEN_SECONDS = 10.0
_RECORDED_SECONDS = 3.0
_POLL_SECONDS = 0.1

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def request_options(function: Decorated) -> Decorated:
    """Give a click command the options that every order has."""
    for option in (
        click.option("--password-file", type=click.Path(path_type=Path), help="File with the password for --redis."),
        click.option("--redis", "url", help="Address of Redis, instead of a configuration file."),
        click.option("--config", "config_file", type=click.Path(path_type=Path), help="Station configuration."),
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


def send_request(
    fields: Mapping[str, str],
    *,
    by: str,
    token_file: Path | None,
    station: str | None,
    config_file: Path | None,
    url: str | None,
    password_file: Path | None,
) -> int:
    """Send a command, say in one sentence what came of it, and return the exit code.

    The station gives no answer of its own: it takes the command out of the stream, and every alert that it silences
    gets a record that names who did it. Both are waited for.

    Raises:
        MonitorError: The configuration or the token file is wrong, or Redis does not answer.
    """
    settings, name = _addressee(config_file, url, password_file, station)
    keys = Keys(settings.key_prefix, name)
    command = {**fields, "by": by}
    if token_file is not None:
        command["token"] = _token(token_file)
    try:
        client: Any = connect_redis(settings)
        try:
            newest = client.xrevrange(keys.alerts, count=1)
            before = str(newest[0][0]) if newest else "0-0"
            command_id = client.xadd(keys.commands, command, maxlen=10_000, approximate=True)
            if not _comes_true(lambda: not client.xrange(keys.commands, command_id, command_id), _TAKEN_SECONDS):
                client.xdel(keys.commands, command_id)
                click.echo(f"no station called {name} took the command within {_TAKEN_SECONDS:.0f} s", err=True)
                return EXIT_NO
            if fields["action"] == "resume":
                click.echo(f"{name} took the command")
                return 0
            _comes_true(lambda: _named(client, keys.alerts, before, by), _RECORDED_SECONDS)
            records = _named(client, keys.alerts, before, by)
        finally:
            client.close()
    except (RedisError, OSError) as error:
        raise PublishError(describe_failure(error, redis_address(settings))) from None
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


def _addressee(
    config_file: Path | None, url: str | None, password_file: Path | None, station: str | None
) -> tuple[RedisSettings, str]:
    if (config_file is None) == (url is None):
        raise click.UsageError("give --config, or --redis and --station")
    if config_file is not None:
        config = read_config(config_file)
        return config.redis, station or config.station.id
    if station is None:
        raise click.UsageError("say with --station which station is meant")
    try:
        return RedisSettings.model_validate({"url": SecretStr(url or ""), "password_file": password_file}), station
    except ValidationError:
        raise ConfigError("--redis is no address; write for example redis://127.0.0.1:6379/0") from None


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
        try:
            alert = Alert.model_validate_json(fields.get("alert", ""))
        except ValidationError:  # somebody else's entry
            continue
        if alert.acknowledgement is not None and alert.acknowledgement.by == by:
            found.append(alert)
    return found


def _comes_true(condition: Callable[[], object], within_seconds: float) -> bool:
    give_up = time.monotonic() + within_seconds
    while not condition():
        if time.monotonic() > give_up:
            return False
        time.sleep(_POLL_SECONDS)
    return True
