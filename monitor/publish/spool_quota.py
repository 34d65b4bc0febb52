"""What the spool forgets when it is full, in which order, and how it says so.

Least useful first: what Redis already has and nobody needs to see again; then older records of alerts that have a newer
one; then alerts that began and ended while Redis was away; then ends of other past alerts. The newest record of every
condition of every bed, and of every running alert, is never dropped.
"""

import sqlite3
from dataclasses import dataclass

__all__ = ["Drop", "forget_history", "make_room", "used_share"]

_HIGH_WATER = 0.90
_LOW_WATER = 0.75
_CHUNK_ROWS = 200
_DROPS_KEPT = 1000

_SUPERSEDED = "EXISTS (SELECT 1 FROM alerts n WHERE n.alert_id = a.alert_id AND n.seq > a.seq)"
_NOT_NEWEST_OF_CONDITION = "EXISTS (SELECT 1 FROM alerts n WHERE n.bed = a.bed AND n.code = a.code AND n.seq > a.seq)"
_START_WAS_DELIVERED = (
    "EXISTS (SELECT 1 FROM alerts o WHERE o.alert_id = a.alert_id AND o.seq <= :delivered AND o.seq < a.seq)"
)
_DELIVERED_AND_DONE = f"a.seq <= :delivered AND ({_SUPERSEDED} OR a.ended)"
_STEPS = (
    _DELIVERED_AND_DONE,
    f"a.seq > :delivered AND {_SUPERSEDED}",
    f"a.seq > :delivered AND a.ended AND NOT {_START_WAS_DELIVERED} AND {_NOT_NEWEST_OF_CONDITION}",
    f"a.seq > :delivered AND a.ended AND {_NOT_NEWEST_OF_CONDITION}",
)


@dataclass(frozen=True, slots=True)
class Drop:
    """Records that were given up before they reached Redis.

    Attributes:
        at: Wall label, RFC 3339.
        first_seq: Smallest sequence number among them.
        last_seq: Largest; the range may hold numbers that were kept.
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


def make_room(database: sqlite3.Connection, delivered_seq: int, at: str, *, force: bool = False) -> Drop | None:
    """Delete until the quota is kept with room to spare. Call it inside a transaction.

    Args:
        database: The spool's database.
        delivered_seq: Redis has every record up to this one.
        at: Wall label for the report.
        force: Delete a chunk even though the high-water mark is not reached (the last write did not fit).

    Returns:
        What was dropped undelivered, or None.
    """
    if not force and used_share(database) < _HIGH_WATER:
        return None
    dropped: list[int] = []
    for step in _STEPS:
        while force or used_share(database) > _LOW_WATER:
            force = False
            rows = database.execute(
                "DELETE FROM alerts WHERE seq IN "  # noqa: S608 - `step` is a constant of this module
                f"(SELECT a.seq FROM alerts a WHERE {step} ORDER BY a.seq LIMIT :limit) RETURNING seq",
                {"delivered": delivered_seq, "limit": _CHUNK_ROWS},
            ).fetchall()
            dropped += [seq for (seq,) in rows if seq > delivered_seq]
            if len(rows) < _CHUNK_ROWS:
                break
    if not dropped:
        return None
    drop = Drop(at, min(dropped), max(dropped), len(dropped))
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
        f"DELETE FROM alerts WHERE seq IN (SELECT a.seq FROM alerts a WHERE {_DELIVERED_AND_DONE} AND a.seq <= :old)",  # noqa: S608 - constants of this module
        {"delivered": delivered_seq, "old": delivered_seq - keep},
    )
