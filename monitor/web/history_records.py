"""The API's records of days past."""

import json
import math
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from monitor.alerts.record import UtcTime
from monitor.history.entries import ActionEntry, moment_of
from monitor.history.handover import BedHandover, Episode
from monitor.history.samples import SampleSeries
from monitor.pain.vocabulary import Code, Kind
from monitor.web.records import HistoryRecord

__all__ = [
    "ActionRecordOut",
    "BedHandoverRecord",
    "EpisodeRecord",
    "HandoverRecord",
    "handover_record",
    "series_records",
]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)


class EpisodeRecord(_Record):
    """One alert from begin to end; a sign of pain that became sustained is one episode.

    Attributes:
        code: The condition; the worst that it came to.
        kind: `physiological` or `technical`.
        began_at: When the condition began to hold.
        called_at: When it was declared.
        ended_at: When it was declared over; null while it holds.
        bouts: How often it was declared.
        acknowledged_by: Who acknowledged it first; null where nobody has.
        acknowledged_at: When.
        answer_seconds: From the declaration to that.
        detail: One sentence on what was seen.
    """

    code: Code
    kind: Kind
    began_at: UtcTime
    called_at: UtcTime
    ended_at: UtcTime | None
    bouts: int
    acknowledged_by: str | None
    acknowledged_at: UtcTime | None
    answer_seconds: float | None
    detail: str


class ActionRecordOut(_Record):
    """What somebody asked of the station: `admit`, `discharge`, `standby`, `pause`, `resume`, `procedure`."""

    at: UtcTime
    action: str
    by: str
    details: dict[str, Any]


class BedHandoverRecord(_Record):
    """One bed over the stretch of time. Minutes have one digit after the point.

    Attributes:
        bed: Which bed.
        pain: Episodes of pain, oldest first.
        technical: Episodes of conditions of the equipment, oldest first.
        actions: What people asked, oldest first.
        minutes_with_signs: How long a pain alarm was on.
        minutes_not_seen: How long the face could not be assessed. It must never be read as time without pain.
        minutes_unwatched: How long the bed was empty or on stand-by.
        minutes_unrecorded: How long nothing was recorded: the station did not run, or another one had the bed.
    """

    bed: str
    pain: list[EpisodeRecord]
    technical: list[EpisodeRecord]
    actions: list[ActionRecordOut]
    minutes_with_signs: float
    minutes_not_seen: float
    minutes_unwatched: float
    minutes_unrecorded: float


class HandoverRecord(_Record):
    """What was with the beds of a station between two moments; `notice` is to be shown wherever its data is."""

    station: str
    notice: str = "Research software. Not a medical device. No alert does not mean no pain."
    since: UtcTime
    until: UtcTime
    beds: list[BedHandoverRecord]


def series_records(series: SampleSeries) -> list[HistoryRecord]:
    """Return samples as the API has them."""
    records = []
    for index in range(len(series)):
        level, coverage, state = float(series.level[index]), float(series.coverage[index]), series.state_at(index)
        records.append(
            HistoryRecord(
                at=moment_of(float(series.seconds[index])),
                # What is no number is not equal to itself.
                level=None if math.isnan(level) else round(level, 3),
                coverage=0.0 if math.isnan(coverage) else round(coverage, 3),
                state=None if state is None else state.value,
            )
        )
    return records


def handover_record(station: str, since: datetime, until: datetime, beds: list[BedHandover]) -> HandoverRecord:
    """Return the summary of a shift."""
    return HandoverRecord(station=station, since=since, until=until, beds=[_bed(bed) for bed in beds])


def _bed(bed: BedHandover) -> BedHandoverRecord:
    return BedHandoverRecord(
        bed=bed.bed,
        pain=[_episode(episode) for episode in bed.pain],
        technical=[_episode(episode) for episode in bed.technical],
        actions=[_action(action) for action in bed.actions],
        minutes_with_signs=round(bed.signs_seconds / 60, 1),
        minutes_not_seen=round(bed.not_seen_seconds / 60, 1),
        minutes_unwatched=round(bed.unwatched_seconds / 60, 1),
        minutes_unrecorded=round(bed.unrecorded_seconds / 60, 1),
    )


def _episode(episode: Episode) -> EpisodeRecord:
    answer = episode.answer_seconds
    return EpisodeRecord(
        code=episode.code,
        kind=episode.kind,
        began_at=episode.began_at,
        called_at=episode.called_at,
        ended_at=episode.ended_at,
        bouts=episode.bouts,
        acknowledged_by=episode.acknowledged_by,
        acknowledged_at=episode.acknowledged_at,
        answer_seconds=None if answer is None else round(answer, 1),
        detail=episode.detail,
    )


def _action(entry: ActionEntry) -> ActionRecordOut:
    return ActionRecordOut(
        at=moment_of(entry.at_seconds), action=entry.action, by=entry.by, details=json.loads(entry.details)
    )
