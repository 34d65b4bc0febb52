"""What was with a bed over a shift: episodes, how long signs were seen, how long nothing was, who saw it and when."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from monitor.board.alert_book import UNDONE_SECONDS
from monitor.history.entries import ActionEntry, AlertEntry, moment_of
from monitor.history.reader import HistoryReader
from monitor.history.samples import SAMPLE_SECONDS, UNWATCHED, WITH_SIGNS
from monitor.pain.vocabulary import Code, Kind, Phase

__all__ = ["BedHandover", "Episode", "bed_handover", "episodes_of"]

_BEFORE_SECONDS = 0.001
"""An episode whose end is not recorded was over so long before the next one at the latest."""
_PAIN = frozenset({Code.PAIN_SIGN, Code.PAIN_SUSTAINED})
_OF_PEOPLE = frozenset({Code.BED_EMPTY, Code.BED_STANDBY, Code.PROCEDURE})


@dataclass(frozen=True, slots=True)
class Episode:
    """One alert, or pain from its first sign to its end, from begin to end.

    Attributes:
        code: The condition; sustained pain where it came to that.
        kind: Of the patient or of the equipment.
        began_at: When the condition began to hold.
        called_at: When it was declared, and people were called.
        ended_at: When it was declared over, or when the next one began where that was never recorded; None while it
            holds.
        bouts: How often it was declared.
        acknowledged_by: Who acknowledged it first; None where nobody has.
        acknowledged_at: When; None where nobody has.
        detail: One sentence on what was seen.
    """

    code: Code
    kind: Kind
    began_at: datetime
    called_at: datetime
    ended_at: datetime | None
    bouts: int
    acknowledged_by: str | None
    acknowledged_at: datetime | None
    detail: str

    @property
    def is_pain(self) -> bool:
        """Whether it is the patient's pain."""
        return self.code in _PAIN

    @property
    def answer_seconds(self) -> float | None:
        """How long it took until somebody acknowledged it; None where nobody has."""
        if self.acknowledged_at is None:
            return None
        return max(0.0, (self.acknowledged_at - self.called_at).total_seconds())


@dataclass(frozen=True, slots=True)
class BedHandover:
    """One bed over a stretch of time.

    Attributes:
        bed: Which bed.
        since: Begin of the stretch.
        until: Its end.
        pain: Episodes of pain, oldest first.
        technical: Episodes of conditions of the equipment, oldest first.
        actions: What people asked, oldest first.
        signs_seconds: How long a pain alarm was on.
        not_seen_seconds: How long the face could not be assessed.
        unwatched_seconds: How long people had said that pain is not watched: stand-by, or an empty bed.
        unrecorded_seconds: How long there is no record at all: the station did not run, or the bed was elsewhere.
    """

    bed: str
    since: datetime
    until: datetime
    pain: tuple[Episode, ...]
    technical: tuple[Episode, ...]
    actions: tuple[ActionEntry, ...]
    signs_seconds: float
    not_seen_seconds: float
    unwatched_seconds: float
    unrecorded_seconds: float


def bed_handover(history: HistoryReader, bed: str, since: datetime, until: datetime) -> BedHandover:
    """Return what was with a bed between two moments.

    Raises:
        HistoryError: The record cannot be read.
    """
    samples = history.samples(bed, since, until)
    episodes = episodes_of(history.alerts(bed, since, until))
    recorded_seconds = len(samples) * SAMPLE_SECONDS
    return BedHandover(
        bed=bed,
        since=since,
        until=until,
        pain=tuple(episode for episode in episodes if episode.is_pain),
        technical=tuple(one for one in episodes if not one.is_pain and one.code not in _OF_PEOPLE),
        actions=tuple(history.actions(bed, since, until)),
        signs_seconds=float(samples.is_any(WITH_SIGNS).sum() * SAMPLE_SECONDS),
        not_seen_seconds=float(samples.is_not_seen().sum() * SAMPLE_SECONDS),
        unwatched_seconds=float(samples.is_any(UNWATCHED).sum() * SAMPLE_SECONDS),
        unrecorded_seconds=max(0.0, (until - since).total_seconds() - recorded_seconds),
    )


def episodes_of(entries: Iterable[AlertEntry]) -> list[Episode]:
    """Return the episodes that records describe, oldest first; a sign of pain that became sustained is one episode.

    Args:
        entries: Of one bed, oldest first.
    """
    by_id: dict[str, list[AlertEntry]] = {}
    is_open: dict[str, Code] = {}
    lost_ends: dict[str, float] = {}
    for entry in entries:
        name = entry.alert_id
        if entry.phase is Phase.START and name not in by_id:
            # A sign of pain begins where there is no pain: the sustained pain before it is over, too.
            codes = _PAIN if entry.code is Code.PAIN_SIGN else {entry.code}
            for other in [other for other, code in is_open.items() if code in codes]:
                del is_open[other]
                lost_ends[other] = entry.onset_seconds - _BEFORE_SECONDS
        by_id.setdefault(name, []).append(entry)
        lost_ends.pop(name, None)  # it went on after all
        if entry.is_present:
            is_open[name] = entry.code
        else:
            is_open.pop(name, None)
    episodes = sorted(
        (_episode(records, lost_ends.get(name)) for name, records in by_id.items()), key=lambda one: one.began_at
    )
    merged: list[Episode] = []
    for episode in episodes:
        before = next((one for one in reversed(merged) if one.is_pain), None) if episode.is_pain else None
        if before is not None and (before.ended_at is None or episode.began_at <= before.ended_at):
            merged[merged.index(before)] = _joined(before, episode)
        else:
            merged.append(episode)
    return merged


def _episode(records: Sequence[AlertEntry], lost_end: float | None) -> Episode:
    """Return the episode of one alert; `lost_end` is when it was over at the latest where no record says when."""
    first, last = records[0], records[-1]
    began = min(record.onset_seconds for record in records)
    ended: float | None = None
    by: str | None = None
    given: float | None = None
    for record in records:
        ended = None if record.is_present else ended or record.at_seconds
        if record.by is not None and given is None:
            by, given = record.by, record.acknowledged_seconds
        elif record.by is None and given is not None and record.at_seconds - given <= UNDONE_SECONDS:
            by = given = None
    if ended is None and lost_end is not None:
        ended = max(began, lost_end)
    return Episode(
        code=first.code,
        kind=first.kind,
        began_at=moment_of(began),
        called_at=moment_of(first.at_seconds),
        ended_at=None if ended is None else moment_of(ended),
        bouts=max(record.bouts for record in records),
        acknowledged_by=by,
        acknowledged_at=None if given is None else moment_of(given),
        detail=last.detail,
    )


def _joined(one: Episode, other: Episode) -> Episode:
    worse = one if one.code is Code.PAIN_SUSTAINED else other
    given = [item for item in (one, other) if item.acknowledged_at is not None]
    first = min(given, key=_acknowledged) if given else None
    ends = [item.ended_at for item in (one, other)]
    return Episode(
        code=worse.code,
        kind=one.kind,
        began_at=min(one.began_at, other.began_at),
        called_at=min(one.called_at, other.called_at),
        ended_at=None if None in ends else max(end for end in ends if end is not None),
        bouts=max(one.bouts, other.bouts),
        acknowledged_by=None if first is None else first.acknowledged_by,
        acknowledged_at=None if first is None else first.acknowledged_at,
        detail=worse.detail,
    )


def _acknowledged(episode: Episode) -> datetime:
    return episode.acknowledged_at or episode.began_at
