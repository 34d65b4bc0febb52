"""Every alert from its first record to its newest, open ones apart from past ones, in bounded memory."""

from collections import OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.alerts.record import Acknowledgement, AlertDraft
from monitor.pain.vocabulary import Code, Kind, Phase

__all__ = ["UNDONE_SECONDS", "AlertBook", "AlertEpisode", "AlertRecord"]

UNDONE_SECONDS = 20.0
"""An acknowledgement that is gone so soon after it was given was taken back; later it has lapsed."""

_PER_PLACE = 100
_RECORDS = 1_000
_BOUTS = 200
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class AlertRecord:
    """One record, counted.

    Attributes:
        number: Counts the records of this run of the station from 1.
        alert: The record.
    """

    number: int
    alert: AlertDraft


@dataclass(frozen=True, slots=True)
class AlertEpisode:
    """One alert over time.

    Attributes:
        newest: The newest record: the whole truth about how it stands now.
        reason: The record that declared it, or its last escalation or return: why people were called.
        ended_at: When the condition was declared over; None while it holds.
        acknowledgement: The last one, also where it has lapsed since; not one that was taken back.
    """

    newest: AlertDraft
    reason: AlertDraft
    ended_at: datetime | None
    acknowledgement: Acknowledgement | None

    @property
    def is_open(self) -> bool:
        """Whether people still have something to see or to do: the condition holds, or its signal is latched."""
        return self.newest.is_on


def _go_on(before: AlertEpisode | None, alert: AlertDraft) -> AlertEpisode:
    """Return the episode with its newest record."""
    if before is None:
        ended_at = None if alert.condition_present else alert.determined_at
        return AlertEpisode(alert, alert, ended_at, alert.acknowledgement)
    has_returned = alert.condition_present and not before.newest.condition_present
    is_reason = has_returned or alert.phase in {Phase.START, Phase.ESCALATE}
    ended_at = None if alert.condition_present else before.ended_at or alert.determined_at
    return AlertEpisode(alert, alert if is_reason else before.reason, ended_at, _acknowledgement(before, alert))


def _acknowledgement(before: AlertEpisode, alert: AlertDraft) -> Acknowledgement | None:
    """Return the last acknowledgement that was not taken back."""
    given, former = alert.acknowledgement, before.acknowledgement
    if given is not None or former is None:
        return given
    is_gone = before.newest.acknowledgement is not None and alert.is_on
    was_short = (alert.determined_at - former.at).total_seconds() <= UNDONE_SECONDS
    return None if is_gone and was_short else former


class AlertBook:
    """Keeps an episode for each alert id. Not thread-safe; the board guards it."""

    def __init__(self) -> None:
        self._open: dict[str | None, OrderedDict[str, AlertEpisode]] = {}
        self._past: dict[str | None, OrderedDict[str, AlertEpisode]] = {}
        self._bouts: dict[tuple[str | None, Code], deque[datetime]] = {}
        self._records: deque[AlertRecord] = deque(maxlen=_RECORDS)
        self._number = 0

    def add(self, bed_id: str | None, alert: AlertDraft) -> None:
        """Take the newest record of an alert; `bed_id` is None for a condition of the whole station."""
        self.note(alert)
        current = self._open.setdefault(bed_id, OrderedDict())
        past = self._past.setdefault(bed_id, OrderedDict())
        before = current.get(alert.alert_id) or past.pop(alert.alert_id, None)
        self._count_bouts(bed_id, before, alert)
        episode = _go_on(before, alert)
        if episode.is_open:
            current[alert.alert_id] = episode
        else:
            current.pop(alert.alert_id, None)
            past[alert.alert_id] = episode
        # A bed has one open alert a condition; more would be a fault elsewhere, and must not fill the memory.
        for shelf in (current, past):
            while len(shelf) > _PER_PLACE:
                shelf.popitem(last=False)

    def note(self, alert: AlertDraft) -> None:
        """Take a record for those who read records alone: nobody looks at its bed any more."""
        self._number += 1
        self._records.append(AlertRecord(self._number, alert))

    def load_history(self, bed_id: str | None, alerts: Iterable[AlertDraft]) -> None:
        """Take the records of an earlier run, oldest first; what was not over then is for this run to say.

        They are no news: they are not counted, and no reader of records gets them.
        """
        episodes: OrderedDict[str, AlertEpisode] = OrderedDict()
        for alert in alerts:
            before = episodes.pop(alert.alert_id, None)
            self._count_bouts(bed_id, before, alert)
            episodes[alert.alert_id] = _go_on(before, alert)
        past = self._past.setdefault(bed_id, OrderedDict())
        for alert_id, episode in episodes.items():
            if not episode.is_open and alert_id not in self._open.get(bed_id, {}):
                past[alert_id] = episode
        while len(past) > _PER_PLACE:
            past.popitem(last=False)

    def forget(self, bed_id: str) -> None:
        """Drop the alerts of a bed that is not watched any more."""
        self._open.pop(bed_id, None)
        self._past.pop(bed_id, None)
        self.forget_bouts(bed_id)

    def bouts_within_hour(self, bed_id: str | None, now: datetime) -> int:
        """Return how often pain was declared at a bed within the last hour, returns within an episode included."""
        counts = [sum(now - at <= _HOUR for at in times) for (bed, _), times in self._bouts.items() if bed == bed_id]
        # Sustained pain begins as a sign of pain: the same bout is not counted twice.
        return max(counts, default=0)

    def forget_bouts(self, bed_id: str) -> None:
        """Count the bouts of a bed from nothing: another infant lies there."""
        for key in [key for key in self._bouts if key[0] == bed_id]:
            del self._bouts[key]

    def _count_bouts(self, bed_id: str | None, before: AlertEpisode | None, alert: AlertDraft) -> None:
        if alert.kind is not Kind.PHYSIOLOGICAL:
            return
        new = alert.bouts - (0 if before is None else before.newest.bouts)
        times = self._bouts.setdefault((bed_id, alert.code), deque(maxlen=_BOUTS))
        times.extend([alert.determined_at] * min(new, _BOUTS))

    def open_alerts(self, bed_id: str | None) -> tuple[AlertEpisode, ...]:
        """Return the open alerts of a bed, the one that began last first."""
        return tuple(reversed(self._open.get(bed_id, {}).values()))

    def past_alerts(self, bed_id: str | None) -> tuple[AlertEpisode, ...]:
        """Return the alerts of a bed that are over and need nobody, the one that ended last first."""
        return tuple(reversed(self._past.get(bed_id, {}).values()))

    def find(self, alert_id: str) -> AlertEpisode | None:
        """Return an alert by its id, None where it is not known."""
        for shelf in (*self._open.values(), *self._past.values()):
            if alert_id in shelf:
                return shelf[alert_id]
        return None

    @property
    def newest_number(self) -> int:
        """Number of the newest record; 0 before the first."""
        return self._number

    def records_after(self, number: int) -> tuple[AlertRecord, ...]:
        """Return the records that came after a number, oldest first, as far back as they are stored."""
        return tuple(record for record in self._records if record.number > number)
