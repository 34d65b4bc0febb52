"""Who may do what: names, roles and hashed tokens in one file.

The file has one line per person or program: `NAME ROLE SHA256-OF-TOKEN`, where the role is `display`, `viewer`,
`researcher`, `nurse` or `admin`, and ` beds=PATTERNS` at its end for who may act on some beds only (` pictures=yes`
after it concerns the page); empty lines and lines that begin with `#` are ignored. Tokens are long random strings made
by `new_token`, so that one round of SHA-256 is enough: there is no dictionary to try. The users file of the page has
the same form and can serve for both; its lines with a password (`scrypt$...`) are passed over, since a password has no
position in a stream.
"""

import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Self

from monitor.control.bed_scope import EVERY_BED, BedScope
from monitor.errors import ConfigError

__all__ = ["AccessList", "Person", "Role", "hash_token", "new_token"]

_LINE = re.compile(
    r"^(?P<name>[A-Za-z0-9][A-Za-z0-9_.@-]{0,62})\s+(?P<role>\S+)\s+(?P<hash>[0-9a-f]{64})"
    r"(?:\s+beds=(?P<beds>\S+))?(?:\s+pictures=yes)?$"
)
_PASSWORD_LINE = re.compile(r"^\S+\s+\S+\s+scrypt\$\S+(?:\s+beds=\S+)?(?:\s+pictures=yes)?$")


class Role(StrEnum):
    """What a person may do.

    A display is a viewer that stays logged in. A researcher reads as a viewer does, without the live picture unless
    that is granted, and exports what was recorded; a nurse reads and acts; an admin may everything.
    """

    DISPLAY = "display"
    VIEWER = "viewer"
    RESEARCHER = "researcher"
    NURSE = "nurse"
    ADMIN = "admin"

    def includes(self, other: "Role") -> bool:
        """Return whether this role may do what `other` may."""
        return other in _RIGHTS[self]


_READER = frozenset({Role.DISPLAY, Role.VIEWER})
_RIGHTS = {
    Role.DISPLAY: _READER,
    Role.VIEWER: _READER,
    Role.RESEARCHER: _READER | {Role.RESEARCHER},
    Role.NURSE: _READER | {Role.NURSE},
    Role.ADMIN: frozenset(Role),
}


@dataclass(frozen=True, slots=True)
class Person:
    """One line of the file; `token_hash` is the SHA-256 of the token in hexadecimal digits."""

    name: str
    role: Role
    token_hash: str
    beds: BedScope = EVERY_BED


class AccessList:
    """The persons and programs that are known.

    Args:
        persons: Names differ.
    """

    def __init__(self, persons: Iterable[Person] = ()) -> None:
        self._persons = {person.name: person for person in persons}

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the file.

        Raises:
            ConfigError: It cannot be read, a line is wrong, or other users may read it.
        """
        try:
            text = path.read_text(encoding="utf-8")
            mode = path.stat().st_mode
        except (OSError, UnicodeDecodeError):
            raise ConfigError(f"cannot read the access list {path}; check that it exists and who may read it") from None
        if mode & 0o007 and os.name == "posix":
            raise ConfigError(f"every user may read the access list {path}; run: chmod 600 {path}")
        persons: dict[str, Person] = {}
        for number, raw in enumerate(text.splitlines(), start=1):
            line = raw.strip()
            if not line or line.startswith("#") or _PASSWORD_LINE.match(line):
                continue
            match = _LINE.match(line)
            if match is None or match["role"] not in list(Role):
                raise ConfigError(
                    f"{path}:{number}: write NAME {'|'.join(Role)} SHA256-OF-TOKEN, as "
                    "`nicu-monitor users token` does; other kinds of hash are not supported"
                )
            if match["name"] in persons:
                raise ConfigError(f"{path}:{number}: the name {match['name']} is there twice")
            try:
                beds = EVERY_BED if match["beds"] is None else BedScope.parse(match["beds"])
            except ValueError as error:
                raise ConfigError(f"{path}:{number}: beds=: {error}") from None
            persons[match["name"]] = Person(match["name"], Role(match["role"]), match["hash"], beds)
        return cls(persons.values())

    def identify(self, token: str) -> Person | None:
        """Return whose token it is; takes the same time whether or not it is anybody's."""
        digest = hash_token(token)
        found = None
        for person in self._persons.values():
            if hmac.compare_digest(person.token_hash, digest):
                found = person
        return found


def new_token() -> str:
    """Return a fresh token of 256 random bits."""
    return secrets.token_urlsafe(32)


def hash_token(token: str) -> str:
    """Return the SHA-256 of a token, which is all that is stored of it."""
    return hashlib.sha256(token.encode()).hexdigest()
