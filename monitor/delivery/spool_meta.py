"""What a spool remembers of itself, read with care: a damaged value is replaced and logged, and stops nothing."""

import json
import logging
import re
import secrets
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from monitor.alerts.record import SCHEMA
from monitor.delivery.spool_file import is_unicode
from monitor.delivery.spool_quota import note_drop

__all__ = [
    "CLAIMED",
    "Numbering",
    "new_producer_id",
    "read_count",
    "read_draft",
    "read_numbering",
    "set_unreadable_aside",
    "write_numbering",
]

_log = logging.getLogger(__name__)

CLAIMED = "claimed"
"""Key of the note of alerts that are being sent from memory."""

_STREAM_ID = re.compile(r"\d{1,20}-\d{1,20}", re.ASCII)
_PRODUCER_ID = re.compile(r"[!-~]{1,128}", re.ASCII)
_NUMBERS = ("producer_base", "last_seq", "delivered_seq")
_MOST_DIGITS = 18
_UNREADABLE_KEPT = 1000


@dataclass(frozen=True, slots=True)
class Numbering:
    """How the rows of a spool are numbered towards Redis.

    Attributes:
        producer_id: Who numbers them.
        base_row: Row after which this producer begins: its record 1 is row `base_row + 1`.
        last_row: The newest row that was given out.
        delivered_row: Redis has every row up to this one.
        delivered_id: An id in the stream at or after which later records lie; empty before the first was sent.
    """

    producer_id: str
    base_row: int
    last_row: int
    delivered_row: int
    delivered_id: str


def read_numbering(database: sqlite3.Connection, station: str) -> Numbering:
    """Read the numbering, and mend what is damaged in it. Call it inside a transaction.

    A producer whose name is lost is renewed and begins at 1. A position that is lost is searched for in the stream:
    what Redis has is compared record by record, and not sent twice.

    Args:
        database: The spool's database.
        station: Begins the id of a new producer.
    """
    meta = {str(key): str(value) for key, value in database.execute("SELECT key, value FROM meta")}
    (newest,) = database.execute("SELECT coalesce(max(seq), 0) FROM alerts").fetchone()
    base = _number(meta, "producer_base", 0)
    given = _number(meta, "last_seq", newest)
    last = max(given, newest)
    damaged: list[str] = [key for key in _NUMBERS if not _is_number(meta.get(key, "0"))]
    delivered = _number(meta, "delivered_seq", base)
    delivered_id = meta.get("delivered_id", "")
    if (delivered_id and not _STREAM_ID.fullmatch(delivered_id)) or "delivered_seq" in damaged:
        damaged.append("delivered_id")
        delivered_id = "0-0"
    if not base <= delivered <= last:
        damaged.append("delivered_seq")
        base = min(base, last)
        delivered, delivered_id = base, "0-0"
    producer_id = meta.get("producer_id", "")
    if not _PRODUCER_ID.fullmatch(producer_id):
        if newest or "producer_id" in meta:
            damaged.append("producer_id")
        base = delivered
        producer_id = new_producer_id(station)
    if damaged:
        names = ", ".join(sorted(set(damaged)))
        _log.error("damaged values in the spool were replaced (%s); Redis is compared with it record by record", names)
    numbering = Numbering(producer_id, base, last, delivered, delivered_id)
    write_numbering(database, numbering)
    return numbering


def write_numbering(database: sqlite3.Connection, numbering: Numbering) -> None:
    """Store a numbering. Call it inside a transaction."""
    values = {
        "producer_id": numbering.producer_id,
        "producer_base": str(numbering.base_row),
        "last_seq": str(numbering.last_row),
        "delivered_seq": str(numbering.delivered_row),
        "delivered_id": numbering.delivered_id,
    }
    database.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", list(values.items()))


def new_producer_id(station: str) -> str:
    """Return a name that no other spool has."""
    return f"{station}-{secrets.token_hex(4)}"


def read_count(value: str | None) -> int:
    """Return a stored count; 0 where there is none or it is damaged."""
    return int(value) if value is not None and _is_number(value) else 0


def read_draft(text: object) -> Mapping[str, object] | None:
    """Return the JSON object of a stored draft; None when it cannot be sent as an alert of this form.

    Fields and words that this version does not know are left as they are: a later version may have written them.
    """
    try:
        draft = json.loads(text) if isinstance(text, str) and is_unicode(text) else None
    except (ValueError, RecursionError):
        return None
    if not isinstance(draft, dict) or draft.get("schema") != SCHEMA:
        return None
    words = (draft.get(name) for name in ("alert_id", "phase", "kind", "code", "priority"))
    if not all(isinstance(word, str) and word and is_unicode(word) for word in words):
        return None
    bed = draft.get("bed")
    return draft if bed is None or (isinstance(bed, str) and is_unicode(bed)) else None


def set_unreadable_aside(database: sqlite3.Connection, rows: Sequence[int], at: str) -> None:
    """Move rows whose draft cannot be read out of the way of the others. Call it inside a transaction.

    They stay in the table `unreadable` and count as given up undelivered.

    Args:
        database: The spool's database.
        rows: Their numbers, in order.
        at: Wall label.
    """
    database.execute("CREATE TABLE IF NOT EXISTS unreadable (seq INTEGER, set_aside_at TEXT, draft)")
    for row in rows:
        database.execute("INSERT INTO unreadable SELECT seq, ?, draft FROM alerts WHERE seq = ?", (at, row))
        database.execute("DELETE FROM alerts WHERE seq = ?", (row,))
    database.execute(
        "DELETE FROM unreadable WHERE rowid <= (SELECT max(rowid) FROM unreadable) - ?", (_UNREADABLE_KEPT,)
    )
    note_drop(database, at, rows)
    _log.error(
        "%d stored alerts cannot be read and were set aside in the spool's table 'unreadable' (numbers %d to %d); "
        "the others go on",
        *(len(rows), rows[0], rows[-1]),
    )


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS


def _number(meta: Mapping[str, str], key: str, fallback: int) -> int:
    text = meta.get(key, "")
    return int(text) if _is_number(text) else fallback
