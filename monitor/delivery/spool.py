"""The durable record of alerts between the alarm logic and Redis.

Every alert is numbered and stored in one transaction, together with the alarm logic's own state, before anything is
sent; so a process that is killed at any moment loses neither, and a number is never skipped or given twice. Records
that Redis has are retained for a while: a server that lost its data gets them again.
"""

import secrets
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from monitor.alerts.record import AlertDraft, format_time
from monitor.clock import Clock
from monitor.delivery.spool_file import (
    DATABASE_NAME,
    ProcessLock,
    file_bytes,
    open_database,
    readable_snapshots,
    same_file,
    spool_errors,
)
from monitor.delivery.spool_meta import (
    Numbering,
    new_producer_id,
    read_count,
    read_draft,
    read_numbering,
    set_unreadable_aside,
    write_numbering,
)
from monitor.delivery.spool_quota import Drop, forget_history, make_room
from monitor.delivery.spool_records import Backlog, Position, SpooledAlert, SpoolRecord
from monitor.errors import SpoolError

__all__ = ["Backlog", "Position", "Spool", "SpoolRecord", "SpooledAlert"]

HISTORY_KEPT = 10_000
"""Delivered records that stay for a server that loses its data (about 20 MB)."""
_FORGET_EVERY = 256
_DROPPED_AT_ONCE = 100


class Spool:
    """An open spool; safe to use from several threads.

    Args:
        directory: The state directory; made when missing.
        maximum_bytes: Disk quota.
        station: Begins the producer id of a new spool.
        clock: For labels and ages.

    Raises:
        SpoolError: It cannot be opened, or another station uses it.
    """

    def __init__(self, directory: Path, maximum_bytes: int, station: str, clock: Clock) -> None:
        self._path = directory
        self._clock = clock
        self._mutex = threading.RLock()
        self._process = secrets.token_hex(8)
        with spool_errors(directory):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._process_lock = ProcessLock(directory)
        try:
            self._database = open_database(directory, maximum_bytes)
        except BaseException:
            self._process_lock.release()
            raise
        try:
            with self._transaction() as database:
                numbering = read_numbering(database, station)
            self.producer_id: str = numbering.producer_id
            # Rows are numbered through; towards Redis every producer's records begin at 1, behind this row.
            self._base_row = numbering.base_row
            self._delivered_row, self._delivered_id = numbering.delivered_row, numbering.delivered_id
            self._last_row = numbering.last_row
            self._waiting = self._count_between(self._delivered_row, None)
            with spool_errors(directory):
                self._file = (directory / DATABASE_NAME).stat()
        except BaseException:
            self.close()
            raise
        self._opened_seconds = clock.monotonic()
        self._opened_wall = clock.wall()
        self._stamps: dict[int, str | None] = {}

    @property
    def position(self) -> Position:
        """How far Redis has the records; correct in memory even when the disk could not take the last change."""
        return Position(self._delivered_row - self._base_row, self._delivered_id)

    @property
    def last_seq(self) -> int:
        """The highest number that this producer has given out so far; 0 before the first."""
        return self._last_row - self._base_row

    def is_in_place(self) -> bool:
        """Return whether the next start will find this spool: nobody has deleted or replaced its files."""
        return self.has_its_database and self._process_lock.is_in_place()

    @property
    def has_its_database(self) -> bool:
        """Whether the database is still where the next start expects it."""
        return same_file(self._path / DATABASE_NAME, self._file)

    def append(self, drafts: Sequence[AlertDraft], snapshots: Mapping[str, str] | None = None) -> list[int]:
        """Number and store records, and the alarm state that they come from, all or nothing.

        Args:
            drafts: In order.
            snapshots: Bed id ('' for the station) to the alarm logic's state after these changes.

        Returns:
            One sequence number per draft. They are on the disk.

        Raises:
            SpoolError: Nothing was stored and no number was used.
        """
        at = format_time(self._clock.wall())
        try:
            return self._append(drafts, snapshots or {}, at)
        except SpoolError as error:
            cause = error.__cause__
            if getattr(cause, "sqlite_errorcode", 0) != sqlite3.SQLITE_FULL:
                raise
        with self._mutex:
            with self._transaction() as database:
                dropped = self._make_room(database, at, 2 * len(drafts), force=True)
            self._waiting -= dropped
        return self._append(drafts, snapshots or {}, at)

    def _make_room(self, database: sqlite3.Connection, at: str, rows: int, *, force: bool = False) -> int:
        drop = make_room(database, self._delivered_row, at, rows + _DROPPED_AT_ONCE, force=force)
        return 0 if drop is None else drop.count

    def _append(self, drafts: Sequence[AlertDraft], snapshots: Mapping[str, str], at: str) -> list[int]:
        now_seconds = self._clock.monotonic()
        dropped = 0
        with self._mutex:
            with self._transaction() as database:
                numbers = list(range(self._last_row + 1, self._last_row + 1 + len(drafts)))
                database.executemany(
                    "INSERT INTO alerts (seq, alert_id, bed, code, ended, stored_at, stored_monotonic, process, draft) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    [
                        (
                            *(seq, draft.alert_id, draft.bed or "", draft.code, not draft.condition_present),
                            *(at, now_seconds, self._process, draft.model_dump_json()),
                        )
                        for seq, draft in zip(numbers, drafts, strict=True)
                    ],
                )
                database.executemany("INSERT OR REPLACE INTO snapshots VALUES (?, ?)", list(snapshots.items()))
                if numbers:
                    self._remember("last_seq", str(numbers[-1]))
                    dropped = self._make_room(database, at, 2 * len(numbers))
                    if any(seq % _FORGET_EVERY == 0 for seq in numbers):
                        forget_history(database, self._delivered_row, HISTORY_KEPT)
            self._waiting += len(numbers) - dropped
            self._last_row = max(self._last_row, *numbers, 0)
            return [number - self._base_row for number in numbers]

    def pending(self, limit: int) -> list[SpooledAlert]:
        """Return the oldest records that Redis does not have yet, in order.

        Raises:
            SpoolError: The file cannot be read.
        """
        with self._mutex:
            while True:
                rows = self._rows_behind(self._delivered_row, limit)
                drafts = {row[0]: read_draft(row[1]) for row in rows}
                unreadable = [row for row, draft in drafts.items() if draft is None]
                if not unreadable:
                    break
                with self._transaction() as database:
                    set_unreadable_aside(database, unreadable, format_time(self._clock.wall()))
                self._waiting -= len(unreadable)
            return [
                SpooledAlert(self.producer_id, row - self._base_row, draft, self._stamps.get(row, published_at), stored)
                for row, _, published_at, stored in rows
                if (draft := drafts[row]) is not None
            ]

    def _rows_behind(self, row: int, limit: int) -> list[tuple[int, object, str | None, float | None]]:
        with self._reading() as database:
            return database.execute(
                "SELECT seq, draft, published_at, iif(process = ?, stored_monotonic, NULL) FROM alerts "
                "WHERE seq > ? ORDER BY seq LIMIT ?",
                (self._process, row, limit),
            ).fetchall()

    def stamp(self, seqs: Sequence[int], published_at: str | None) -> None:
        """Store the time of the first attempt to send, so that every later attempt sends the very same text.

        None takes it back, after an attempt that certainly did not get through.

        Raises:
            SpoolError: The disk did not take it; in memory it holds all the same.
        """
        with self._mutex:
            rows = [seq + self._base_row for seq in seqs]
            self._stamps.update(dict.fromkeys(rows, published_at))
        with self._transaction() as database:
            database.executemany("UPDATE alerts SET published_at = ? WHERE seq = ?", [(published_at, r) for r in rows])

    def move_to(self, position: Position) -> None:
        """Set how far Redis has the records; further back when Redis lost some.

        Raises:
            SpoolError: The disk did not take it; in memory it holds all the same.
        """
        with self._mutex:
            row = position.seq + self._base_row
            before, self._delivered_row, self._delivered_id = self._delivered_row, row, position.stream_id
            self._stamps = {stamped: at for stamped, at in self._stamps.items() if stamped > row}
            passed = self._count_between(row, before)
            self._waiting += passed if row < before else -passed
        with self._transaction() as database:
            write_numbering(database, self._numbering())

    def _numbering(self) -> Numbering:
        return Numbering(self.producer_id, self._base_row, self._last_row, self._delivered_row, self._delivered_id)

    def flush(self) -> None:
        """Store the position and the times that the disk refused before.

        Raises:
            SpoolError: It still refuses.
        """
        with self._mutex:
            self.move_to(self.position)
            for row, published_at in self._stamps.items():
                self.stamp([row - self._base_row], published_at)

    def backlog(self) -> Backlog:
        """Return how many records wait, and for how long the oldest has waited."""
        with self._reading() as database:
            count = self._waiting
            oldest = database.execute(
                "SELECT stored_at, stored_monotonic, process FROM alerts WHERE seq > ? ORDER BY seq LIMIT 1",
                (self._delivered_row,),
            ).fetchone()
        if oldest is None:
            return Backlog(0, 0.0)
        stored_at, stored_monotonic, process = oldest
        now_seconds = self._clock.monotonic()
        if process == self._process:
            return Backlog(count, max(0.0, now_seconds - stored_monotonic))
        # From an earlier run only wall labels are left; from the opening on, monotonic time counts again.
        before = 0.0
        with suppress(ValueError, TypeError):
            before = (self._opened_wall - datetime.fromisoformat(stored_at)).total_seconds()
        return Backlog(count, max(0.0, before) + now_seconds - self._opened_seconds)

    def load_snapshots(self) -> dict[str, str]:
        """Return the last stored alarm state of every bed; one that cannot be read is left out."""
        with self._reading() as database:
            rows = database.execute("SELECT bed, body FROM snapshots").fetchall()
        return dict(readable_snapshots(rows))

    def history(self, limit: int) -> list[AlertDraft]:
        """Return the newest stored alerts, oldest first; those of an older form, which cannot be read, are left out."""
        with self._reading() as database:
            rows = database.execute("SELECT draft FROM alerts ORDER BY seq DESC LIMIT ?", (limit,)).fetchall()
        drafts = []
        for (draft,) in reversed(rows):
            with suppress(ValueError):
                drafts.append(AlertDraft.model_validate_json(draft))
        return drafts

    def newest_drafts(self) -> list[AlertDraft]:
        """Return the newest stored record of every alert; those that cannot be read are left out."""
        with self._reading() as database:
            rows = database.execute("SELECT max(seq), draft FROM alerts GROUP BY alert_id ORDER BY 1").fetchall()
        drafts = []
        for _, draft in rows:
            with suppress(ValueError):
                drafts.append(AlertDraft.model_validate_json(draft))
        return drafts

    def delete_snapshot(self, bed: str) -> None:
        """Forget a bed that left the configuration."""
        with self._transaction() as database:
            database.execute("DELETE FROM snapshots WHERE bed = ?", (bed,))

    def drops(self) -> list[Drop]:
        """Return what the quota made it give up undelivered, oldest first."""
        with self._reading() as database:
            rows = database.execute("SELECT at, first_seq, last_seq, count FROM drops ORDER BY id").fetchall()
        return [Drop(*row) for row in rows]

    def get_meta(self, key: str) -> str | None:
        """Return a stored value."""
        with self._reading() as database:
            row = database.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    def set_meta(self, key: str, value: str) -> None:
        """Store a value under a key."""
        with self._transaction():
            self._remember(key, value)

    def record(self) -> SpoolRecord:
        """Return what the spool occupies and what it gave up."""
        with self._reading() as database:
            row = database.execute(
                "SELECT at, first_seq, last_seq, count FROM drops ORDER BY id DESC LIMIT 1"
            ).fetchone()
        return SpoolRecord(
            file_bytes(self._path), read_count(self.get_meta("dropped")), None if row is None else Drop(*row)
        )

    def renew_producer(self) -> None:
        """Take a new producer id, which begins at 1; for a spool that was restored from an old copy.

        What waits is numbered again under it, so it collides with nothing and lacks nothing.
        """
        with self._mutex:
            renewed = Numbering(
                new_producer_id(self.producer_id.rpartition("-")[0]),
                *(self._delivered_row, self._last_row, self._delivered_row, self._delivered_id),
            )
            with self._transaction() as database:
                write_numbering(database, renewed)
                database.execute("UPDATE alerts SET published_at = NULL WHERE seq > ?", (self._delivered_row,))
            self.producer_id, self._base_row = renewed.producer_id, renewed.base_row
            self._stamps.clear()

    def close(self) -> None:
        """Close the file and let another process have the directory; safe to call twice."""
        with self._mutex, suppress(sqlite3.Error):
            self._database.close()
        self._process_lock.release()

    def _count_between(self, one: int, other: int | None) -> int:
        """Count the records behind the smaller number, up to and with the larger (None: all)."""
        low, high = (one, None) if other is None else (min(one, other), max(one, other))
        with self._reading() as database:
            (count,) = database.execute(
                "SELECT count(*) FROM alerts WHERE seq > ? AND (? IS NULL OR seq <= ?)", (low, high, high)
            ).fetchone()
        return int(count)

    def _remember(self, key: str, value: str) -> None:
        self._database.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._mutex, spool_errors(self._path / DATABASE_NAME):
            yield self._database

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._reading() as database:
            if database.in_transaction:  # whose end failed, too
                database.execute("ROLLBACK")
            database.execute("BEGIN IMMEDIATE")
            try:
                yield database
                database.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error, MemoryError):  # some failures have rolled back already
                    database.execute("ROLLBACK")
                raise
