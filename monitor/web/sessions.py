"""Session cookies: signed, and valid across a restart of the station.

A wall display must come back by itself when the station is updated at night. The cookie therefore carries who has
logged in, signed with a key that lives beside the spool, and the station keeps no list of sessions. A session ends
after its time, when the user is removed from the users file, and when the user's password changes. Its age is wall
time: monotonic time does not survive a restart.
"""

import logging
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from itsdangerous import BadData, URLSafeTimedSerializer

__all__ = ["SESSION_COOKIE", "Sessions", "WebSession", "load_session_key"]

_log = logging.getLogger(__name__)

SESSION_COOKIE = "nicu_session"

_DISPLAY = "display"
_KEY_FILE = "session.key"
_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class WebSession:
    """Who has logged in: the name, the fingerprint of the secret that was used, and whether it is a display's."""

    name: str
    fingerprint: str
    is_display: bool = False


class Sessions:
    """Writes and reads the values of session cookies.

    Args:
        key: Secret of at least 32 random bytes.
        hours: How long a session lasts.
    """

    def __init__(self, key: bytes, hours: float) -> None:
        self._signer = URLSafeTimedSerializer(key, salt="nicu-monitor session")
        self.seconds = int(hours * 3600)

    def seal(self, session: WebSession) -> str:
        """Return the value of the cookie."""
        kind = [_DISPLAY] if session.is_display else []
        return str(self._signer.dumps([session.name, session.fingerprint, *kind]))

    def open(self, cookie: str) -> WebSession | None:
        """Return the session that a cookie names; None where it is forged, damaged or too old."""
        try:
            content = self._signer.loads(cookie)
            if not (isinstance(content, list) and content[2:] == [_DISPLAY]):
                content = self._signer.loads(cookie, max_age=self.seconds)
        except BadData:
            return None
        match content:
            case [str(name), str(fingerprint)]:
                return WebSession(name, fingerprint)
            case [str(name), str(fingerprint), str()]:
                return WebSession(name, fingerprint, is_display=True)
        return None


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
