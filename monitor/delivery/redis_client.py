"""Connections to Redis: one server, Sentinel or Cluster, over TCP, TLS or a Unix socket.

The client's own retries are off and every call has a short bound: redis-py's defaults block a call for about 4 s when
the server is away, and the publisher has its own, better retries. Nothing in this module puts a credential into an
exception: messages are built from host names and error classes.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import unquote

from redis import Redis, RedisCluster
from redis.backoff import NoBackoff
from redis.cluster import ClusterNode
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisClusterException
from redis.maint_notifications import MaintNotificationsConfig
from redis.retry import Retry
from redis.sentinel import Sentinel

from monitor.config import RedisSettings
from monitor.config.addresses import NetworkAddress, split_address
from monitor.config.secret_file import read_secret_file
from monitor.errors import ConfigError
from monitor.tls import add_certificate, tls_context

__all__ = ["RedisClient", "connect_redis", "redis_address"]

RedisClient: TypeAlias = Redis | RedisCluster

_DEFAULT_PORT = 6379
_DEFAULT_SENTINEL_PORT = 26379


def redis_address(settings: RedisSettings) -> str:
    """Return where the server is, for people: scheme, hosts, path; never a credential."""
    parts = _split(settings)
    return f"{parts.scheme}://{parts.netloc}{parts.path}"


def connect_redis(settings: RedisSettings) -> RedisClient:
    """Return a client. Only the Cluster kind talks to a server at once; the others do so with the first command.

    Args:
        settings: Address, credentials and bound on one call.

    Returns:
        A client that answers with `str`, speaks RESP2 and never retries by itself.

    Raises:
        ConfigError: The address or a file that it needs is wrong.
        redis.exceptions.RedisError: No node of the cluster answers.
    """
    parts = _split(settings)
    options = _options(settings, parts)
    flavour = parts.scheme.partition("+")[2]
    if flavour == "cluster":
        nodes = [
            ClusterNode(host, port)  # type: ignore[no-untyped-call]  # redis-py leaves it untyped
            for host, port in _hosts(parts, _DEFAULT_PORT)
        ]
        try:
            return RedisCluster(startup_nodes=nodes, **options)
        except RedisClusterException as error:  # which redis-py derives from none of its other errors
            raise RedisConnectionError("no node of the cluster answers") from error
    if flavour == "sentinel":
        service, database = _sentinel_path(parts)
        sentinel = Sentinel(  # type: ignore[no-untyped-call]  # redis-py leaves it untyped
            _hosts(parts, _DEFAULT_SENTINEL_PORT),
            sentinel_kwargs={**_common(settings, parts), **_sentinel_credentials(settings)},
            **options,
        )
        client: Redis = sentinel.master_for(service, db=database)  # type: ignore[no-untyped-call]  # as above
        return client
    if parts.scheme == "unix":
        return Redis(unix_socket_path=unquote(parts.path), db=_database(parts.query), **options)
    (host, port), *rest = _hosts(parts, _DEFAULT_PORT)
    if rest:
        raise ConfigError(
            f"the Redis address {redis_address(settings)} names several hosts; "
            "use redis+sentinel:// or redis+cluster:// for that"
        )
    return Redis(host=host, port=port, db=_path_database(parts.path), **options)


def _split(settings: RedisSettings) -> NetworkAddress:
    try:
        parts = split_address(settings.url.get_secret_value(), needs_host=False)
    except ValueError as error:
        raise ConfigError(f"redis.url: {error}") from None
    if parts.scheme == "unix":
        if not parts.path:
            raise ConfigError("redis.url names no socket; write unix:///run/redis/redis.sock")
    elif not parts.hosts:
        raise ConfigError("redis.url names no host; write for example redis://127.0.0.1:6379/0")
    return parts


def _hosts(parts: NetworkAddress, default_port: int) -> list[tuple[str, int]]:
    return [(host, port or default_port) for host, port in parts.hosts]


def _path_database(path: str) -> int:
    text = path.strip("/")
    if text and not text.isdecimal():
        raise ConfigError("the path of redis.url must be the number of a database, such as /0")
    return int(text or 0)


def _database(query: str) -> int:
    for item in query.split("&"):
        name, _, value = item.partition("=")
        if name == "db":
            return _path_database(value)
    return 0


def _sentinel_path(parts: NetworkAddress) -> tuple[str, int]:
    service, _, database = parts.path.strip("/").partition("/")
    if not service:
        raise ConfigError("redis.url names no Sentinel service; write redis+sentinel://host:26379/SERVICE/0")
    return service, _path_database(database)


def _common(settings: RedisSettings, parts: NetworkAddress) -> dict[str, Any]:
    """Return the options that data servers and Sentinels share."""
    options: dict[str, Any] = {
        "socket_timeout": settings.timeout_seconds,
        "socket_connect_timeout": settings.timeout_seconds,
        "decode_responses": True,
        # A program that may write to a stream may write bytes that are no text into it; they must not hold up the rest.
        "encoding_errors": "backslashreplace",
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
        "client_name": "nicu-monitor",
        "maint_notifications_config": MaintNotificationsConfig(enabled=False),
    }
    if parts.scheme.startswith("rediss"):
        for field in ("tls_ca_file", "tls_cert_file", "tls_key_file"):
            _must_be_readable(getattr(settings, field), f"redis.{field}")
        # redis-py would meet what is wrong in them at its first connection, and call the server unreachable.
        context = tls_context(settings.tls_ca_file, "redis.tls_ca_file")
        if settings.tls_cert_file is not None:
            add_certificate(context, settings.tls_cert_file, settings.tls_key_file, "redis.tls_cert_file")
        options |= {
            "ssl": True,
            "ssl_ca_certs": _text(settings.tls_ca_file),
            "ssl_certfile": _text(settings.tls_cert_file),
            "ssl_keyfile": _text(settings.tls_key_file),
        }
    return options


def _options(settings: RedisSettings, parts: NetworkAddress) -> dict[str, Any]:
    username = settings.username or parts.username or None
    password = _password(settings) or parts.password or None
    return {**_common(settings, parts), "username": username, "password": password}


def _sentinel_credentials(settings: RedisSettings) -> Mapping[str, Any]:
    if settings.sentinel_password_file is None:
        return {}
    password = _read_secret(settings.sentinel_password_file, "redis.sentinel_password_file")
    return {"username": settings.sentinel_username, "password": password}


def _password(settings: RedisSettings) -> str | None:
    if settings.password is not None:
        return settings.password.get_secret_value()
    if settings.password_file is not None:
        return _read_secret(settings.password_file, "redis.password_file")
    return None


def _read_secret(path: Path, field: str) -> str:
    try:
        return read_secret_file(path)
    except ValueError as error:
        raise ConfigError(f"{field}: {path} {error}") from None


def _must_be_readable(path: Path | None, field: str) -> None:
    if path is None:
        return
    try:
        path.open("rb").close()
    except OSError:
        raise ConfigError(f"{field}: cannot read {path}; check that it exists and who may read it") from None


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)
