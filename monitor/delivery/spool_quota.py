"""What the spool forgets when it is full, in which order, and how it says so.

First what Redis already has. Then, oldest first, what waits: records that a newer record of the same alert replaces,
and ended alerts of which Redis has heard nothing. The newest record of every condition of every bed, of every running
alert, and the end of every alert whose beginning was delivered, are never dropped.

Going strictly from the oldest on frees whole pages of the file, and bounding the work of one call keeps every
transaction short: dropping chosen rows from all over a file of 512 MB once took minutes and freed next to nothing.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Drop", "forget_history", "make_room", "note_drop", "used_share"]

_HIGH_WATER = 0.90
_DROPS_KEPT = 1000

_REPLACED = "EXISTS (SELECT 1 FROM alerts n WHERE n.alert_id = a.alert_id AND n.seq > a.seq)"
_REPLACED_IN_REDIS = (
    "EXISTS (SELECT 1 FROM alerts n WHERE n.alert_id = a.alert_id AND n.seq > a.seq AND n.seq <= :delivered)"
)
_NOT_NEWEST_OF_CONDITION = "EXISTS (SELECT 1 FROM alerts n WHERE n.bed = a.bed AND n.code = a.code AND n.seq > a.seq)"
_KNOWN_TO_REDIS = "EXISTS (SELECT 1 FROM alerts o WHERE o.alert_id = a.alert_id AND o.seq <= :delivered)"
# A delivered record of a running alert stays: it shows later that the alert's end must not be dropped.
_DONE = f"a.seq <= :delivered AND ({_REPLACED_IN_REDIS} OR a.ended)"
_EXPENDABLE = (
    f"a.seq > :delivered AND ({_REPLACED} OR (a.ended AND NOT {_KNOWN_TO_REDIS} AND {_NOT_NEWEST_OF_CONDITION}))"
)


@dataclass(frozen=True, slots=True)
class Drop:
    """Records that were given up before they reached Redis.

    Attributes:
        at: Wall label, RFC 3339.
        first_seq: Smallest sequence number among them.
        last_seq: Largest; the range may hold numbers that were retained.
        count: How many.
    """

    at: str
    first_seq: int
    last_seq: int
    count: int


def used_share(database: sqlite3.Connection) -> float:
    """Return the share of the quota in use."""
    (pages,) = database.execute("PRAGMA page_count").fetchone()
    (free,) = database.execute("PRAGMA freelist_count").fetchone()
    (maximum,) = database.execute("PRAGMA max_page_count").fetchone()
    return float((pages - free) / maximum)


def make_room(
    database: sqlite3.Connection, delivered_seq: int, at: str, limit: int, *, force: bool = False
) -> Drop | None:
    """Delete some records when the quota is nearly used up. Call it inside a transaction.

    Args:
        database: The spool's database.
        delivered_seq: Redis has every record up to this one.
        at: Wall label for the report.
        limit: Most records to delete now; more than come in at a time, so that the quota holds in the long run.
        force: Delete even below the high-water mark (the last write did not fit).

    Returns:
        What was dropped undelivered, or None.
    """
    if not force and used_share(database) < _HIGH_WATER:
        return None
    limit -= len(_delete(database, _DONE, delivered_seq, limit))
    dropped = _delete(database, _EXPENDABLE, delivered_seq, limit) if limit > 0 else []
    if not dropped:
        return None
    return note_drop(database, at, dropped)


def note_drop(database: sqlite3.Connection, at: str, rows: Sequence[int]) -> Drop:
    """Remember that rows were given up undelivered. Call it inside a transaction.

    Args:
        database: The spool's database.
        at: Wall label.
        rows: Their numbers; at least one.
    """
    drop = Drop(at, min(rows), max(rows), len(rows))
    database.execute(
        "INSERT INTO drops (at, first_seq, last_seq, count) VALUES (?, ?, ?, ?)",
        (drop.at, drop.first_seq, drop.last_seq, drop.count),
    )
    database.execute(
        "INSERT INTO meta VALUES ('dropped', :n) ON CONFLICT (key) DO UPDATE SET value = value + :n", {"n": drop.count}
    )
    database.execute("DELETE FROM drops WHERE id <= (SELECT max(id) FROM drops) - ?", (_DROPS_KEPT,))
    return drop


def forget_history(database: sqlite3.Connection, delivered_seq: int, keep: int) -> None:
    """Delete delivered records that are done with, except the newest `keep` of them."""
    database.execute(
        f"DELETE FROM alerts WHERE seq IN (SELECT a.seq FROM alerts a WHERE {_DONE} AND a.seq <= :old)",  # noqa: S608 - constants of this module
        {"delivered": delivered_seq, "old": delivered_seq - keep},
    )


def _delete(database: sqlite3.Connection, which: str, delivered_seq: int, limit: int) -> list[int]:
    rows = database.execute(
        "DELETE FROM alerts WHERE seq IN "  # noqa: S608 - `which` is a constant of this module
        f"(SELECT a.seq FROM alerts a WHERE {which} ORDER BY a.seq LIMIT :limit) RETURNING seq",
        {"delivered": delivered_seq, "limit": limit},
    ).fetchall()
    return [seq for (seq,) in rows]
