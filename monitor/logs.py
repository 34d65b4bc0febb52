"""What the daemon writes on standard error: text or JSON lines, without secrets, and never a flood."""

import logging
import re
import sys
import threading
from collections.abc import Iterable

from pythonjsonlogger.json import JsonFormatter

from monitor.clock import Clock, SystemClock
from monitor.config import LogSettings
from monitor.errors import without_logins

__all__ = ["RateLimit", "configure", "redact"]

# The values of fields that hold secrets.
_NAMED = re.compile(r"""(?i)\b(pass(?:word|wd)?|token|secret|authorization)(["']?\s*[=:]\s*)(["']?)[^\s"',;&}]+\3""")

_NEVER_LIMITED = frozenset({"monitor.alerts", "monitor.station.request_handler"})
"""Loggers of alarms, acknowledgements and pauses."""

_NAME_ADDRESSES = ("httpx", "httpcore", "urllib3", "requests")
"""Loggers of libraries that write each request's whole address: of a webhook or a push service, it is the secret."""


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """Return `text` without credentials: the given values, URL user parts, and the values of fields named like one."""
    for secret in secrets:
        text = text.replace(secret, "***")
    return _NAMED.sub(r"\1\2***", without_logins(text))


class _RedactedText(logging.Formatter):
    def __init__(self, secrets: tuple[str, ...]) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s", datefmt="%Y-%m-%dT%H:%M:%S%z")
        self._secrets = secrets

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record), self._secrets)


class _RedactedJson(JsonFormatter):
    def __init__(self, secrets: tuple[str, ...]) -> None:
        super().__init__(
            "%(levelname)s %(name)s %(message)s %(threadName)s",
            rename_fields={"levelname": "level", "name": "logger", "threadName": "thread"},
            timestamp="time",
        )
        self._secrets = secrets

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record), self._secrets)


class RateLimit(logging.Filter):
    """Lets each message through a few times a period, then counts, and says how many it held back.

    Alarms and what people do about them are never held back.

    Args:
        burst: How often one message may appear in a period.
        period_seconds: Length of the period.
        clock: Source of time.
    """

    _MAXIMUM_MESSAGES = 1_000

    def __init__(self, burst: int = 5, period_seconds: float = 60.0, clock: Clock | None = None) -> None:
        super().__init__()
        self._burst = burst
        self._period_seconds = period_seconds
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._seen: dict[tuple[str, int, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record is written; the first of a new period says what was held back."""
        if record.name in _NEVER_LIMITED:
            return True
        key = (record.name, record.lineno, str(record.msg))
        now = self._clock.monotonic()
        with self._lock:
            began, count = self._seen.pop(key, (now, 0))
            if now - began >= self._period_seconds:
                if count > self._burst:
                    record.msg = f"{record.msg} ({count - self._burst} more like this were held back)"
                began, count = now, 0
            self._seen[key] = (began, count + 1)
            while len(self._seen) > self._MAXIMUM_MESSAGES:
                self._seen.pop(next(iter(self._seen)))
        return count < self._burst


def configure(settings: LogSettings, secrets: Iterable[str] = ()) -> None:
    """Send the program's log to standard error.

    Args:
        settings: Level and format.
        secrets: Values that must never be written.
    """
    hidden = tuple(secret for secret in secrets if secret)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_RedactedJson(hidden) if settings.format == "json" else _RedactedText(hidden))
    handler.addFilter(RateLimit())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.level.upper())
    for name in _NAME_ADDRESSES:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    logging.captureWarnings(capture=True)
