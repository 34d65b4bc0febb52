"""The alert: one record of one change of an alarm condition, and its JSON form.

An alert is made in two steps. `compose_alert` turns a transition of the alarm logic into a draft, with every time as a
label of the wall clock. The spool gives the draft its producer and its sequence number; the publisher adds the time at
which it leaves. The JSON text of a published alert never changes afterwards, so that a duplicate is a true copy.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
    WithJsonSchema,
)

from monitor.clock import Clock
from monitor.pain.vocabulary import (
    ActionReading,
    AlarmEvidence,
    Code,
    FaceAction,
    Kind,
    Phase,
    Priority,
    Signal,
    Transition,
    Validity,
)

__all__ = [
    "SCHEMA",
    "Acknowledgement",
    "ActionRecord",
    "Alert",
    "AlertBout",
    "AlertContext",
    "AlertDraft",
    "AlertEvidence",
    "AlertModel",
    "ClockState",
    "GenerationMode",
    "UtcTime",
    "alert_json_schema",
    "alert_of_entry",
    "compose_alert",
    "format_time",
]

SCHEMA: Literal["nicu-pain-monitor/alert/1"] = "nicu-pain-monitor/alert/1"
"""Goes up with every change that an existing reader could misread."""


class GenerationMode(StrEnum):
    """Where the pictures came from."""

    REAL = "real"
    REPLAY = "replay"
    DEMO = "demo"
    TEST = "test"


class ClockState(StrEnum):
    """Whether the wall clock that labels the times is disciplined by a time service."""

    SYNCHRONISED = "synchronised"
    UNSYNCHRONISED = "unsynchronised"
    UNKNOWN = "unknown"


def format_time(time: datetime) -> str:
    """Return an RFC 3339 label in UTC with milliseconds: `2026-01-31T23:59:59.123Z`."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _to_milliseconds(time: datetime) -> datetime:
    """Cut to what the JSON form carries, so that a record equals its own copy read back."""
    utc = time.astimezone(UTC)
    return utc.replace(microsecond=utc.microsecond // 1000 * 1000)


UtcTime = Annotated[
    AwareDatetime,
    AfterValidator(_to_milliseconds),
    PlainSerializer(format_time, when_used="json", return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Record(BaseModel):
    # A reader ignores fields that it does not know, so that a later version may add some under the same schema.
    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
        json_schema_serialization_defaults_required=True,
    )


class Acknowledgement(_Record):
    """Who silenced the signal of a condition, and when."""

    by: Annotated[str, Field(min_length=1, max_length=128)]
    at: UtcTime


class ActionRecord(_Record):
    """One facial action of the patient.

    Attributes:
        action: `eyes_squeezed`, `brow_lowered`, `furrow_deepened`, `mouth_open` or `mouth_stretched`.
        now: In [0, 1], from the face at rest to the strongest, on the newest picture; null where it shows no such face.
        share: Share in [0, 1] of the measured time of the window in which it was seen.
        pipp_r: Points from 0 to 3 of the PIPP-R item, by the share; null where PIPP-R has no such item.
    """

    action: FaceAction
    now: Share | None
    share: Share
    pipp_r: Annotated[int, Field(ge=0, le=3)] | None

    @classmethod
    def of(cls, reading: ActionReading) -> "ActionRecord":
        """Return the record of a reading."""
        now = None if reading.now is None else round(reading.now, 3)
        return cls(action=reading.action, now=now, share=round(reading.share, 3), pipp_r=reading.pipp_r)


class AlertEvidence(_Record):
    """Why a physiological condition changed.

    Attributes:
        level: Smoothed level in [0, 1]; null where it cannot be determined.
        share_of_window: Share in [0, 1] of the window at or above the threshold.
        coverage: Share in [0, 1] of the window with a usable patient face.
        frames_used: Usable frames within the window.
        actions: Facial actions at the change and over the window; empty where too little was measured.
    """

    level: Share | None
    share_of_window: Share
    coverage: Share
    frames_used: Annotated[int, Field(ge=0)]
    actions: tuple[ActionRecord, ...] = ()


class AlertBout(_Record):
    """One declaration of pain within an episode: when it began to hold, and what it rested on."""

    onset_at: UtcTime
    evidence: AlertEvidence


class AlertModel(_Record):
    """The model that the evidence comes from."""

    name: Annotated[str, Field(min_length=1, max_length=128)]
    sha256: Sha256


class AlertDraft(_Record):
    """Everything about an alert that is known when the alarm logic speaks.

    Attributes:
        schema_version: JSON key `schema`.
        alert_id: Stable from the condition's start to its end.
        phase: Which change this record reports.
        kind: Of the patient (`physiological`) or of the equipment (`technical`).
        code: Which condition.
        priority: Urgency from now on.
        condition_present: Whether the condition holds now.
        signal: How it is signalled to people from now on.
        acknowledgement: Who silenced it and when; null where nobody did.
        onset_at: When the condition began to hold.
        determined_at: When the rules declared the change.
        clock_state: Whether the clock behind these labels was synchronised.
        condition_delay_seconds: From onset to determination, on monotonic time.
        station: Id of the daemon.
        bed: Pseudonymous id of the patient bed; null for a condition of the whole station.
        camera: Id of the video source; null for a condition of the whole station.
        evidence: What it rests on; null for technical conditions.
        validity: How far it can be trusted. `invalid` must never be read as "no pain".
        generation_mode: Where the pictures came from.
        model: The model that was running; null where none was.
        config_hash: SHA-256 of the configuration in force, without its secrets.
        detail: One sentence: what was seen.
        remedy: One sentence: what to do.
        needs_person: No face can end it any more: it stays until a person acknowledges it.
        bouts: How often the condition was declared within this episode; 1 but for pain that came back.
        recent_bouts: The newest eight of them with their evidence, oldest first; empty for technical conditions.
    """

    schema_version: Literal["nicu-pain-monitor/alert/1"] = Field(default=SCHEMA, alias="schema")
    alert_id: Annotated[str, Field(min_length=1, max_length=128)]
    phase: Phase
    kind: Kind
    code: Code
    priority: Priority
    condition_present: bool
    signal: Signal
    acknowledgement: Acknowledgement | None
    onset_at: UtcTime
    determined_at: UtcTime
    clock_state: ClockState
    condition_delay_seconds: Annotated[float, Field(ge=0.0, allow_inf_nan=False)]
    station: Annotated[str, Field(min_length=1, max_length=63)]
    bed: Annotated[str, Field(min_length=1, max_length=63)] | None
    camera: Annotated[str, Field(min_length=1, max_length=80)] | None
    evidence: AlertEvidence | None
    validity: Validity
    generation_mode: GenerationMode
    model: AlertModel | None
    config_hash: Sha256
    detail: Annotated[str, Field(max_length=1000)]
    remedy: Annotated[str, Field(max_length=1000)]
    needs_person: bool = False
    bouts: Annotated[int, Field(ge=1)] = 1
    recent_bouts: tuple[AlertBout, ...] = ()

    @property
    def is_on(self) -> bool:
        """Whether the condition holds, or nobody has acknowledged yet that it did."""
        return self.condition_present or self.signal is not Signal.OFF


class Alert(AlertDraft):
    """A published alert.

    Attributes:
        producer_id: Names the spool that numbered it; stable across restarts of the station.
        seq: Counts the producer's alerts from 1. A gap means that records are missing.
        published_at: When it was first sent.
    """

    producer_id: Annotated[str, Field(min_length=1, max_length=128)]
    seq: Annotated[int, Field(ge=1)]
    published_at: UtcTime


@dataclass(frozen=True, slots=True)
class AlertContext:
    """What the alarm logic does not know about an alert.

    Attributes:
        station: Id of the daemon.
        bed: Bed id; None for a condition of the whole station.
        camera: Camera id; None for a condition of the whole station.
        generation_mode: Where the pictures come from.
        model: Name and SHA-256 of the running classifier, None where there is none.
        config_hash: 64 hexadecimal digits.
        clock_state: Whether the wall clock is synchronised.
    """

    station: str
    bed: str | None
    camera: str | None
    generation_mode: GenerationMode
    model: AlertModel | None
    config_hash: str
    clock_state: ClockState = ClockState.UNKNOWN


def compose_alert(transition: Transition, context: AlertContext, clock: Clock) -> AlertDraft:
    """Make the record of a transition.

    The wall clock is read once, now; the other times are that label minus monotonic differences. A step of the wall
    clock between onset and determination therefore cannot turn their order round.

    Args:
        transition: The change. Its times lie on `clock`'s monotonic axis.
        context: Where it happened, and under which model and configuration.
        clock: The clock of the alarm logic.

    Returns:
        The draft, without sequence number.
    """
    now_seconds = clock.monotonic()
    now = clock.wall()

    def label(time_seconds: float) -> datetime:
        return now - timedelta(seconds=now_seconds - time_seconds)

    acknowledgement = None
    if transition.acknowledged_by is not None:
        at_seconds = transition.acknowledged_seconds
        acknowledgement = Acknowledgement(
            by=transition.acknowledged_by, at=label(now_seconds if at_seconds is None else at_seconds)
        )
    evidence = None if transition.evidence is None else _evidence_record(transition.evidence)
    bouts = [
        AlertBout(onset_at=label(bout.onset_seconds), evidence=_evidence_record(bout.evidence))
        for bout in transition.recent_bouts
    ]
    return AlertDraft(
        alert_id=transition.alert_id,
        phase=transition.phase,
        kind=transition.kind,
        code=transition.code,
        priority=transition.priority,
        condition_present=transition.condition_present,
        signal=transition.signal,
        acknowledgement=acknowledgement,
        onset_at=label(transition.onset_seconds),
        determined_at=label(transition.determined_seconds),
        clock_state=context.clock_state,
        condition_delay_seconds=round(max(0.0, transition.determined_seconds - transition.onset_seconds), 3),
        station=context.station,
        bed=context.bed,
        camera=context.camera,
        evidence=evidence,
        validity=transition.validity,
        generation_mode=context.generation_mode,
        model=context.model,
        config_hash=context.config_hash,
        detail=transition.detail[:1000],
        remedy=transition.remedy[:1000],
        needs_person=transition.needs_person,
        bouts=transition.bouts,
        recent_bouts=tuple(bouts),
    )


def _evidence_record(evidence: AlarmEvidence) -> AlertEvidence:
    return AlertEvidence(
        level=evidence.level,
        share_of_window=evidence.share_of_window,
        coverage=evidence.coverage,
        frames_used=evidence.frames_used,
        actions=tuple(ActionRecord.of(reading) for reading in evidence.actions),
    )


def alert_of_entry(fields: Mapping[str, str]) -> Alert | None:
    """Return the record that an entry of the stream carries; None for another program's entry, or a later version's."""
    try:
        return Alert.model_validate_json(fields.get("alert", ""))
    except ValidationError:
        return None


def alert_json_schema() -> dict[str, Any]:
    """Return the JSON schema of a published alert (configs/schemas/alert.schema.json is this, written down)."""
    schema = Alert.model_json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA, **schema}
