"""The history's file: SQLite, opened by one writer and any number of readers; a damaged one is set aside."""

import logging
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from monitor.errors import HistoryError
from monitor.history.entries import ActionEntry, AlertEntry
from monitor.history.samples import MINUTE_SECONDS, Minute, pack_minute, unpack_minute
from monitor.pain.vocabulary import Code, Kind, Phase, Priority, Signal

__all__ = ["HistoryFile", "HistoryView"]

_log = logging.getLogger(__name__)

_NAME = "history.sqlite"
_SCHEMA_VERSION = 1
_BUSY_SECONDS = 2.0
_PAGE_BYTES = 4096
_LOG_PAGES = 500
_CHECKED_BYTES = 64_000_000
_ROWS_AT_A_TIME = 20_000
_DAY_MINUTES = 1_440
_LOOK_BACK_SECONDS = 7 * 86_400.0
"""An episode that began longer ago, and of which nothing was recorded since, is not found."""
_FILL = 0.9
"""Share of the quota that is left in use once it was reached."""

_SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE minutes (
    bed TEXT NOT NULL,
    minute INTEGER NOT NULL,          -- since 1970, UTC
    samples BLOB NOT NULL,            -- 30 of two seconds, compressed
    PRIMARY KEY (bed, minute)
) WITHOUT ROWID;
CREATE INDEX minutes_by_age ON minutes (minute);
CREATE TABLE alerts (
    id INTEGER PRIMARY KEY,
    bed TEXT NOT NULL,                -- '' for a condition of the whole station
    at REAL NOT NULL,                 -- seconds since 1970, UTC
    alert_id TEXT NOT NULL, code TEXT NOT NULL, kind TEXT NOT NULL, phase TEXT NOT NULL, priority TEXT NOT NULL,
    present INTEGER NOT NULL, signal TEXT NOT NULL, onset REAL NOT NULL, bouts INTEGER NOT NULL,
    by TEXT, acknowledged REAL, detail TEXT NOT NULL,
    UNIQUE (alert_id, at, phase, signal)
);
CREATE INDEX alerts_by_bed ON alerts (bed, at);
CREATE TABLE actions (
    id INTEGER PRIMARY KEY,
    bed TEXT NOT NULL, at REAL NOT NULL, action TEXT NOT NULL, by TEXT NOT NULL, details TEXT NOT NULL
);
CREATE INDEX actions_by_bed ON actions (bed, at);
"""
_ALERT_COLUMNS = (
    "bed, at, alert_id, code, kind, phase, priority, present, signal, onset, bouts, by, acknowledged, detail"
)


class HistoryFile:
    """The writer's side. One thread, one process; the state directory's lock keeps others away.

    Args:
        directory: Its own; made (mode 0700) when missing.
        maximum_bytes: Bound of the file.

    Raises:
        HistoryError: It cannot be opened; `damaged` says whether the file is corrupt.
    """

    def __init__(self, directory: Path, maximum_bytes: int) -> None:
        self._path = directory / _NAME
        self._maximum_bytes = max(_PAGE_BYTES * 256, maximum_bytes)
        with _errors(self._path):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            # SQLite would make the file as readable as the umask allows; its log files copy this one's mode.
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            self._database = sqlite3.connect(
                self._path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            try:
                self._prepare()
                self._known = self._path.stat()
            except BaseException:
                self._database.close()
                raise

    def _prepare(self) -> None:
        database = self._database
        database.execute("PRAGMA journal_mode = WAL")
        # A power cut may take the last seconds of a trend; alerts have the spool, which is written through.
        database.execute("PRAGMA synchronous = NORMAL")
        database.execute(f"PRAGMA wal_autocheckpoint = {_LOG_PAGES}")
        database.execute(f"PRAGMA journal_size_limit = {_LOG_PAGES * _PAGE_BYTES}")
        database.execute(f"PRAGMA max_page_count = {self._maximum_bytes // _PAGE_BYTES}")
        if self._path.stat().st_size <= _CHECKED_BYTES:
            (verdict,) = database.execute("PRAGMA quick_check(1)").fetchone()
            if verdict != "ok":
                raise HistoryError(_damaged(self._path), damaged=True)
        (version,) = database.execute("PRAGMA user_version").fetchone()
        if version == 0:
            database.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {_SCHEMA_VERSION}; COMMIT;")
        elif version != _SCHEMA_VERSION:
            # Of another version of this program: as useless to this one as a damaged file, and as worth keeping.
            raise HistoryError(f"{self._path} was written by another version (layout {version})", damaged=True)

    def write(
        self,
        minutes: Iterable[tuple[str, int, Minute]],
        alerts: Iterable[AlertEntry],
        actions: Iterable[ActionEntry],
    ) -> None:
        """Write everything in one transaction; a minute replaces what is stored of it.

        Args:
            minutes: Bed, minute since 1970, samples.
            alerts: Records; one that is there already is left as it is.
            actions: What people asked.

        Raises:
            HistoryError: It cannot be written; nothing was.
        """
        rows = [(bed, minute, pack_minute(samples)) for bed, minute, samples in minutes]
        with _errors(self._path):
            if not os.path.samestat(self._path.stat(), self._known):
                raise HistoryError(f"{self._path} was replaced while the station runs; it is opened again")
            self._database.execute("BEGIN IMMEDIATE")
            try:
                self._database.executemany("INSERT OR REPLACE INTO minutes VALUES (?, ?, ?)", rows)
                self._database.executemany(
                    f"INSERT OR IGNORE INTO alerts ({_ALERT_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)",  # noqa: S608 - names of this module
                    [_alert_row(entry) for entry in alerts],
                )
                self._database.executemany(
                    "INSERT INTO actions (bed, at, action, by, details) VALUES (?, ?, ?, ?, ?)",
                    [(one.bed, one.at_seconds, one.action, one.by, one.details) for one in actions],
                )
                self._database.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    self._database.execute("ROLLBACK")
                raise

    def stored_minute(self, bed: str, minute: int) -> Minute | None:
        """Return what is stored of a minute: an earlier run, or a clock that was set back, may have begun it."""
        with _errors(self._path):
            row = self._database.execute(
                "SELECT samples FROM minutes WHERE bed = ? AND minute = ?", (bed, minute)
            ).fetchone()
        try:
            return None if row is None else unpack_minute(row[0])
        except ValueError:
            return None

    def prune(self, before_seconds: float) -> bool:
        """Delete what is older, and more where the file has nearly reached its bound; a bounded part at a time.

        Of a clock that is wrong for an hour no more than a day is deleted: who calls this once an hour.

        Args:
            before_seconds: Seconds since 1970.

        Returns:
            Whether there may be more to delete.

        Raises:
            HistoryError: It cannot be written.
        """
        with _errors(self._path):
            (oldest,) = self._database.execute("SELECT min(minute) FROM minutes").fetchone()
            (newest,) = self._database.execute("SELECT max(minute) FROM minutes").fetchone()
            if oldest is None:
                return False
            bound = min(before_seconds / MINUTE_SECONDS, oldest + _DAY_MINUTES)
            if self._used_bytes() > self._maximum_bytes * _FILL:
                bound = max(bound, oldest + min(_DAY_MINUTES, max(1, (newest - oldest) // 10)))
            return self._delete(bound * MINUTE_SECONDS)

    def _delete(self, before_seconds: float) -> bool:
        has_more = False
        for query, bound in (
            ("minutes WHERE (bed, minute) IN (SELECT bed, minute FROM minutes WHERE minute < ? LIMIT ?)",
             before_seconds // MINUTE_SECONDS),
            ("alerts WHERE id IN (SELECT id FROM alerts WHERE at < ? LIMIT ?)", before_seconds),
            ("actions WHERE id IN (SELECT id FROM actions WHERE at < ? LIMIT ?)", before_seconds),
        ):  # fmt: skip
            deleted = self._database.execute(f"DELETE FROM {query}", (bound, _ROWS_AT_A_TIME)).rowcount  # noqa: S608 - above
            has_more = has_more or deleted >= _ROWS_AT_A_TIME
        return has_more

    def note(self, key: str, value: str) -> None:
        """Keep a fact about the file itself.

        Raises:
            HistoryError: It cannot be written.
        """
        with _errors(self._path):
            self._database.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def _used_bytes(self) -> int:
        (pages,) = self._database.execute("PRAGMA page_count").fetchone()
        (free,) = self._database.execute("PRAGMA freelist_count").fetchone()
        return int(pages - free) * _PAGE_BYTES

    def close(self) -> None:
        """Close the file; safe to call twice."""
        with suppress(sqlite3.Error):
            self._database.close()

    @staticmethod
    def set_aside(directory: Path) -> Path:
        """Rename the file, for a later inspection, so that a new one can replace it; return its new name.

        Raises:
            HistoryError: It cannot be renamed.
        """
        path, number = directory / _NAME, 1
        while (aside := directory / f"{_NAME}.damaged-{number}").exists():
            number += 1
        with _errors(path):
            path.rename(aside)
            for suffix in ("-wal", "-shm"):
                with suppress(FileNotFoundError):
                    path.with_name(path.name + suffix).rename(aside.with_name(aside.name + suffix))
        return aside


class HistoryView:
    """The readers' side: opens the file for each question, so that any thread may ask.

    Args:
        directory: Of the `HistoryFile`.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / _NAME
        self._is_reported = False

    def minutes(self, bed: str, first: int, last: int) -> list[tuple[int, Minute]]:
        """Return a bed's minutes from `first` to `last`, both included, oldest first; damaged ones are left out.

        Raises:
            HistoryError: The file cannot be read.
        """
        found = []
        for number, packed in self._rows(
            "SELECT minute, samples FROM minutes WHERE bed = ? AND minute BETWEEN ? AND ? ORDER BY minute",
            (bed, first, last),
        ):
            with suppress(ValueError):
                found.append((int(number), unpack_minute(packed)))
        return found

    def alerts(self, bed: str, from_seconds: float, to_seconds: float) -> list[AlertEntry]:
        """Return all records, oldest first, of every alert that was on within a stretch of time.

        Those with a word that this version does not know are left out, and that is logged once.

        Raises:
            HistoryError: The file cannot be read.
        """
        # With max(), SQLite takes the other columns from the row that has it: the newest before the stretch.
        rows = self._rows(
            f"SELECT {_ALERT_COLUMNS} FROM alerts WHERE bed = ?1 AND at < ?3 AND alert_id IN ("  # noqa: S608 - names
            "  SELECT alert_id FROM alerts WHERE bed = ?1 AND at >= ?2 AND at < ?3"
            "  UNION SELECT alert_id FROM ("
            "    SELECT alert_id, present, max(at) FROM alerts WHERE bed = ?1 AND at >= ?4 AND at < ?2"
            "    GROUP BY alert_id) WHERE present"
            ") ORDER BY at, id",
            (bed, from_seconds, to_seconds, from_seconds - _LOOK_BACK_SECONDS),
        )
        found = []
        for row in rows:
            with suppress(ValueError):
                found.append(_alert_entry(row))
        if len(found) < len(rows) and not self._is_reported:
            self._is_reported = True
            _log.warning(
                "%d records of alerts in %s are of a newer version of this program, or damaged; "
                "they are missing in what is shown of days past",
                *(len(rows) - len(found), self._path),
            )
        return found

    def actions(self, bed: str, from_seconds: float, to_seconds: float) -> list[ActionEntry]:
        """Return what people asked of a bed within a stretch of time, oldest first.

        Raises:
            HistoryError: The file cannot be read.
        """
        rows = self._rows(
            "SELECT bed, at, action, by, details FROM actions WHERE bed = ? AND at >= ? AND at < ? ORDER BY at, id",
            (bed, from_seconds, to_seconds),
        )
        return [ActionEntry(*row) for row in rows]

    def begins_seconds(self) -> float | None:
        """Return when the oldest minute begins, in seconds since 1970; None where there is none.

        Raises:
            HistoryError: The file cannot be read.
        """
        rows = self._rows("SELECT min(minute) FROM minutes", ())
        return None if not rows or rows[0][0] is None else float(rows[0][0]) * MINUTE_SECONDS

    def fact(self, key: str) -> str | None:
        """Return what was noted about the file itself; None where nothing was.

        Raises:
            HistoryError: The file cannot be read.
        """
        rows = self._rows("SELECT value FROM meta WHERE key = ?", (key,))
        return str(rows[0][0]) if rows else None

    def _rows(self, query: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        if not self._path.exists():
            return []
        with (
            _errors(self._path),
            closing(sqlite3.connect(f"file:{self._path}?mode=ro", uri=True, timeout=_BUSY_SECONDS)) as database,
        ):
            # One text that is no UTF-8 would take the whole answer with it.
            database.text_factory = lambda stored: stored.decode("utf-8", "replace")
            (version,) = database.execute("PRAGMA user_version").fetchone()
            # 0: the writer is about to begin it.
            return database.execute(query, values).fetchall() if version else []


def _alert_row(entry: AlertEntry) -> tuple[object, ...]:
    return (
        entry.bed, entry.at_seconds, entry.alert_id, str(entry.code), str(entry.kind), str(entry.phase),
        str(entry.priority), entry.is_present, str(entry.signal), entry.onset_seconds, entry.bouts, entry.by,
        entry.acknowledged_seconds, entry.detail,
    )  # fmt: skip


def _alert_entry(row: Sequence[Any]) -> AlertEntry:
    bed, at, alert_id, code, kind, phase, priority, present, signal, onset, bouts, by, acknowledged, detail = row
    return AlertEntry(
        bed, at, alert_id, Code(code), Kind(kind), Phase(phase), Priority(priority), bool(present), Signal(signal),
        onset, bouts, by, acknowledged, detail,
    )  # fmt: skip


def _damaged(path: Path) -> str:
    return f"{path} is damaged; it is set aside and a new one begun"


@contextmanager
def _errors(path: Path) -> Iterator[None]:
    """Turn every failure of SQLite or of the file system into a `HistoryError` of one sentence."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
            raise HistoryError(_damaged(path), damaged=True) from error
        reasons = {
            sqlite3.SQLITE_FULL: "no room is left; free disk space or raise history.maximum_megabytes",
            sqlite3.SQLITE_BUSY: "another program has locked it; end that program",
            sqlite3.SQLITE_IOERR: "the disk fails; look at the system's log",
        }
        raise HistoryError(f"{path} cannot be used: {reasons.get(code, 'check the folder and its rights')}") from error
    except OSError as error:
        raise HistoryError(f"{path} cannot be used ({error.strerror}); check the folder and its rights") from error
