"""Who is asking, and what they may do."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from monitor.control.access import Role
from monitor.control.bed_scope import EVERY_BED, BedScope
from monitor.errors import ConfigError
from monitor.web.session_register import SeenSession, SessionRegister
from monitor.web.sessions import Sessions, WebSession
from monitor.web.users import User, UserList, UsersFileModeError, names_in, read_users

__all__ = ["Access", "HeldLogin", "Visitor"]

_DISPLAY_SECONDS = 400 * 86_400
"""The longest that browsers keep a cookie."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who is asking.

    Attributes:
        name: Of the user; None without a login.
        role: What they may do; None is nothing.
        beds: Which beds they may see and act on.
        sees_pictures: Whether the live picture may be shown to them.
    """

    name: str | None
    role: Role | None
    beds: BedScope = EVERY_BED
    sees_pictures: bool = True

    def may(self, role: Role) -> bool:
        """Return whether they may do what `role` may."""
        return self.role is not None and self.role.includes(role)


class HeldLogin(BaseModel):
    """A login that something outlives a page by, such as notices on a device; it holds no secret.

    Attributes:
        name: Of the user.
        fingerprint: Of the secret with which the user logged in.
        session: Its id; empty where a trusted proxy vouched for the user.
        since_seconds: When it began, s since 1970.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    fingerprint: str
    session: str
    since_seconds: float


class Access:
    """Identifies visitors by session cookie or bearer token.

    Called from one thread only, but for `users`, `visitor_of`, `is_past`, `sessions`, `end_session` and `end_sessions`.

    Args:
        users_file: Who may log in; None: nobody.
        sessions: Reads and writes the cookies.
        anonymous_role: What visitors may do without a login; None is nothing.
        wall_seconds: Seconds since 1970: logins outlive the process, so that their age is in wall time.
    """

    def __init__(
        self,
        users_file: Path | None,
        sessions: Sessions,
        anonymous_role: Role | None,
        wall_seconds: Callable[[], float] = time.time,
    ) -> None:
        self._users_file = users_file
        self.changing_users = threading.Lock()
        """Held from reading the users file until its change is written."""
        self._sessions = sessions
        self._wall_seconds = wall_seconds
        self._anonymous = Visitor(None, anonymous_role)
        self._register = SessionRegister(wall_seconds)
        self._reading = threading.Lock()
        self._users = UserList()
        self._seen: tuple[int, ...] | None = (-1,)

    def users(self) -> UserList:
        """Return the users; reads the file again when it has changed.

        A damaged file leaves the users as they were. A file that others may read adds and changes nobody; who is not in
        it any more goes.
        """
        if self._users_file is None:
            return self._users
        with self._reading:
            return self._users_of(self._users_file)

    def _users_of(self, file: Path) -> UserList:
        try:
            status = file.stat()
            mark = (status.st_mtime_ns, status.st_size, status.st_mode, status.st_ino)
        except OSError:
            mark = None
        if mark != self._seen:
            self._seen = mark
            if mark is None:
                self._users = UserList()
            try:
                self._users = read_users(file)
            except UsersFileModeError as error:
                # Nobody comes in by a file that cannot be trusted; who is not in it any more goes.
                remaining = names_in(file)
                self._users = UserList(user for user in self._users.all() if user.name in remaining)
                _log.error("%s; until then nobody new may log in, and who is missing there is logged out", error)
            except ConfigError as error:
                _log.error("%s", error)
        return self._users

    def visitor(self, cookie: str | None, authorization: str | None) -> Visitor:
        """Return who is asking.

        Args:
            cookie: Value of the session cookie.
            authorization: Value of the `Authorization` header. A wrong token is nobody, whatever else is there.
        """
        if authorization is not None and authorization.lower().startswith("bearer "):
            user = self.users().identify(authorization[7:].strip())
            return _visitor_of(user)
        if cookie is not None:
            session = self._sessions.open(cookie)
            user = None if session is None else self.users().get(session.name)
            is_known = user is not None and session is not None and user.fingerprint == session.fingerprint
            # The session of a display has no end, and is worth nothing once the name has got another role.
            is_endless = session is not None and session.is_display
            if is_known and user is not None and session and (not is_endless or user.role is Role.DISPLAY):
                self._register.note(session)
                return _visitor_of(user)
        return self._anonymous

    def named(self, name: str) -> Visitor:
        """Return the visitor of this name, whom a trusted proxy has authenticated; nobody, if they are no user here."""
        return _visitor_of(self.users().get(name))

    def login_of(self, name: str, cookie: str | None, *, by_proxy: bool) -> HeldLogin | None:
        """Return the login with which a person uses the page now; None for displays, programs and strangers.

        Args:
            name: Of the user.
            cookie: Value of the session cookie.
            by_proxy: Whether a trusted proxy vouches for the user.
        """
        user = self.users().get(name)
        if user is None or user.role is Role.DISPLAY:
            return None
        if by_proxy:
            return HeldLogin(name=name, fingerprint=user.fingerprint, session="", since_seconds=self._wall_seconds())
        session = None if cookie is None else self._sessions.open(cookie)
        if session is None or session.is_display or (session.name, session.fingerprint) != (name, user.fingerprint):
            return None
        return HeldLogin(
            name=name, fingerprint=user.fingerprint, session=session.id, since_seconds=session.issued_seconds
        )

    def visitor_of(self, login: HeldLogin) -> Visitor:
        """Return what a login is worth now: nobody, once it has ended in any way."""
        user = self.users().get(login.name)
        is_over = self.is_past(login) or self._sessions.is_ended(login.session, login.name, login.since_seconds)
        if user is None or is_over or user.fingerprint != login.fingerprint:
            return _visitor_of(None)
        return _visitor_of(user)

    def is_past(self, login: HeldLogin) -> bool:
        """Return whether a login has come to its end by itself."""
        return self._wall_seconds() - login.since_seconds > self._sessions.seconds

    def end_of(self, cookie: str | None) -> float | None:
        """Return when the login of a cookie ends by itself, s since 1970; None where nothing ends with it.

        Args:
            cookie: Value of the session cookie.
        """
        session = None if cookie is None or self._anonymous.role is not None else self._sessions.open(cookie)
        return None if session is None or session.is_display else session.issued_seconds + self._sessions.seconds

    def log_out(self, cookie: str | None) -> None:
        """End the session of a cookie, wherever copies of it are."""
        session = None if cookie is None else self._sessions.open(cookie)
        if session is not None:
            self._sessions.end(session)
            self._register.forget(session.id)

    def sessions(self) -> list[SeenSession]:
        """Return the sessions that were used since the station was started, the last used first."""
        return self._register.all()

    def end_session(self, session_id: str) -> bool:
        """End one of the sessions that were seen; return whether there is such a session."""
        found = [session for session in self.sessions() if session.id == session_id]
        for session in found:
            self._sessions.end_id(session.id, is_display=session.is_display)
            self._register.forget(session.id)
        return bool(found)

    def end_sessions(self, name: str | None) -> int:
        """End every session of a user (None: of everybody), seen or not; return how many of them had been seen."""
        self._sessions.end_user(name)
        found = [session for session in self.sessions() if name is None or session.name == name]
        for session in found:
            self._register.forget(session.id)
        return len(found)

    def renewed(self, cookie: str) -> str | None:
        """Return a fresh cookie of the same session; None where there is no such session."""
        session = self._sessions.open(cookie)
        return None if session is None else self._sessions.seal(session)

    def cookie_for(self, user: User) -> str:
        """Return the value of the session cookie of a user who has just proven who they are."""
        return self._sessions.seal(WebSession(user.name, user.fingerprint, is_display=user.role is Role.DISPLAY))

    def seconds_for(self, user: User) -> int:
        """Return how long a browser keeps the session cookie of a user; a display's is renewed at every load."""
        return _DISPLAY_SECONDS if user.role is Role.DISPLAY else self._sessions.seconds


def _visitor_of(user: User | None) -> Visitor:
    if user is None:
        return Visitor(None, None)
    return Visitor(user.name, user.role, user.beds, user.sees_pictures)
