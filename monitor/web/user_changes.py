"""What administrators change about users while the station runs: the users file, sessions, and the record of it."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from monitor.control.access import Role
from monitor.control.bed_scope import EVERY_BED, BedScope
from monitor.errors import RefusalCode, RefusedError
from monitor.localization import Phrase
from monitor.web.access import Access
from monitor.web.users import NAME_PATTERN, User, UserList, hash_password, hold_users, read_users, write_users

__all__ = ["SHORTEST_PASSWORD", "UserChanges", "checked_beds"]

SHORTEST_PASSWORD = 10


def checked_beds(text: str) -> BedScope:
    """Return which beds a text names; every bed for an empty one.

    Raises:
        RefusedError: A pattern fits no id of a bed.
    """
    return BedScope.parse(text) if text.strip() else EVERY_BED


class UserChanges:
    """Changes the users file; callers from several threads take turns.

    Passwords come in, and only their hashes go on: neither the record nor an error holds one. At least one
    administrator of every bed always remains who can log in with a password or a token.

    Args:
        file: The users file.
        access: Ends sessions.
        audit: Takes what was done.
    """

    def __init__(self, file: Path, access: Access, audit: Callable[[str, Mapping[str, object]], None]) -> None:
        self._file = file
        self._access = access
        self._audit = audit

    def all(self) -> tuple[User, ...]:
        """Return the users, in the order of the file.

        Raises:
            ConfigError: The file cannot be read.
        """
        return read_users(self._file).all()

    def add(self, by: str, name: str, role: Role, beds: BedScope, password: str, *, pictures: bool = False) -> None:
        """Add a person. Takes about 0.2 s.

        Raises:
            RefusedError: There is such a user, or name or password are none.
            ConfigError: The file cannot be read or written.
        """
        if not re.fullmatch(NAME_PATTERN, name):
            words = Phrase("use 1 to 63 letters, digits and _ . @ - for the name, beginning with a letter or digit")
            raise RefusedError(words, RefusalCode.NAME_WRONG)
        secret = _secret(password)
        with self._access.changing_users, hold_users(self._file):
            users = read_users(self._file)
            if users.get(name) is not None:
                words = Phrase("there is a user {name} already", name=name)
                raise RefusedError(words, RefusalCode.USER_EXISTS)
            write_users(self._file, [*users.all(), User(name, role, secret, beds, pictures)])
        self._audit("user_added", {"by": by, "name": name, **_rights(role, beds, pictures=pictures)})

    def change(
        self, by: str, name: str, role: Role, beds: BedScope, password: str = "", *, pictures: bool = False
    ) -> None:
        """Give a user another role, other beds, and another password where one is given, which ends their sessions.

        Raises:
            RefusedError: There is no such user any more, nobody could administer then, or the password is none.
            ConfigError: The file cannot be read or written.
        """
        secret = _secret(password) if password else None
        with self._access.changing_users, hold_users(self._file):
            users = read_users(self._file)
            before = _known(users, name)
            after = User(name, role, secret or before.secret, beds, pictures)
            self._write([after if user.name == name else user for user in users.all()])
        details = {"by": by, "name": name, **_rights(role, beds, pictures=pictures)}
        self._audit("user_changed", {**details, "new_password": secret is not None})
        if secret is not None or role is not before.role:
            self._access.end_sessions(name)

    def remove(self, by: str, name: str) -> None:
        """Remove a user, and end their sessions.

        Raises:
            RefusedError: There is no such user any more, or nobody could administer then.
            ConfigError: The file cannot be read or written.
        """
        with self._access.changing_users, hold_users(self._file):
            users = read_users(self._file)
            _known(users, name)
            self._write([user for user in users.all() if user.name != name])
        self._audit("user_removed", {"by": by, "name": name})
        self._access.end_sessions(name)

    def end_sessions(self, by: str, name: str) -> int:
        """End every session of a user; return how many of them had been seen."""
        ended = self._access.end_sessions(name)
        self._audit("sessions_ended", {"by": by, "name": name, "seen": ended})
        return ended

    def _write(self, users: list[User]) -> None:
        if not any(user.role is Role.ADMIN and not user.beds.is_limited for user in users):
            words = Phrase("nobody could administer users then; make somebody else an administrator of every bed first")
            raise RefusedError(words, RefusalCode.LAST_ADMIN)
        write_users(self._file, users)


def _rights(role: Role, beds: BedScope, *, pictures: bool) -> dict[str, object]:
    """Return what the record says of a user's rights."""
    granted = {"pictures": pictures} if role is Role.RESEARCHER else {}
    return {"role": str(role), "beds": list(beds.patterns), **granted}


def _known(users: UserList, name: str) -> User:
    user = users.get(name)
    if user is None:
        raise RefusedError(Phrase("there is no user {name} any more", name=name), RefusalCode.USER_UNKNOWN)
    return user


def _secret(password: str) -> str:
    if len(password) < SHORTEST_PASSWORD:
        words = Phrase("use at least {count} characters for the password", count=SHORTEST_PASSWORD)
        raise RefusedError(words, RefusalCode.PASSWORD_SHORT)
    return hash_password(password)
