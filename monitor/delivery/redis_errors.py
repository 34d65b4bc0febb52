"""What went wrong with Redis, in one sentence for people and without a word that the server or a URL supplied."""

from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    RedisClusterException,
    ResponseError,
    WatchError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

__all__ = ["describe_failure"]

_BY_CODE = {
    "NOAUTH": "refuses the user or password; check redis.username and redis.password_file",
    "WRONGPASS": "refuses the user or password; check redis.username and redis.password_file",
    "NOPERM": "denies a command or a key to this user; widen the user's ACL rule",
    "OOM": "is out of memory; raise its maxmemory or delete what it does not need",
    "READONLY": "is a read-only replica; give the address of the primary",
    "BUSY": "is held up by a script that somebody runs on it; end it with SCRIPT KILL",
    "LOADING": "is still loading its data; it will be tried again",
    "MISCONF": "cannot write its data to disk and refuses changes; see its log",
    "WRONGTYPE": "holds something else under one of this program's keys; change redis.key_prefix",
}

_BY_WORDS = {
    "exhausted the last possible ID": "holds a stream in which somebody used up all ids; delete that key",
}

_BY_TYPE: tuple[tuple[type[Exception], str], ...] = (
    (AuthenticationError, _BY_CODE["NOAUTH"]),
    (AuthorizationError, _BY_CODE["NOAUTH"]),
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
    return f"Redis at {address} {what}"


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
