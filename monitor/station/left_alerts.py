"""Alerts of an earlier run that nobody would ever end: their bed left the configuration, or their state is lost."""

from collections.abc import Collection, Iterable
from datetime import datetime

from monitor.alerts.record import AlertDraft
from monitor.pain.vocabulary import Phase, Signal, Validity

__all__ = ["end_left_alerts"]

_REMOVED = "Bed {bed} left the configuration: this station does not watch it any more."
_LOST = "The alarm state of the last run could not be read; what still holds is raised again."


def end_left_alerts(
    newest: Iterable[AlertDraft], restored: Collection[str], beds: Collection[str], now: datetime
) -> list[AlertDraft]:
    """Return the ends of alerts that an earlier run left on and this one knows nothing of.

    Args:
        newest: The newest stored record of every alert.
        restored: Ids of the alerts with which this run goes on.
        beds: The beds that are watched.
        now: Wall label.

    Returns:
        One record an alert. The end is no statement about the infant, hence questionable.
    """
    ends = []
    for draft in newest:
        is_on = draft.condition_present or draft.signal is not Signal.OFF
        if not is_on or draft.alert_id in restored:
            continue
        is_removed = draft.bed is not None and draft.bed not in beds
        changes = {
            "phase": Phase.END,
            "condition_present": False,
            "signal": Signal.OFF,
            "validity": Validity.QUESTIONABLE,
            "determined_at": max(now, draft.determined_at),
            "detail": _REMOVED.format(bed=draft.bed) if is_removed else _LOST,
            "remedy": "See for yourself how the infant is." if draft.bed is not None else "Nothing needs to be done.",
        }
        ends.append(draft.model_copy(update=changes))
    return ends
