"""Sessions that people have ended by logging out: remembered until they would have ended by themselves.

A cookie that was copied before must be worth nothing afterwards, also after a restart, so the list lies in the state
directory. Where it cannot be written, it lasts as long as this process.
"""

import json
import logging
import os
import secrets
import threading
from collections.abc import Callable
from pathlib import Path

__all__ = ["EndedSessions"]

_log = logging.getLogger(__name__)

_FILE = "ended-sessions.json"
_MOST = 10_000
"""One a minute for a week; beyond it the one that would end first is forgotten first."""


class EndedSessions:
    """Ids of ended sessions.

    Args:
        directory: Where the list lies; None remembers it in this process only.
        wall: Wall time, s since 1970: sessions outlive the process, monotonic time does not.
    """

    def __init__(self, directory: Path | None, wall: Callable[[], float]) -> None:
        self._path = None if directory is None else directory / _FILE
        self._wall = wall
        self._lock = threading.Lock()
        self._until: dict[str, float] = _read(self._path)

    def __contains__(self, session_id: object) -> bool:
        """Return whether a session was ended."""
        return session_id in self._until

    def add(self, session_id: str, seconds: float) -> None:
        """Note that a session was ended, for as long as its cookie would last otherwise."""
        with self._lock:
            now = self._wall()
            until = {known: end for known, end in self._until.items() if end > now} | {session_id: now + seconds}
            newest = sorted(until.items(), key=lambda item: item[1])[-_MOST:]
            self._until = dict(newest)
            if self._path is not None:
                self._write(self._path)

    def _write(self, path: Path) -> None:
        draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        try:
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(self._until, file)
            draft.replace(path)
        except OSError as error:
            draft.unlink(missing_ok=True)
            _log.warning("cannot write %s (%s); ended sessions are known until a restart", path, error.strerror)


def _read(path: Path | None) -> dict[str, float]:
    if path is None or not path.exists():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return {str(name): float(until) for name, until in found.items()}
    except (OSError, ValueError, AttributeError, TypeError):
        _log.warning("%s cannot be read; sessions that were ended before this start may be used again", path)
        return {}
