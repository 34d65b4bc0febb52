"""Sessions that were ended before their time, by logging out or by an administrator.

A cookie that was copied before must be worth nothing afterwards, also after a restart, so the list lies in the state
directory. Where it cannot be written, it lasts as long as this process.
"""

import json
import logging
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from monitor.private_file import replace_private_file

__all__ = ["EndedSessions"]

_log = logging.getLogger(__name__)

_FILE = "ended-sessions.json"
_MOST = 10_000
"""One a minute for a week; beyond it the one that would end first is forgotten first."""
_EVERYBODY = ""


class EndedSessions:
    """Ids of ended sessions, and since when no earlier session of a user counts.

    Args:
        directory: Where the list lies; None remembers it in this process only.
        wall: Wall time, s since 1970: sessions outlive the process, monotonic time does not.
    """

    def __init__(self, directory: Path | None, wall: Callable[[], float]) -> None:
        self._path = None if directory is None else directory / _FILE
        self._wall = wall
        self._lock = threading.Lock()
        self._until, self._users = _read(self._path)

    def __contains__(self, session_id: object) -> bool:
        """Return whether a session was ended."""
        return session_id in self._until

    def covers(self, name: str, issued_seconds: float) -> bool:
        """Return whether all sessions of a user were ended after this one had begun.

        Args:
            name: Of the user.
            issued_seconds: When its cookie was made, s since 1970, rounded down to a whole second.
        """
        return any(issued_seconds <= self._users.get(who, -1.0) for who in (name, _EVERYBODY))

    def add(self, session_id: str, seconds: float) -> None:
        """Note that a session was ended, for as long as its cookie would last otherwise."""
        with self._lock:
            now = self._wall()
            until = {known: end for known, end in self._until.items() if end > now} | {session_id: now + seconds}
            self._until = _newest(until)
            self._write()

    def add_user(self, name: str | None) -> None:
        """Note that every session of a user (None: of everybody) that has begun by now is ended."""
        with self._lock:
            self._users = _newest({**self._users, _EVERYBODY if name is None else name: self._wall()})
            self._write()

    def _write(self) -> None:
        if self._path is None:
            return
        try:
            replace_private_file(self._path, json.dumps({"sessions": self._until, "users": self._users}))
        except OSError as error:
            _log.warning("cannot write %s (%s); ended sessions are known until a restart", self._path, error.strerror)


def _newest(times: Mapping[str, float]) -> dict[str, float]:
    return dict(sorted(times.items(), key=lambda item: item[1])[-_MOST:])


def _read(path: Path | None) -> tuple[dict[str, float], dict[str, float]]:
    if path is None or not path.exists():
        return {}, {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(found.get("sessions"), dict):  # up to version 0.2 the file held the ids alone
            found = {"sessions": found, "users": {}}
        sessions, users = ({str(k): float(v) for k, v in found[part].items()} for part in ("sessions", "users"))
    except (OSError, ValueError, AttributeError, TypeError, KeyError):
        _log.warning("%s cannot be read; sessions that were ended before this start may be used again", path)
        return {}, {}
    return sessions, users
