"""The table of alarm conditions: what each one means, when it is declared and when it is over.

Pain is `low`, `medium` when it is sustained, and never `high`; nothing else is `high` either, for this is research
software on which nobody's life may hang.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from monitor.config import AlarmSettings
from monitor.pain.vocabulary import Code, Kind, Priority

__all__ = ["CONDITIONS", "Condition", "Source"]


class Source(StrEnum):
    """Where a condition is seen."""

    LEVEL = "level"
    """The pain level of the bed."""
    FACE = "face"
    """How long no face of the patient has been analysed."""
    FRAMES = "frames"
    """What the analysed frames show; may be reported from outside as well."""
    REPORT = "report"
    """Reported from outside: by the camera, the publisher, the machine."""
    PERSON = "person"
    """Caused by a person, on purpose: declared as acknowledged by them for as long as it lasts."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One row of the table.

    Attributes:
        code: Which condition.
        kind: Of the patient or of the equipment.
        priority: Urgency while it is on.
        source: Where it is seen.
        delay_seconds: How long it must hold before it is declared.
        clear_seconds: How long it must be gone before it is over.
        is_latching: Signalled on after its end, until somebody acknowledges it.
        merges: A return within `merge_seconds` is the same episode and keeps its alert id.
        casts_doubt: While it lasts, what is known about the patient's pain is questionable.
        hides_face: While it is on, a face that is not seen is no news: it says itself that pain cannot be determined.
        detail: What was seen, for people.
        remedy: What to do, for people.
    """

    code: Code
    kind: Kind
    priority: Priority
    source: Source
    delay_seconds: Callable[[AlarmSettings], float]
    clear_seconds: Callable[[AlarmSettings], float]
    is_latching: bool
    merges: bool
    casts_doubt: bool
    hides_face: bool
    detail: str
    remedy: str


def _pain(
    code: Code,
    priority: Priority,
    delay: Callable[[AlarmSettings], float],
    detail: str,
    remedy: str,
) -> Condition:
    return Condition(
        code=code,
        kind=Kind.PHYSIOLOGICAL,
        priority=priority,
        source=Source.LEVEL,
        delay_seconds=delay,
        clear_seconds=lambda settings: settings.clear_seconds,
        is_latching=True,
        merges=True,
        casts_doubt=False,
        hides_face=False,
        detail=detail,
        remedy=remedy,
    )


def _technical(
    code: Code,
    priority: Priority,
    source: Source,
    delay: Callable[[AlarmSettings], float] | float,
    clear: float,
    detail: str,
    remedy: str,
    *,
    casts_doubt: bool = False,
    hides_face: bool = False,
) -> Condition:
    return Condition(
        code=code,
        kind=Kind.TECHNICAL,
        priority=priority,
        source=source,
        delay_seconds=delay if callable(delay) else _constant(delay),
        clear_seconds=_constant(clear),
        is_latching=False,
        merges=False,
        casts_doubt=casts_doubt,
        hides_face=hides_face,
        detail=detail,
        remedy=remedy,
    )


def _constant(seconds: float) -> Callable[[AlarmSettings], float]:
    return lambda _: seconds


_ROWS = (
    _pain(
        Code.PAIN_SIGN,
        Priority.LOW,
        lambda settings: settings.hold_seconds,
        "The infant's face shows signs of pain.",
        "Look at the infant, assess pain with your unit's scale, and comfort or treat as you would without this alert.",
    ),
    _pain(
        Code.PAIN_SUSTAINED,
        Priority.MEDIUM,
        lambda settings: settings.window_seconds * settings.sustained_share,
        "The infant's face has shown signs of pain for a large part of the last half minute.",
        "Go to the infant now, assess pain with your unit's scale, and look for its cause.",
    ),
    _technical(
        Code.CAMERA_LOST,
        Priority.MEDIUM,
        Source.REPORT,
        lambda settings: settings.camera_lost_after_seconds,
        0.0,
        "No picture comes from the camera: the bed is not watched.",
        "Watch the infant in person; check the camera's power, cable and address.",
        casts_doubt=True,
        hides_face=True,
    ),
    _technical(
        Code.PICTURE_FROZEN,
        Priority.MEDIUM,
        Source.REPORT,
        lambda settings: settings.frozen_after_seconds,
        1.0,
        "The camera sends the same picture again and again: the bed is not watched.",
        "Watch the infant in person; restart the camera.",
        casts_doubt=True,
        hides_face=True,
    ),
    _technical(
        Code.PICTURE_DARK,
        Priority.MEDIUM,
        Source.REPORT,
        lambda settings: settings.dark_after_seconds,
        2.0,
        "The picture is too dark to see a face: the bed is not watched.",
        "Watch the infant in person; uncover the lens, or switch on a light or the camera's infrared lamp.",
        casts_doubt=True,
        hides_face=True,
    ),
    _technical(
        Code.NO_LIFE_SEEN,
        Priority.MEDIUM,
        Source.REPORT,
        lambda settings: settings.no_life_after_seconds,
        2.0,
        "Nothing at the face moves by itself: a photograph, a doll or a screen may be before the camera.",
        "Go to the infant and watch it in person; clear pictures, dolls and screens from the camera's view.",
        casts_doubt=True,
    ),
    _technical(
        Code.FACE_NOT_VISIBLE,
        Priority.LOW,
        Source.FACE,
        lambda settings: settings.face_lost_after_seconds,
        2.0,
        "No face that can be assessed has been seen: pain cannot be determined.",
        "Watch the infant in person; clear the view of the face, or turn the camera towards it.",
        casts_doubt=True,
    ),
    _technical(
        Code.FACE_COVERED,
        Priority.LOW,
        Source.FRAMES,
        lambda settings: settings.covered_after_seconds,
        2.0,
        "A part of the face is covered that pain is seen by: pain cannot be determined.",
        "Watch the infant in person; uncover its eyes and mouth where its care allows it.",
        casts_doubt=True,
    ),
    _technical(
        Code.PATIENT_AMBIGUOUS,
        Priority.LOW,
        Source.FRAMES,
        lambda settings: settings.ambiguous_after_seconds,
        2.0,
        "More than one face may be the patient's.",
        "Look at the infant in person while others are in the picture; narrow the region of interest if this lasts.",
        casts_doubt=True,
    ),
    _technical(
        Code.MODEL_DEGRADED,
        Priority.MEDIUM,
        Source.FRAMES,
        3.0,
        2.0,
        "The model gives no usable answer for this bed: pain cannot be determined.",
        "Watch the infant in person; run `nicu-monitor doctor` and look at the station's log.",
        casts_doubt=True,
    ),
    _technical(
        Code.OVERLOAD,
        Priority.LOW,
        Source.REPORT,
        10.0,
        10.0,
        "The station cannot keep up: frames are analysed too rarely or too late.",
        "Give the station fewer beds, fewer frames per second or a faster machine.",
    ),
    _technical(
        Code.PUBLISHER_BACKLOG,
        Priority.MEDIUM,
        Source.REPORT,
        10.0,
        5.0,
        "Alerts wait on this station's disk: nobody who listens over Redis receives them now.",
        "Watch the beds on the station's own page; check Redis and the network between.",
    ),
    _technical(
        Code.DISK_LOW,
        Priority.MEDIUM,
        Source.REPORT,
        0.0,
        10.0,
        "The disk that keeps alerts is nearly full: the oldest may be dropped.",
        "Free space on the disk of the spool directory.",
    ),
    _technical(
        Code.CLOCK_UNSYNCHRONISED,
        Priority.LOW,
        Source.REPORT,
        30.0,
        5.0,
        "The station's clock is not synchronised: the times in alerts may be wrong, the alarms are not.",
        "Start a time service (chrony, systemd-timesyncd) and check that it reaches its server.",
    ),
    _technical(
        Code.SELF_CHECK_FAILED,
        Priority.MEDIUM,
        Source.REPORT,
        0.0,
        5.0,
        "A part of the station has stopped working: beds may not be watched.",
        "Watch the infants in person; restart the station and look at its log.",
    ),
    _technical(
        Code.BED_UNWATCHED,
        Priority.MEDIUM,
        Source.REPORT,
        0.0,
        2.0,
        "No station watches some beds: pain there raises no alert.",
        "Go to these infants and watch them in person; start their station again, or add one.",
    ),
    _technical(
        Code.ALARM_BURDEN_HIGH,
        Priority.LOW,
        Source.LEVEL,
        0.0,
        0.0,
        "The pain alarm of this bed has come back very often within an hour.",
        "Find out why with the infant: pain that treatment does not reach, or a face that the model takes for pain.",
    ),
    _technical(
        Code.BED_EMPTY,
        Priority.LOW,
        Source.PERSON,
        0.0,
        0.0,
        "The bed is empty: it is not watched.",
        "Admit the infant that is laid into this bed; only then it is watched.",
    ),
    _technical(
        Code.BED_STANDBY,
        Priority.LOW,
        Source.PERSON,
        0.0,
        0.0,
        "The bed is on stand-by: pain is not watched.",
        "Watch the infant in person; end the stand-by when it lies in the bed again.",
    ),
    _technical(
        Code.PROCEDURE,
        Priority.LOW,
        Source.PERSON,
        0.0,
        0.0,
        "A procedure is under way: pain is to be expected, and is alarmed as ever.",
        "Comfort the infant; assess pain with your unit's scale during the procedure and after it.",
    ),
)

CONDITIONS: Mapping[Code, Condition] = MappingProxyType({row.code: row for row in _ROWS})
"""Every condition, in order of `Code`."""
