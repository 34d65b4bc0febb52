"""What went wrong with Redis, in one sentence for people and without a word that the server or a URL supplied."""

from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    InvalidResponse,
    RedisClusterException,
    ResponseError,
    WatchError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

__all__ = ["describe_failure"]

_NO_REDIS = "answers, but not as a Redis does; check that the port is that of Redis, and rediss:// where it speaks TLS"

_BY_CODE = {
    "NOAUTH": "refuses the user or password; check redis.username and redis.password_file",
    "WRONGPASS": "refuses the user or password; check redis.username and redis.password_file",
    "NOPERM": "denies a command or a key to this user; widen the user's ACL rule",
    "OOM": "is out of memory; raise its maxmemory or delete what it does not need",
    "READONLY": "is a read-only replica; give the address of the primary",
    "BUSY": "is held up by a script that somebody runs on it; end it with SCRIPT KILL",
    "LOADING": "is still loading its data; it will be tried again",
    "MISCONF": "cannot write its data to disk and refuses changes; see its log",
    "DENIED": "is in protected mode: only programs of its own machine may come; give it a password",
    "MOVED": "is a node of a cluster; write redis+cluster:// in its address",
    "ASK": "is a node of a cluster; write redis+cluster:// in its address",
    "CROSSSLOT": "is a node of a cluster; write redis+cluster:// in its address",
    "CLUSTERDOWN": "is part of a cluster that is down; see CLUSTER INFO",
    "MASTERDOWN": "is a replica that has lost its primary; give the address of the primary",
    "NOREPLICAS": "has too few replicas to take changes; see its min-replicas-to-write",
    "NOPROTO": "does not speak this protocol; use Redis 6 or later, or Valkey",
    "WRONGTYPE": "holds something else under one of this program's keys; change redis.key_prefix",
}

_BY_WORDS = {
    "max number of clients": "has no connection left; raise its maxclients or end programs that hold connections",
    "DB index is out of range": "has no database of that number; write a smaller number at the end of its address",
    "invalid DB index": "has no database of that number; write a smaller number at the end of its address",
    "SELECT is not allowed in cluster mode": "is a node of a cluster, which has only database 0; write redis+cluster://",
    "without any password configured": "wants no password; leave it out, or set one in Redis (requirepass)",
    "unknown command 'SENTINEL'": "is no Sentinel; write redis://, or the port of a Sentinel (26379)",
    "unknown command `SENTINEL`": "is no Sentinel; write redis://, or the port of a Sentinel (26379)",
    "unknown command": "does not know a command; use Redis 6 or later, or Valkey",
    "Hostname mismatch": "has a TLS certificate for another name; write the one that is in it into the address",
    "IP address mismatch": "has a TLS certificate for another name; write the one that is in it into the address",
    "CERTIFICATE_VERIFY_FAILED": "has a TLS certificate that is not trusted; set redis.tls_ca_file to its authority",
    "WRONG_VERSION_NUMBER": "does not speak TLS on this port; write redis:// or the port of its TLS",
    "certificate required": "wants a certificate; set redis.tls_cert_file and redis.tls_key_file",
    "Protocol Error": _NO_REDIS,
    "previous master is now a slave": (
        "is what a Sentinel names as primary, and takes no changes; compare what all Sentinels say (SENTINEL MASTERS)"
    ),
    "No master found": "is named as primary by no Sentinel; check the service's name and the Sentinels",
    "exhausted the last possible ID": "holds a stream in which somebody used up all ids; delete that key",
}

_BY_TYPE: tuple[tuple[type[Exception], str], ...] = (
    (AuthenticationError, _BY_CODE["NOAUTH"]),
    (AuthorizationError, _BY_CODE["NOAUTH"]),
    (InvalidResponse, _NO_REDIS),
    (RedisTimeoutError, "does not answer in time; check its load and the network"),
    (RedisConnectionError, "cannot be reached; check that it runs and that the address is right"),
    (RedisClusterException, "cannot be reached as a cluster; check that its nodes run and cover all slots"),
    (OSError, "cannot be reached; check that it runs and that the address is right"),
    # redis-py's way to say that a connection broke, or timed out, while a key was watched.
    (WatchError, "broke off in the middle of a transaction; it will be tried again"),
    (ResponseError, "refuses a command; see its log"),
)


def describe_failure(error: Exception, address: str) -> str:
    """Return one sentence on a failed call: what, where, what to do.

    Args:
        error: What redis-py raised.
        address: Of the server, without credentials.
    """
    what = _BY_CODE.get(_code(error)) or next((text for words, text in _BY_WORDS.items() if words in str(error)), None)
    if what is None:
        what = next((text for kind, text in _BY_TYPE if isinstance(error, kind)), f"failed with {type(error).__name__}")
    return f"Redis at {address} {what}{_transport_hint(error, address)}"


def _transport_hint(error: Exception, address: str) -> str:
    """Return what else it may be where a plain and a TLS port do not understand each other: they only fall silent."""
    if isinstance(error, RedisTimeoutError) and address.startswith("rediss"):
        return ", and that it speaks TLS on this port; if not, write redis://"
    is_cut_off = any(words in str(error).lower() for words in ("closed by server", "reset by peer"))
    if isinstance(error, RedisConnectionError) and is_cut_off and address.startswith("redis:"):
        return "; if it speaks TLS on this port, write rediss://"
    return ""


def _code(error: Exception) -> str:
    """Return the first word of a server's answer, which Redis defines as the error code.

    redis-py strips it from the errors that it turns into classes of their own; those it puts back here.
    """
    named = {
        "OutOfMemoryError": "OOM",
        "ReadOnlyError": "READONLY",
        "NoPermissionError": "NOPERM",
        "BusyLoadingError": "LOADING",
    }
    name = named.get(type(error).__name__)
    return name or (str(error).split(maxsplit=1) or [""])[0]
