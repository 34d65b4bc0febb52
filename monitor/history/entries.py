"""What the history keeps of alerts and of what people asked."""

from dataclasses import dataclass
from datetime import UTC, datetime

from monitor.alerts.record import AlertDraft
from monitor.pain.vocabulary import Code, Kind, Phase, Priority, Signal

__all__ = ["ActionEntry", "AlertEntry", "entry_of", "moment_of"]


def moment_of(seconds: float) -> datetime:
    """Return a moment that is stored as seconds since 1970."""
    return datetime.fromtimestamp(seconds, UTC)


@dataclass(frozen=True, slots=True)
class AlertEntry:
    """One record of an alert, without its evidence. Times are seconds since 1970 (UTC).

    Attributes:
        bed: Which bed; an empty text for a condition of the whole station.
        at_seconds: When the change was declared.
        alert_id: Stable from the condition's start to its end.
        code: Which condition.
        kind: Of the patient or of the equipment.
        phase: Which change.
        priority: Urgency from then on.
        is_present: Whether the condition held from then on.
        signal: How it was signalled from then on.
        onset_seconds: When the condition began to hold.
        bouts: How often it was declared within this episode.
        by: Who had acknowledged it; None where nobody had.
        acknowledged_seconds: When; None where nobody had.
        detail: One sentence on what was seen.
    """

    bed: str
    at_seconds: float
    alert_id: str
    code: Code
    kind: Kind
    phase: Phase
    priority: Priority
    is_present: bool
    signal: Signal
    onset_seconds: float
    bouts: int
    by: str | None
    acknowledged_seconds: float | None
    detail: str


@dataclass(frozen=True, slots=True)
class ActionEntry:
    """Something that a person asked of the station, and that changed something.

    Attributes:
        bed: Which bed; an empty text for the whole station, or where the request names an alert.
        at_seconds: When, in seconds since 1970 (UTC).
        action: One word: `admit`, `discharge`, `standby`, `pause`, `resume`, `acknowledge`, `withdraw`, `procedure`,
            `undo`.
        by: Who.
        details: What was asked besides, as JSON text.
    """

    bed: str
    at_seconds: float
    action: str
    by: str
    details: str


def entry_of(alert: AlertDraft) -> AlertEntry:
    """Return what is kept of a record."""
    given = alert.acknowledgement
    return AlertEntry(
        bed=alert.bed or "",
        at_seconds=alert.determined_at.timestamp(),
        alert_id=alert.alert_id,
        code=alert.code,
        kind=alert.kind,
        phase=alert.phase,
        priority=alert.priority,
        is_present=alert.condition_present,
        signal=alert.signal,
        onset_seconds=alert.onset_at.timestamp(),
        bouts=alert.bouts,
        by=None if given is None else given.by,
        acknowledged_seconds=None if given is None else given.at.timestamp(),
        detail=alert.detail,
    )
