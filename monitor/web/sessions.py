"""Session cookies: signed, and valid across a restart of the station.

A wall display must come back by itself when the station is updated at night. The cookie therefore carries who has
logged in, signed with a key that lives beside the spool, and the station keeps no list of sessions but of those that
were ended by logging out. A session ends after its time, with a logout, when the user is removed from the users file,
and when the user's password changes. Its age is wall time: monotonic time does not survive a restart.
"""

import hashlib
import logging
import os
import secrets
import time
from dataclasses import dataclass, field
from pathlib import Path

from itsdangerous import BadData, URLSafeTimedSerializer

from monitor.web.ended_sessions import EndedSessions

__all__ = ["SESSION_COOKIE", "Sessions", "WebSession", "load_session_key"]

_log = logging.getLogger(__name__)

SESSION_COOKIE = "nicu_session"

_DISPLAY, _PERSON = "display", "person"
_ENDLESS_SECONDS = 50 * 365 * 86_400.0
_KEY_FILE = "session.key"
_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class WebSession:
    """Who has logged in: the name, the fingerprint of the secret that was used, whether it is a display's, and an id.

    The id stays the same when the cookie is renewed; it ends with the session. `issued_seconds`, s since 1970, is when
    a cookie that was read was made.
    """

    name: str
    fingerprint: str
    is_display: bool = False
    id: str = field(default_factory=lambda: secrets.token_urlsafe(12), compare=False)
    issued_seconds: float = field(default=0.0, compare=False)


class Sessions:
    """Writes and reads the values of session cookies.

    Args:
        key: Secret of at least 32 random bytes.
        hours: How long a session lasts.
        ended: Sessions that were ended before their time; None: none was.
    """

    def __init__(self, key: bytes, hours: float, ended: EndedSessions | None = None) -> None:
        self._signer = URLSafeTimedSerializer(key, salt="nicu-monitor session")
        self.seconds = int(hours * 3600)
        self._ended = EndedSessions(None, time.time) if ended is None else ended

    def seal(self, session: WebSession) -> str:
        """Return the value of the cookie."""
        kind = _DISPLAY if session.is_display else _PERSON
        return str(self._signer.dumps([session.name, session.fingerprint, kind, session.id]))

    def open(self, cookie: str) -> WebSession | None:
        """Return the session that a cookie names; None where it is forged, damaged, too old or ended."""
        try:
            content, issued = self._signer.loads(cookie, return_timestamp=True)
            if not (isinstance(content, list) and content[2:3] == [_DISPLAY]):
                content = self._signer.loads(cookie, max_age=self.seconds)
        except BadData:
            return None
        match content:
            case [str(name), str(fingerprint), *rest] if len(rest) <= 2:
                kind = rest[0] if rest else _PERSON
                # Cookies of earlier versions have no id.
                known = str(rest[1]) if len(rest) == 2 else hashlib.sha256(cookie.encode()).hexdigest()
                session = WebSession(name, fingerprint, kind == _DISPLAY, known, issued.timestamp())
                return None if self.is_ended(session.id, session.name, session.issued_seconds) else session
        return None

    def is_ended(self, session_id: str, name: str, issued_seconds: float) -> bool:
        """Return whether a session was ended before its time: itself, or with all of its user's.

        Args:
            session_id: Its id; empty for one that has no cookie.
            name: Of its user.
            issued_seconds: When it began, s since 1970.
        """
        return session_id in self._ended or self._ended.covers(name, issued_seconds)

    def end(self, session: WebSession) -> None:
        """End a session: its cookie, and every copy of it, is worth nothing from now on."""
        self.end_id(session.id, is_display=session.is_display)

    def end_id(self, session_id: str, *, is_display: bool) -> None:
        """End the session of an id; see `end`."""
        self._ended.add(session_id, _ENDLESS_SECONDS if is_display else self.seconds)

    def end_user(self, name: str | None) -> None:
        """End all sessions of a user (None: of everybody) that have begun by now, whether they were seen or not."""
        self._ended.add_user(name)


def load_session_key(directory: Path) -> bytes:
    """Return the key that signs sessions; made at the first call, and stored in a file that only its owner reads.

    Where nothing can be written, the key lasts as long as this process, and a restart ends all sessions.
    """
    path = directory / _KEY_FILE
    key = secrets.token_bytes(_KEY_BYTES)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _read_key(path) or key
    except OSError as error:
        _log.warning("cannot keep %s (%s); logins will end with this process", path, error.strerror)
        return key
    with os.fdopen(descriptor, "wb") as file:
        file.write(key)
    return key


def _read_key(path: Path) -> bytes | None:
    try:
        mode, key = path.stat().st_mode, path.read_bytes()
    except OSError as error:
        _log.warning("cannot read %s (%s); logins will end with this process", path, error.strerror)
        return None
    if mode & 0o007 and os.name == "posix":
        _log.warning("every user of this machine may read %s; it is not used; run: chmod 600 %s", path, path)
        return None
    if len(key) < _KEY_BYTES:
        _log.warning("%s is damaged; remove it and start the station again", path)
        return None
    return key
