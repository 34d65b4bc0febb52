"""Who may log in: names, roles and hashed secrets in one file.

One line per person or program: `NAME ROLE SECRET`, then ` beds=PATTERNS` for who may see some beds only, and
` pictures=yes` for a researcher who may see the live picture. The role is `display`, `viewer`, `researcher`, `nurse` or
`admin`, and the secret is

- for a person `scrypt$N$R$P$SALT$HASH`, salt and hash in base64: a password, made expensive to guess;
- for a program the SHA-256 of a token of 256 random bits, in hexadecimal digits, as in the access list of the command
  stream: there is no dictionary to try, so one cheap round is enough.

`nicu-monitor users` writes the file. The running station reads it again when it changes.
"""

import base64
import fcntl
import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from monitor.config.writing import unreadable, unwritable
from monitor.control.access import Role, hash_token
from monitor.control.bed_scope import EVERY_BED, BedScope
from monitor.errors import ConfigError

__all__ = [
    "NAME_PATTERN",
    "User",
    "UserList",
    "UsersFileModeError",
    "hash_password",
    "hold_users",
    "names_in",
    "read_users",
    "write_users",
]

NAME_PATTERN = r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,62}"

_LINE = re.compile(
    rf"^(?P<name>{NAME_PATTERN})\s+(?P<role>\S+)\s+(?P<secret>\S+)"
    r"(?:\s+beds=(?P<beds>\S+))?(?P<pictures>\s+pictures=yes)?$"
)
_TOKEN_SECRET = re.compile(r"^[0-9a-f]{64}$")
_SCRYPT_SECRET = re.compile(
    r"^scrypt\$(\d{1,7})\$(\d{1,2})\$(\d{1,2})\$([A-Za-z0-9+/=]{8,88})\$([A-Za-z0-9+/=]{24,128})$"
)
# 16 MiB and about 0.2 s a trial on one core: the cost that OWASP's password storage cheat sheet gives for 16 MiB.
_COST, _BLOCK, _PARALLEL = 2**14, 8, 5
_MEMORY_BYTES = 64 * 2**20
# Well-formed, and fits no password.
_NOBODY = f"scrypt${_COST}${_BLOCK}${_PARALLEL}${'A' * 24}${'A' * 43}="


class UsersFileModeError(ConfigError):
    """Other users of the machine may read the users file: what it adds and changes is not trusted."""


@dataclass(frozen=True, slots=True)
class User:
    """One line of the file.

    Attributes:
        name: Unique.
        role: What the user may do.
        secret: Hash of a password or of a token; see the module.
        beds: Which beds the user may see and act on.
        pictures: Whether a researcher may see the live picture; the other roles may where `web.preview` lets them.
    """

    name: str
    role: Role
    secret: str
    beds: BedScope = EVERY_BED
    pictures: bool = False

    @property
    def sees_pictures(self) -> bool:
        """Whether the live picture may be shown to this user, as far as the role is concerned."""
        return self.pictures or self.role is not Role.RESEARCHER

    @property
    def has_password(self) -> bool:
        """Whether this is a person with a password, not a program with a token."""
        return self.secret.startswith("scrypt$")

    @property
    def fingerprint(self) -> str:
        """Changes with the secret, so that a new password ends old sessions; reveals nothing about it."""
        return hashlib.sha256(f"session {self.secret}".encode()).hexdigest()[:16]


def hash_password(password: str) -> str:
    """Return what is stored of a password: scrypt with a fresh salt."""
    salt = secrets.token_bytes(16)
    return _scrypt_secret(password, salt, _COST, _BLOCK, _PARALLEL)


class UserList:
    """The users that are known.

    Args:
        users: Names differ.
    """

    def __init__(self, users: Iterable[User] = ()) -> None:
        self._users = {user.name: user for user in users}

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._users)

    def get(self, name: str) -> User | None:
        """Return a user by name."""
        return self._users.get(name)

    def all(self) -> tuple[User, ...]:
        """Return all users in the order of the file."""
        return tuple(self._users.values())

    def check(self, name: str, secret: str) -> User | None:
        """Return the user if the password or token is theirs. Takes about 0.2 s for a password."""
        user = self._users.get(name)
        if user is not None and not user.has_password:
            return user if hmac.compare_digest(user.secret, hash_token(secret)) else None
        # Unknown names cost as much as known ones, so that the time of an answer reveals no names.
        stored = user.secret if user is not None else _NOBODY
        return user if _is_password(secret, stored) and user is not None else None

    def identify(self, token: str) -> User | None:
        """Return whose token it is; takes the same time whether or not it is anybody's."""
        digest = hash_token(token)
        found = None
        for user in self._users.values():
            if hmac.compare_digest(user.secret, digest):
                found = user
        return found


def read_users(path: Path) -> UserList:
    """Read the file.

    Raises:
        UsersFileModeError: Other users of the machine may read it.
        ConfigError: It cannot be read, or a line is wrong.
    """
    try:
        text = path.read_text(encoding="utf-8")
        mode = path.stat().st_mode
    except PermissionError:
        raise unreadable(path) from None
    except (OSError, UnicodeDecodeError):
        raise ConfigError(
            f"cannot read the users file {path}; make one with: nicu-monitor users add {path} NAME --role nurse"
        ) from None
    if mode & 0o007 and os.name == "posix":
        raise UsersFileModeError(f"every user of this machine may read the users file {path}; run: chmod 600 {path}")
    users: dict[str, User] = {}
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        match = _LINE.match(line)
        if match is None or match["role"] not in list(Role) or not _is_secret(match["secret"]):
            raise ConfigError(
                f"{path}:{number}: this is no line that `nicu-monitor users` has written: NAME ROLE SECRET, where "
                "SECRET is scrypt$... or the SHA-256 of a token; other kinds of hash are not supported"
            )
        if match["name"] in users:
            raise ConfigError(f"{path}:{number}: the name {match['name']} is there twice")
        try:
            beds = EVERY_BED if match["beds"] is None else BedScope.parse(match["beds"])
        except ValueError as error:
            raise ConfigError(f"{path}:{number}: beds=: {error}") from None
        pictures = match["pictures"] is not None
        users[match["name"]] = User(match["name"], Role(match["role"]), match["secret"], beds, pictures)
    return UserList(users.values())


def names_in(path: Path) -> frozenset[str]:
    """Return the first word of every line of a file that need not be right; nothing where it cannot be read."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return frozenset()
    return frozenset(words[0] for line in lines if (words := line.split()) and not words[0].startswith("#"))


@contextmanager
def hold_users(path: Path) -> Iterator[None]:
    """Keep other processes from changing the file between reading and writing it; where that cannot be, go on without.

    The lock is that of the folder, for the file itself is replaced.
    """
    try:
        descriptor = os.open(_target(path).parent, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:  # reading or writing says why
        yield
        return
    try:
        with suppress(OSError):  # a network's file system without locks
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def write_users(path: Path, users: Iterable[User]) -> None:
    """Rewrite the file; a reader sees the old file or the new one, never a part.

    It is readable by its owner only. Where root rewrites it, it stays its owner's, and a new one can be read by the
    group of its directory, which is the station's where the station was installed. A symbolic link stays one.

    Raises:
        ConfigError: It cannot be written.
    """
    target = _target(path)
    lines = ["# Who may log in. Written by: nicu-monitor users", *(_line(user) for user in users)]
    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            if os.geteuid() == 0:
                _share(file.fileno(), target)
            file.write("\n".join(lines) + "\n")
            file.flush()
            os.fsync(file.fileno())  # after a power cut an empty file would let nobody in
        draft.replace(target)
    except OSError as error:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise unwritable(path, error) from None


def _target(path: Path) -> Path:
    """Return the file itself where the path is a symbolic link."""
    return Path(os.path.realpath(path))


def _share(descriptor: int, path: Path) -> None:
    """Give a file of root's the owner of the one that it replaces, or let the group of its directory read it."""
    if path.exists():
        status = path.stat()
        os.fchown(descriptor, status.st_uid, status.st_gid)
        os.fchmod(descriptor, status.st_mode & 0o660)
    elif (group := path.parent.stat().st_gid) != 0:
        os.fchown(descriptor, -1, group)
        os.fchmod(descriptor, 0o640)


def _line(user: User) -> str:
    limit = f" beds={user.beds}" if user.beds.is_limited else ""
    granted = " pictures=yes" if user.pictures else ""
    return f"{user.name} {user.role} {user.secret}{limit}{granted}"


def _is_secret(text: str) -> bool:
    if _TOKEN_SECRET.match(text):
        return True
    match = _SCRYPT_SECRET.match(text)
    if match is None:
        return False
    cost, block, parallel = (int(number) for number in match.groups()[:3])
    # A damaged line must not make one login cost gigabytes.
    return cost >= 2 and cost & (cost - 1) == 0 and 1 <= parallel <= 16 and 128 * block * cost <= _MEMORY_BYTES // 2


def _is_password(password: str, secret: str) -> bool:
    match = _SCRYPT_SECRET.match(secret)
    if match is None:
        return False
    cost, block, parallel = (int(number) for number in match.groups()[:3])
    again = _scrypt_secret(password, base64.b64decode(match[4]), cost, block, parallel)
    return hmac.compare_digest(again, secret)


def _scrypt_secret(password: str, salt: bytes, cost: int, block: int, parallel: int) -> str:
    digest = hashlib.scrypt(password.encode(), salt=salt, n=cost, r=block, p=parallel, maxmem=_MEMORY_BYTES, dklen=32)
    return f"scrypt${cost}${block}${parallel}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"
