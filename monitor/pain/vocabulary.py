"""The words of the alarm logic: what is seen, which conditions there are, and how they change.

Kinds, priorities and the latched/acknowledged signal states follow the vocabulary of IEC 60601-1-8 (alarm systems in
medical electrical equipment). The project names the standard; it does not claim to conform to it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

__all__ = [
    "ActionReading",
    "AlarmEvidence",
    "Bout",
    "Code",
    "FaceAction",
    "Kind",
    "Observation",
    "Occupancy",
    "Phase",
    "Priority",
    "Region",
    "Sample",
    "Signal",
    "Transition",
    "Validity",
    "Visibility",
]


class Kind(StrEnum):
    """What an alarm condition speaks of: the patient, or the equipment."""

    PHYSIOLOGICAL = "physiological"
    TECHNICAL = "technical"


class Code(StrEnum):
    """Every alarm condition there is."""

    PAIN_SIGN = "pain_sign"
    PAIN_SUSTAINED = "pain_sustained"
    CAMERA_LOST = "camera_lost"
    PICTURE_FROZEN = "picture_frozen"
    PICTURE_DARK = "picture_dark"
    NO_LIFE_SEEN = "no_life_seen"
    FACE_NOT_VISIBLE = "face_not_visible"
    FACE_COVERED = "face_covered"
    PATIENT_AMBIGUOUS = "patient_ambiguous"
    MODEL_DEGRADED = "model_degraded"
    OVERLOAD = "overload"
    PUBLISHER_BACKLOG = "publisher_backlog"
    DISK_LOW = "disk_low"
    CLOCK_UNSYNCHRONISED = "clock_unsynchronised"
    SELF_CHECK_FAILED = "self_check_failed"
    BED_UNWATCHED = "bed_unwatched"
    ALARM_BURDEN_HIGH = "alarm_burden_high"
    BED_EMPTY = "bed_empty"
    BED_STANDBY = "bed_standby"
    PROCEDURE = "procedure"


class Priority(StrEnum):
    """Urgency, least first. Pain is never `high`: this is research software."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Phase(StrEnum):
    """Which change of a condition an alert records."""

    START = "start"
    UPDATE = "update"
    ESCALATE = "escalate"
    END = "end"


class Signal(StrEnum):
    """How the condition is signalled to people."""

    ON = "on"
    LATCHED = "latched"
    ACKNOWLEDGED = "acknowledged"
    OFF = "off"


class Validity(StrEnum):
    """How far a statement can be trusted.

    `questionable`: it was true and cannot be confirmed now (the face went away, two faces may be the patient).
    `invalid`: there is nothing to go by; it must not be read as "no pain".
    """

    VALID = "valid"
    QUESTIONABLE = "questionable"
    INVALID = "invalid"


class Visibility(StrEnum):
    """What one analysed frame shows of the patient."""

    USABLE = "usable"
    NO_FACE = "no_face"
    AMBIGUOUS = "ambiguous"
    POOR = "poor"
    COVERED = "covered"
    NO_SCORE = "no_score"


class Region(StrEnum):
    """A part of the face that a score rests on."""

    EYES = "eyes"
    MOUTH = "mouth"


class Occupancy(StrEnum):
    """Who lies in a bed, as people say."""

    OCCUPIED = "occupied"
    EMPTY = "empty"
    STANDBY = "standby"


class FaceAction(StrEnum):
    """The actions that a score rests on and that scales name."""

    EYES_SQUEEZED = "eyes_squeezed"
    BROW_LOWERED = "brow_lowered"
    FURROW_DEEPENED = "furrow_deepened"
    MOUTH_OPEN = "mouth_open"
    MOUTH_STRETCHED = "mouth_stretched"


@dataclass(frozen=True, slots=True)
class ActionReading:
    """One facial action now and over the last window.

    Attributes:
        action: Which one.
        now: In [0, 1] on the newest frame, None where it shows no face that can be assessed.
        share: Share in [0, 1] of the measured time of the window in which it was seen.
        pipp_r: Points from 0 to 3 of the PIPP-R item, None for actions that PIPP-R does not have.
    """

    action: FaceAction
    now: float | None
    share: float
    pipp_r: int | None


@dataclass(frozen=True, slots=True)
class Sample:
    """What one analysed frame says about one bed.

    Attributes:
        time_seconds: Monotonic time of the frame.
        score: Calibrated probability of pain in [0, 1]; None unless `visibility` is USABLE or AMBIGUOUS.
        visibility: Whether the patient's face could be assessed: POOR is a face too small, blurred or dark to assess,
            cut off by the edge of the picture, or not confirmed by its mesh, COVERED one of which a region is hidden
            that the score rests on, NO_SCORE a model that failed or answered with a number that is not finite.
        face_id: Names the face for as long as it is followed without a break; also in frames that miss it for a moment.
            None where no face is followed. A caller that leaves it out says that all frames show one and the same face.
        hidden: The regions that are hidden; not empty where `visibility` is COVERED.
        actions: Each facial action in [0, 1]; empty where they were not measured.
    """

    time_seconds: float
    score: float | None
    visibility: Visibility
    face_id: int | None = 0
    hidden: tuple[Region, ...] = ()
    actions: Mapping[FaceAction, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Observation:
    """What one bed shows now.

    Attributes:
        time_seconds: Monotonic time that it speaks of.
        score: The newest frame's pain score in [0, 1], None where it has none.
        level: Score smoothed over time in [0, 1] for alarms; None while it cannot be determined (indeterminate).
        display_level: The same with the shorter display time constant.
        coverage: Share in [0, 1] of the last window (30 s) with a usable patient face.
        on_share: Share in [0, 1] of the last window in which the level stood at or above the `on` threshold; None while
            the level cannot be determined.
        validity: How far `level` can be trusted; INVALID whenever it is None.
        seconds_since_face: Time since the last usable face; None before the first.
        occupancy: Who lies in the bed. There is no level unless it is OCCUPIED.
        hidden: Regions of the face that the score rests on and that the newest frame does not show.
        actions: Facial actions now and over the last window (30 s); empty where too little was measured.
    """

    time_seconds: float
    score: float | None
    level: float | None
    display_level: float | None
    coverage: float
    on_share: float | None
    validity: Validity
    seconds_since_face: float | None
    occupancy: Occupancy = Occupancy.OCCUPIED
    hidden: tuple[Region, ...] = ()
    actions: tuple[ActionReading, ...] = ()


@dataclass(frozen=True, slots=True)
class AlarmEvidence:
    """Why a condition changed.

    Attributes:
        level: Smoothed level in [0, 1] at the change, None where indeterminate.
        share_of_window: Share in [0, 1] of the window at or above the threshold.
        coverage: Share in [0, 1] of the window with a usable patient face.
        frames_used: Usable frames within the window.
        actions: Facial actions at the change and over the window; empty where too little was measured.
    """

    level: float | None
    share_of_window: float
    coverage: float
    frames_used: int
    actions: tuple[ActionReading, ...] = ()


@dataclass(frozen=True, slots=True)
class Bout:
    """One declaration of a condition within its episode.

    Attributes:
        onset_seconds: Monotonic time at which it began to hold.
        evidence: What the declaration rested on.
    """

    onset_seconds: float
    evidence: AlarmEvidence


@dataclass(frozen=True, slots=True)
class Transition:
    """One change of one alarm condition; becomes one alert.

    Attributes:
        alert_id: Stable from the condition's start to its end (and across a restart).
        code: Which condition.
        kind: Of the patient or of the equipment.
        phase: What changed.
        priority: Urgency from now on.
        condition_present: Whether the condition holds now (an acknowledged or latched one may be absent).
        signal: How it is signalled from now on.
        validity: How far it can be trusted.
        onset_seconds: Monotonic time at which the condition began to hold.
        determined_seconds: Monotonic time at which the rules (delays, hold) declared the change.
        evidence: What it rests on; None for technical conditions.
        acknowledged_by: Who acknowledged it, if anyone.
        acknowledged_seconds: When, monotonic.
        detail: One sentence for people: what was seen. Never holds a credential.
        remedy: One sentence for people: what to do.
        needs_person: No face can end it any more, for the one that raised it was not followed without a break: it stays
            until a person acknowledges it.
        bouts: How often the condition was declared within this episode; 1 but for pain that came back.
        recent_bouts: The newest of them, oldest first; empty for technical conditions.
    """

    alert_id: str
    code: Code
    kind: Kind
    phase: Phase
    priority: Priority
    condition_present: bool
    signal: Signal
    validity: Validity
    onset_seconds: float
    determined_seconds: float
    evidence: AlarmEvidence | None
    acknowledged_by: str | None
    acknowledged_seconds: float | None
    detail: str
    remedy: str
    needs_person: bool = False
    bouts: int = 1
    recent_bouts: tuple[Bout, ...] = ()
