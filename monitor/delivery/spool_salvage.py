"""What can still be read from a damaged spool: alerts that Redis may not have, and the alarm state."""

import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

from monitor.alerts.record import AlertDraft
from monitor.delivery.spool_file import decode_text, is_unicode, readable_snapshots
from monitor.delivery.spool_meta import CLAIMED

__all__ = ["Salvage", "salvage"]


@dataclass(slots=True)
class Salvage:
    """What was saved.

    Attributes:
        drafts: Alerts that were not marked as delivered, in order.
        snapshots: Alarm state by bed.
        claimed: The note of alerts that were being sent from memory; empty where there is none.
    """

    drafts: list[AlertDraft] = field(default_factory=list)
    snapshots: dict[str, str] = field(default_factory=dict)
    claimed: str = ""


def salvage(path: Path) -> Salvage:
    """Read a damaged database as far as it goes; never raises on what it finds there."""
    saved = Salvage()
    with suppress(sqlite3.Error), closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        database.text_factory = decode_text
        delivered = 0
        with suppress(sqlite3.Error, ValueError):
            row = database.execute("SELECT value FROM meta WHERE key = 'delivered_seq'").fetchone()
            delivered = int(row[0]) if row else 0
        with suppress(sqlite3.Error):
            row = database.execute("SELECT value FROM meta WHERE key = ?", (CLAIMED,)).fetchone()
            saved.claimed = row[0] if row and is_unicode(row[0]) else ""
        with suppress(sqlite3.Error):
            saved.snapshots.update(readable_snapshots(database.execute("SELECT bed, body FROM snapshots")))
        with suppress(sqlite3.Error):
            # Without an index, which may be what is damaged; each row that can be read counts.
            for (text,) in database.execute(
                "SELECT draft FROM alerts NOT INDEXED WHERE seq > ? ORDER BY seq", (delivered,)
            ):
                with suppress(ValueError):
                    saved.drafts.append(AlertDraft.model_validate_json(text))
    return saved
