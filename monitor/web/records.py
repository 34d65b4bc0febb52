"""The API's records: what a program reads instead of looking at the page."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from monitor.alerts.record import Acknowledgement, ActionRecord, AlertDraft, AlertEvidence, UtcTime
from monitor.board import AlertEpisode, BedSnapshot, BoardSnapshot
from monitor.pain.vocabulary import Occupancy, Region, Validity
from monitor.video.status import CameraState

__all__ = [
    "OBSERVATION_SCHEMA",
    "AlertRecordOut",
    "BedRecord",
    "CameraRecord",
    "HistoryRecord",
    "ObservationRecord",
    "OccupancyRecord",
    "PauseRecord",
    "StationRecord",
    "alert_record",
    "bed_record",
    "history_record",
    "observation_json_schema",
    "observation_record",
    "station_record",
]

OBSERVATION_SCHEMA: Literal["nicu-pain-monitor/observation/1"] = "nicu-pain-monitor/observation/1"
"""Goes up with every change that an existing reader could misread."""

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Seconds = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]


class _Record(BaseModel):
    model_config = ConfigDict(
        frozen=True, serialize_by_alias=True, validate_by_name=True, json_schema_serialization_defaults_required=True
    )


class ObservationRecord(_Record):
    """What one bed shows now.

    Attributes:
        schema_version: JSON key `schema`.
        station: Id of the daemon; on the page of a ward that of the bed's, and empty where none is known.
        bed: Pseudonymous id of the patient bed.
        camera: Id of the video source.
        generation_mode: Where the pictures come from; null while it is not known.
        observed_at: When the newest picture was analysed; null before the first.
        age_seconds: Time since then when this record was made; null before the first.
        state: `pain_sustained`, `pain_sign`, `pain_latched`, `camera_lost`, `cannot_see`, `starting`, `level_raised`,
            `no_sign`, `standby` or `empty`.
        words: The state as people read it.
        detail: One sentence, or an empty text.
        can_see: Whether the face can be assessed now. False must never be read as "no pain".
        score: The newest picture's pain score; null where it has none.
        level: Score smoothed for alarms; null while it cannot be determined.
        display_level: Score smoothed less, for people; null while it cannot be determined.
        coverage: Share of the last window with a usable face.
        on_share: Share of the last window at or above the threshold; null while the level cannot be determined.
        validity: How far `level` can be trusted; `invalid` must never be read as "no pain".
        seconds_since_face: Time since the last usable face; null before the first.
        occupancy: Who lies there, as people say: `occupied`, `standby` or `empty`.
        hidden: Regions that the score rests on and that the newest picture does not show: `eyes`, `mouth`.
        actions: Facial actions now and over the last 30 s; empty where too little was measured.
    """

    schema_version: Literal["nicu-pain-monitor/observation/1"] = Field(default=OBSERVATION_SCHEMA, alias="schema")
    station: str
    bed: str
    camera: str
    generation_mode: str | None
    observed_at: UtcTime | None
    age_seconds: Seconds | None
    state: str
    words: str
    detail: str
    can_see: bool
    score: Share | None
    level: Share | None
    display_level: Share | None
    coverage: Share
    on_share: Share | None
    validity: Validity
    seconds_since_face: Seconds | None
    occupancy: Occupancy = Occupancy.OCCUPIED
    hidden: tuple[Region, ...] = ()
    actions: tuple[ActionRecord, ...] = ()


class AlertRecordOut(_Record):
    """An alert over time.

    Attributes:
        alert: Its newest record; on Redis it has its producer, sequence number and sending time besides.
        why: The evidence on which people were called; null for technical conditions.
        ended_at: When the condition was declared over; null while it holds.
        acknowledgement: The last one, also where it has lapsed since.
        is_open: Whether people still have something to see or to do.
    """

    alert: AlertDraft
    why: AlertEvidence | None
    ended_at: UtcTime | None
    acknowledgement: Acknowledgement | None
    is_open: bool


class CameraRecord(_Record):
    """A camera; `seconds_since_frame` is null before its first picture."""

    state: CameraState
    seconds_since_frame: Seconds | None
    frames_per_second: float | None
    size_px: tuple[int, int] | None
    reconnects: int


class PauseRecord(_Record):
    """Who silenced a bed, and how long that still lasts."""

    by: str
    seconds_left: Seconds


class OccupancyRecord(_Record):
    """Who lies in a bed, as people say.

    Attributes:
        state: `occupied`, `standby` or `empty`.
        by: Who said so; null where nobody has, and the bed counts as occupied.
        since: When; null where nobody has.
        infant: Pseudonym of the infant; null where none was given.
        reason: Why the bed is on stand-by; may be empty.
        seconds_left: Until the stand-by ends by itself at the latest; null unless on stand-by.
        until_face: Whether the stand-by ends, too, when a face returns.
    """

    state: Occupancy
    by: str | None
    since: UtcTime | None
    infant: str | None
    reason: str
    seconds_left: Seconds | None
    until_face: bool


class BedRecord(_Record):
    """A bed: what it shows now, open alerts, pause, occupancy, camera. `rank` orders by urgency, lowest first."""

    observation: ObservationRecord
    rank: int
    open_alerts: list[AlertRecordOut]
    pause: PauseRecord | None
    occupancy: OccupancyRecord
    camera: CameraRecord | None


class HistoryRecord(_Record):
    """Two seconds of a bed: the highest level within them, null where it could not be determined, and the coverage.

    `state` is what the bed showed then, for stretches that the disk holds; null in the last ten minutes.
    """

    at: UtcTime
    level: Share | None
    coverage: Share
    state: str | None = None


class StationRecord(_Record):
    """The station's technical state; null is not known. `notice` is to be shown to people wherever its data is."""

    station: str
    version: str | None
    notice: str = "Research software. Not a medical device. No alert does not mean no pain."
    at: UtcTime
    generation_mode: str | None
    model_generation: str | None
    detector: str | None
    classifier: str | None
    engine: str | None
    workers: int | None
    workers_wanted: int | None
    frames_per_second: float | None
    publisher_backlog: int | None
    redis_up: bool | None
    clock_synchronised: bool | None
    config_hash: str | None
    beds: int
    beds_seen: int
    open_alerts: list[AlertRecordOut]


def observation_json_schema() -> dict[str, Any]:
    """Return the JSON schema of an observation (configs/schemas/observation.schema.json is this, written down)."""
    schema = ObservationRecord.model_json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": OBSERVATION_SCHEMA, **schema}


def _share(value: float | None) -> float | None:
    """Return a share with three digits; what is no number in [0, 1] is not known."""
    return round(value, 3) if value is not None and 0.0 <= value <= 1.0 else None


def _seconds(value: float | None) -> float | None:
    return None if value is None else round(max(0.0, value), 3)


def observation_record(bed: BedSnapshot, snapshot: BoardSnapshot, station_id: str) -> ObservationRecord:
    """Return what a bed shows."""
    seen = bed.observation
    return ObservationRecord(
        station=station_id if bed.info.station is None else bed.info.station,
        bed=bed.info.bed_id,
        camera=bed.info.camera_id,
        generation_mode=None if snapshot.station is None else snapshot.station.generation_mode,
        observed_at=bed.observed_at,
        age_seconds=_seconds(bed.observation_age_seconds),
        state=bed.status.state.value,
        words=bed.status.words,
        detail=bed.status.detail,
        can_see=bed.status.can_see,
        score=None if seen is None else _share(seen.score),
        level=None if seen is None else _share(seen.level),
        display_level=None if seen is None else _share(seen.display_level),
        coverage=0.0 if seen is None else _share(seen.coverage) or 0.0,
        on_share=None if seen is None else _share(seen.on_share),
        validity=Validity.INVALID if seen is None else seen.validity,
        seconds_since_face=_seconds(bed.seconds_since_face),
        occupancy=bed.occupancy.state,
        hidden=() if seen is None else seen.hidden,
        actions=() if seen is None else tuple(ActionRecord.of(reading) for reading in seen.actions),
    )


def alert_record(episode: AlertEpisode) -> AlertRecordOut:
    """Return an alert over time."""
    return AlertRecordOut(
        alert=episode.newest,
        why=episode.reason.evidence,
        ended_at=episode.ended_at,
        acknowledgement=episode.acknowledgement,
        is_open=episode.is_open,
    )


def _occupancy_record(bed: BedSnapshot, snapshot: BoardSnapshot) -> OccupancyRecord:
    now = bed.occupancy
    since = None
    if now.since_seconds is not None:
        since = snapshot.taken_at - timedelta(seconds=snapshot.taken_seconds - now.since_seconds)
    return OccupancyRecord(
        state=now.state,
        by=now.by,
        since=since,
        infant=now.infant,
        reason=now.reason,
        seconds_left=None if now.until_seconds is None else _seconds(now.until_seconds - snapshot.taken_seconds),
        until_face=now.until_face,
    )


def bed_record(bed: BedSnapshot, snapshot: BoardSnapshot, station_id: str) -> BedRecord:
    """Return a bed with its open alerts and its camera."""
    camera = bed.camera
    return BedRecord(
        observation=observation_record(bed, snapshot, station_id),
        rank=bed.status.rank,
        open_alerts=[alert_record(episode) for episode in bed.open_alerts],
        pause=None
        if bed.pause is None
        else PauseRecord(by=bed.pause.by, seconds_left=max(0.0, bed.pause.until_seconds - snapshot.taken_seconds)),
        occupancy=_occupancy_record(bed, snapshot),
        camera=None
        if camera is None
        else CameraRecord(
            state=camera.state,
            seconds_since_frame=_seconds(camera.seconds_since_frame),
            frames_per_second=camera.frames_per_second,
            size_px=camera.size_px,
            reconnects=camera.reconnects,
        ),
    )


def history_record(bed: BedSnapshot, snapshot: BoardSnapshot) -> list[HistoryRecord]:
    """Return the last ten minutes of a bed, oldest first."""

    def label(time_seconds: float) -> datetime:
        return snapshot.taken_at - timedelta(seconds=snapshot.taken_seconds - time_seconds)

    return [
        HistoryRecord(at=label(point.time_seconds), level=_share(point.level), coverage=_share(point.coverage) or 0.0)
        for point in bed.history
    ]


def station_record(snapshot: BoardSnapshot, station_id: str) -> StationRecord:
    """Return the station's technical state."""
    facts = snapshot.station
    names = (
        "version", "generation_mode", "model_generation", "detector", "classifier", "engine", "workers",
        "workers_wanted", "frames_per_second", "publisher_backlog", "redis_up", "clock_synchronised", "config_hash",
    )  # fmt: skip
    known: dict[str, Any] = {name: getattr(facts, name, None) for name in names}
    return StationRecord(
        station=station_id,
        at=snapshot.taken_at,
        beds=len(snapshot.beds),
        beds_seen=sum(bed.status.can_see for bed in snapshot.beds),
        open_alerts=[alert_record(episode) for episode in snapshot.open_alerts],
        **known,
    )
