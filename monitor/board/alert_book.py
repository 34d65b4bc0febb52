"""The newest record of every alert, open ones apart from past ones, in bounded memory."""

from collections import OrderedDict, deque
from dataclasses import dataclass

from monitor.pain.vocabulary import Signal
from monitor.publish.alert import AlertDraft

__all__ = ["AlertBook", "AlertRecord"]

_PAST_PER_PLACE = 100
_RECORDS = 1_000


@dataclass(frozen=True, slots=True)
class AlertRecord:
    """One record, counted.

    Attributes:
        number: Counts the records of this run of the station from 1.
        alert: The record.
    """

    number: int
    alert: AlertDraft


def is_open(alert: AlertDraft) -> bool:
    """Tell whether people still have something to see or to do: the condition holds, or its signal is latched."""
    return alert.condition_present or alert.signal is not Signal.OFF


class AlertBook:
    """Keeps the newest record of each alert id. Not thread-safe; the board guards it."""

    def __init__(self) -> None:
        self._open: dict[str | None, OrderedDict[str, AlertDraft]] = {}
        self._past: dict[str | None, OrderedDict[str, AlertDraft]] = {}
        self._records: deque[AlertRecord] = deque(maxlen=_RECORDS)
        self._number = 0

    def add(self, bed_id: str | None, alert: AlertDraft) -> None:
        """Take the newest record of an alert; `bed_id` is None for a condition of the whole station."""
        self._number += 1
        self._records.append(AlertRecord(self._number, alert))
        current = self._open.setdefault(bed_id, OrderedDict())
        past = self._past.setdefault(bed_id, OrderedDict())
        if is_open(alert):
            past.pop(alert.alert_id, None)
            current[alert.alert_id] = alert
            # A bed has one open alert a condition; more would be a fault elsewhere, and must not fill the memory.
            while len(current) > _PAST_PER_PLACE:
                current.popitem(last=False)
        else:
            current.pop(alert.alert_id, None)
            past.pop(alert.alert_id, None)
            past[alert.alert_id] = alert
            while len(past) > _PAST_PER_PLACE:
                past.popitem(last=False)

    def forget(self, bed_id: str) -> None:
        """Drop the alerts of a bed that is not watched any more."""
        self._open.pop(bed_id, None)
        self._past.pop(bed_id, None)

    def open_alerts(self, bed_id: str | None) -> tuple[AlertDraft, ...]:
        """Return the open alerts of a place, the one that began last first."""
        return tuple(reversed(self._open.get(bed_id, {}).values()))

    def past_alerts(self, bed_id: str | None) -> tuple[AlertDraft, ...]:
        """Return the alerts of a place that are over and need nobody, the one that ended last first."""
        return tuple(reversed(self._past.get(bed_id, {}).values()))

    @property
    def newest_number(self) -> int:
        """Number of the newest record; 0 before the first."""
        return self._number

    def records_after(self, number: int) -> tuple[AlertRecord, ...]:
        """Return the records that came after a number, oldest first, as far back as they are kept."""
        return tuple(record for record in self._records if record.number > number)
