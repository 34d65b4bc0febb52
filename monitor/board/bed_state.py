"""What a bed's state is called: one pure function from the board's facts to words.

The rule above all others: "no sign of pain seen" needs a fresh, valid observation with a level, and no alarm condition
that speaks against it. Whatever else is missing, unknown or in doubt reads as something else.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from monitor.alerts.record import AlertDraft
from monitor.pain.vocabulary import Code, Observation, Signal, Validity
from monitor.video.status import CameraState

__all__ = ["FRESH_SECONDS", "BedReadings", "BedState", "BedStatus", "describe_bed"]

FRESH_SECONDS = 5.0
"""An observation older than this says nothing about now."""

_STARTING_SECONDS = 30.0


class BedState(StrEnum):
    """Every state that a tile can show, most urgent first."""

    PAIN_SUSTAINED = "pain_sustained"
    PAIN_SIGN = "pain_sign"
    CAMERA_LOST = "camera_lost"
    CANNOT_SEE = "cannot_see"
    STARTING = "starting"
    LEVEL_RAISED = "level_raised"
    NO_SIGN = "no_sign"


_WORDS = {
    BedState.PAIN_SUSTAINED: "Sustained pain",
    BedState.PAIN_SIGN: "Sign of pain",
    BedState.CAMERA_LOST: "Camera lost",
    BedState.CANNOT_SEE: "Cannot see",
    BedState.STARTING: "Starting",
    BedState.LEVEL_RAISED: "Level raised",
    BedState.NO_SIGN: "No sign of pain seen",
}

_BLINDING = {
    Code.PICTURE_FROZEN: "The picture is frozen.",
    Code.PICTURE_DARK: "The picture is too dark.",
    Code.NO_LIFE_SEEN: "Nothing at the face moves by itself.",
    Code.FACE_NOT_VISIBLE: "The face is not visible.",
    Code.PATIENT_AMBIGUOUS: "More than one face may be the patient's.",
    Code.MODEL_DEGRADED: "The model gives no usable answer.",
    Code.SELF_CHECK_FAILED: "A part of the station has stopped.",
}


_SILENT_CAMERAS = {
    CameraState.ENDED: "The video file has been played to its end.",
    CameraState.STOPPED: "The camera is switched off.",
}


@dataclass(frozen=True, slots=True)
class BedReadings:
    """All that the words depend on.

    Attributes:
        observation: The newest one, None before the first.
        observation_age_seconds: Time since the newest observation, None before the first.
        known_for_seconds: Time since the station began to watch this bed.
        camera: State of the camera, None while it has not been reported.
        alerts: Open alerts of the bed and of the whole station.
        on_level: Level at or above which the alarm logic begins to count.
    """

    observation: Observation | None
    observation_age_seconds: float | None
    known_for_seconds: float
    camera: CameraState | None
    alerts: tuple[AlertDraft, ...]
    on_level: float


@dataclass(frozen=True, slots=True)
class BedStatus:
    """A bed's state in words.

    Attributes:
        state: For colour and shape.
        words: The headline.
        detail: One sentence, or an empty text.
        can_see: Whether the patient's face can be assessed now. A pain alarm stays when it cannot.
        is_acknowledged: Somebody has seen the alarm that the headline speaks of.
        needs_acknowledgement: An alarm is over, and nobody has said that they saw it.
        rank: Order on the page, lowest first.
    """

    state: BedState
    words: str
    detail: str
    can_see: bool
    is_acknowledged: bool
    needs_acknowledgement: bool
    rank: int


def describe_bed(facts: BedReadings) -> BedStatus:
    """Return what a bed's facts are called."""
    blind = _why_blind(facts)
    pain = [alert for alert in facts.alerts if alert.code in {Code.PAIN_SUSTAINED, Code.PAIN_SIGN}]
    present = [alert for alert in pain if alert.condition_present]
    latched = any(alert.signal is Signal.LATCHED for alert in pain)
    if present:
        is_sustained = any(alert.code is Code.PAIN_SUSTAINED for alert in present)
        state = BedState.PAIN_SUSTAINED if is_sustained else BedState.PAIN_SIGN
        named = [alert for alert in present if alert.code.value == state.value]
        is_acknowledged = all(alert.signal is Signal.ACKNOWLEDGED for alert in named)
        detail = _pain_detail(named[0], blind)
        return _status(state, detail, can_see=blind is None, acknowledged=is_acknowledged, latched=latched)
    if blind is not None:
        state, detail = blind
        return _status(state, detail, can_see=False, acknowledged=_is_acknowledged(facts.alerts), latched=latched)
    level = _level(facts.observation)
    if level >= facts.on_level:
        return _status(BedState.LEVEL_RAISED, "It has not lasted long enough for an alarm.", latched=latched)
    return _status(BedState.NO_SIGN, "", latched=latched)


def _why_blind(facts: BedReadings) -> tuple[BedState, str] | None:
    """Return the state and the sentence for a bed that cannot be assessed now; None where it can."""
    return _blind_by_alarm_or_camera(facts) or _blind_by_age(facts) or _blind_by_face(facts)


def _blind_by_alarm_or_camera(facts: BedReadings) -> tuple[BedState, str] | None:
    codes = {alert.code for alert in facts.alerts if alert.condition_present}
    if Code.CAMERA_LOST in codes or facts.camera is CameraState.LOST:
        return BedState.CAMERA_LOST, "No picture comes from the camera."
    for code, sentence in _BLINDING.items():
        if code in codes:
            return BedState.CANNOT_SEE, sentence
    if facts.camera is not None and facts.camera in _SILENT_CAMERAS:
        return BedState.CANNOT_SEE, _SILENT_CAMERAS[facts.camera]
    return None


def _blind_by_age(facts: BedReadings) -> tuple[BedState, str] | None:
    age_seconds = facts.observation_age_seconds
    if facts.observation is None or age_seconds is None:
        return _not_yet(facts, "No picture has been analysed yet.")
    # Written so that an age that is not a number counts as old.
    if not age_seconds <= FRESH_SECONDS:
        return BedState.CANNOT_SEE, f"No picture has been analysed for {_seconds(age_seconds)}."
    return None


def _blind_by_face(facts: BedReadings) -> tuple[BedState, str] | None:
    observation = facts.observation
    if observation is not None and observation.validity is Validity.VALID and observation.level is not None:
        return None
    since_seconds = None if observation is None else observation.seconds_since_face
    if since_seconds is None:
        return _not_yet(facts, "No face has been seen yet.")
    if since_seconds > FRESH_SECONDS:
        return BedState.CANNOT_SEE, f"No face for {_seconds(since_seconds)}."
    return BedState.CANNOT_SEE, "The face was seen too little to be assessed."


def _not_yet(facts: BedReadings, sentence: str) -> tuple[BedState, str]:
    is_new = facts.known_for_seconds < _STARTING_SECONDS
    return (BedState.STARTING if is_new else BedState.CANNOT_SEE), sentence


def _status(
    state: BedState, detail: str, *, can_see: bool = True, acknowledged: bool = False, latched: bool = False
) -> BedStatus:
    words = _WORDS[state]
    return BedStatus(state, words, detail, can_see, acknowledged, latched, _rank(state, acknowledged, latched))


def _rank(state: BedState, acknowledged: bool, latched: bool) -> int:
    """Return the rank: unseen pain, pain that nobody can see now or has not been seen, then the rest."""
    if state is BedState.PAIN_SUSTAINED:
        return 2 if acknowledged else 0
    if state is BedState.PAIN_SIGN:
        return 4 if acknowledged else 1
    if state in {BedState.CAMERA_LOST, BedState.CANNOT_SEE}:
        return 5 if acknowledged and not latched else 3
    if latched:
        return 6
    return 7 if state is BedState.STARTING else 8


def _pain_detail(alert: AlertDraft, blind: tuple[BedState, str] | None) -> str:
    if alert.needs_person:
        sentences = ["This face was not followed since: a person must see the infant and acknowledge."]
        return " ".join(sentences if blind is None else [*sentences, blind[1]])
    if blind is not None:
        return f"Cannot be confirmed now. {blind[1]}"
    if alert.validity is not Validity.VALID:
        return "Cannot be confirmed now."
    return alert.detail


def _is_acknowledged(alerts: Iterable[AlertDraft]) -> bool:
    present = [alert for alert in alerts if alert.condition_present]
    return bool(present) and all(alert.signal is Signal.ACKNOWLEDGED for alert in present)


def _level(observation: Observation | None) -> float:
    """Return the higher of the two levels; 1 for what is no number, so that it can never read as low."""
    if observation is None or observation.level is None:
        return 1.0
    levels = (observation.level, observation.display_level or 0.0)
    return max(level if 0.0 <= level <= 1.0 else 1.0 for level in levels)


def _seconds(seconds: float) -> str:
    if not seconds < 120:
        return f"{seconds / 60:.0f} min"
    return f"{seconds:.0f} s"
