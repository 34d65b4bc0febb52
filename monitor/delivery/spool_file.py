"""The spool's file: opened, locked to one process, readable by its owner only; and its failures in plain words."""

import fcntl
import logging
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from monitor.errors import SpoolError

__all__ = [
    "DATABASE_NAME",
    "ProcessLock",
    "decode_text",
    "file_bytes",
    "is_unicode",
    "open_database",
    "readable_snapshots",
    "same_file",
    "set_damaged_aside",
    "spool_errors",
]

_log = logging.getLogger(__name__)

DATABASE_NAME = "spool.sqlite"
_SCHEMA_VERSION = 1
_BUSY_TIMEOUT_SECONDS = 1.0
_DEFAULT_PAGE_BYTES = 4096
_CHECKED_BYTES = 64_000_000

_SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE alerts (
    seq INTEGER PRIMARY KEY,          -- given inside the transaction that stores the row, so that none is skipped
    alert_id TEXT NOT NULL,
    bed TEXT NOT NULL,                -- '' for a condition of the whole station
    code TEXT NOT NULL,
    ended INTEGER NOT NULL,           -- 1 when the condition no longer holds
    stored_at TEXT NOT NULL,          -- wall label
    stored_monotonic REAL NOT NULL,   -- means something only with `process`
    process TEXT NOT NULL,
    published_at TEXT,                -- set before the first attempt to send
    draft TEXT NOT NULL               -- JSON
);
CREATE INDEX alerts_by_id ON alerts (alert_id, seq);
CREATE INDEX alerts_by_condition ON alerts (bed, code, seq);
CREATE TABLE snapshots (bed TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE drops (
    id INTEGER PRIMARY KEY, at TEXT NOT NULL,
    first_seq INTEGER NOT NULL, last_seq INTEGER NOT NULL, count INTEGER NOT NULL
);
"""


class ProcessLock:
    """Keeps a second station out of a state directory: two would number their alerts alike.

    Args:
        directory: The state directory.

    Raises:
        SpoolError: Another process holds it, or the lock file cannot be made.
    """

    def __init__(self, directory: Path) -> None:
        self._path = path = directory / "spool.lock"
        try:
            self._handle: int | None = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise SpoolError(f"cannot write {path} ({error.strerror}); {_WRITABLE}") from error
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self.release()
            raise SpoolError(
                f"the state directory {directory} is in use by another station; "
                "give every station its own spool.directory",
                in_use=True,
            ) from error

    def is_in_place(self) -> bool:
        """Return whether the lock still keeps others out: nobody has deleted or replaced its file."""
        return self._handle is not None and same_file(self._path, os.fstat(self._handle))

    def release(self) -> None:
        """Let go; safe to call twice."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def same_file(path: Path, known: os.stat_result) -> bool:
    """Return whether a path still leads to the file that it led to when `known` was taken."""
    try:
        return os.path.samestat(path.stat(), known)
    except OSError:
        return False


def open_database(directory: Path, maximum_bytes: int) -> sqlite3.Connection:
    """Open or make the spool's database.

    The journal is a write-ahead log with `synchronous=FULL`: a transaction is on the disk, through fsync, when its
    commit returns. A power cut loses nothing that was committed.

    Args:
        directory: The state directory; made (mode 0700) when missing.
        maximum_bytes: Bound of database and log together.

    Raises:
        SpoolError: It cannot be opened; `damaged` says whether the file is corrupt.
    """
    path = directory / DATABASE_NAME
    with spool_errors(path):
        # SQLite would make the file as readable as the umask allows; its log files copy this one's mode.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        path.chmod(0o600)
        database = sqlite3.connect(path, timeout=_BUSY_TIMEOUT_SECONDS, isolation_level=None, check_same_thread=False)
        database.text_factory = decode_text
        try:
            _prepare(database, path, maximum_bytes)
        except BaseException:
            database.close()
            raise
    return database


def decode_text(stored: bytes) -> str:
    """Return a stored text, for `sqlite3.Connection.text_factory`.

    SQLite refuses a whole answer where one text in it is no UTF-8. Such bytes become surrogates here, which no text
    that this program writes has, so that the other rows can be read and this one can be distinguished from them.
    """
    return stored.decode("utf-8", "surrogateescape")


def is_unicode(value: object) -> bool:
    """Return whether a stored value is a text that can be sent and stored again, without surrogates."""
    if not isinstance(value, str):
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def readable_snapshots(rows: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Give the bed id and the alarm state of each row that is UTF-8; the others are left out, and that is logged."""
    for bed, body in rows:
        if is_unicode(bed) and is_unicode(body):
            yield bed, body
        else:
            _log.error("the stored alarm state of bed %r is damaged; it is left out", bed)


def _prepare(database: sqlite3.Connection, path: Path, maximum_bytes: int) -> None:
    pages = max(64, maximum_bytes // _DEFAULT_PAGE_BYTES)
    log_pages = min(1000, pages // 8)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    database.execute(f"PRAGMA wal_autocheckpoint = {log_pages}")
    database.execute(f"PRAGMA journal_size_limit = {log_pages * _DEFAULT_PAGE_BYTES}")
    # A log may outgrow its checkpoint by one transaction, hence twice its share stays free.
    database.execute(f"PRAGMA max_page_count = {pages - 2 * log_pages}")
    # Checking 450 MB took 7 s; a station must be back sooner. Damage in a larger file shows when a page is used.
    if path.stat().st_size <= _CHECKED_BYTES:
        (verdict,) = database.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise SpoolError(_damaged(path), damaged=True)
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if version == 0:
        database.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {_SCHEMA_VERSION}; COMMIT;")
    elif version != _SCHEMA_VERSION:
        raise SpoolError(
            f"{path} was written by another version of this program (layout {version}, not {_SCHEMA_VERSION}); "
            "run that version until the spool is empty, or choose another spool.directory"
        )


def set_damaged_aside(directory: Path) -> Path:
    """Rename a corrupt database, for a later inspection, so that a new one can replace it; return its new name.

    Raises:
        SpoolError: It cannot be renamed.
    """
    path = directory / DATABASE_NAME
    number = 1
    while (aside := directory / f"{DATABASE_NAME}.damaged-{number}").exists():
        number += 1
    with spool_errors(path):
        path.rename(aside)
        for suffix in ("-wal", "-shm"):
            with suppress(FileNotFoundError):
                path.with_name(path.name + suffix).rename(aside.with_name(aside.name + suffix))
    return aside


def file_bytes(directory: Path) -> int:
    """Return what database and log occupy on the disk."""
    total = 0
    for suffix in ("", "-wal", "-shm"):
        with suppress(OSError):
            total += (directory / f"{DATABASE_NAME}{suffix}").stat().st_size
    return total


_WRITABLE = "make spool.directory a folder that this user may write"


def _damaged(path: Path) -> str:
    return f"{path} is damaged; it will be set aside and a new one begun"


@contextmanager
def spool_errors(path: Path) -> Iterator[None]:
    """Turn every failure of SQLite or of the file system into a `SpoolError` of one sentence."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
            raise SpoolError(_damaged(path), damaged=True) from error
        texts = {
            sqlite3.SQLITE_FULL: f"no room for {path}; free disk space or raise spool.maximum_megabytes",
            sqlite3.SQLITE_IOERR: f"the disk fails to read or write {path}; look at the system's log",
            sqlite3.SQLITE_BUSY: f"{path} is locked by another program; end that program",
            sqlite3.SQLITE_LOCKED: f"{path} is locked by another program; end that program",
            sqlite3.SQLITE_READONLY: f"{path} cannot be written; {_WRITABLE}",
            sqlite3.SQLITE_CANTOPEN: f"{path} cannot be opened; {_WRITABLE}",
            sqlite3.SQLITE_PERM: f"{path} cannot be opened; {_WRITABLE}",
        }
        raise SpoolError(texts.get(code, f"{path} cannot be used ({type(error).__name__} {code})")) from error
    except OSError as error:
        raise SpoolError(f"{path} cannot be used ({error.strerror}); {_WRITABLE}") from error
    except MemoryError as error:
        raise SpoolError(f"no memory is left to use {path}; end other programs on this machine") from error
