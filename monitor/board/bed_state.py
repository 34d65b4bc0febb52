"""What a bed's state is called: one pure function from the board's facts to words.

The rule above all others: "no sign of pain seen" needs a fresh, valid observation with a level, and no alarm condition
that speaks against it. Whatever else is missing, unknown or in doubt reads as something else.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from monitor.alerts.record import AlertDraft
from monitor.localization import Phrase, joined, message
from monitor.pain.conditions import CONDITIONS
from monitor.pain.level_filter import FRAME_SPAN_SECONDS
from monitor.pain.occupancy import BedOccupancy
from monitor.pain.vocabulary import Code, Kind, Observation, Occupancy, Region, Signal, Validity
from monitor.video.status import CameraState

__all__ = ["FRESH_SECONDS", "BedReadings", "BedState", "BedStatus", "alert_sentence", "describe_bed"]

FRESH_SECONDS = 5.0
"""An observation older than this says nothing about now."""

_STARTING_SECONDS = 30.0
_UNSEEN = message("Signs of pain were seen, and nobody has acknowledged them.")
_EASING = message("Easing: the level has fallen, the alarm is not over yet.")
_NOT_LONG = message("It has not lasted long enough for an alarm.")
_NOT_ANALYSED = message("No picture has been analysed for {time}.")
_COVERED = {
    (Region.EYES,): message("Eyes covered."),
    (Region.MOUTH,): message("Mouth covered."),
    (Region.EYES, Region.MOUTH): message("Eyes and mouth covered."),
}
_NOT_ADMITTED = message("Not watched until an infant is admitted.")
_STANDBY = message("By {name}, {minutes} min left. Pain is not watched.")
_STANDBY_UNTIL_FACE = message("By {name}, until a face returns, {minutes} min left. Pain is not watched.")
_REASON = message("Reason: {text}.")
_TOO_SLOW = message("The station cannot keep up: no picture has been analysed for {time}.")


class BedState(StrEnum):
    """Every state that a tile can show, most urgent first."""

    PAIN_SUSTAINED = "pain_sustained"
    PAIN_SIGN = "pain_sign"
    PAIN_LATCHED = "pain_latched"
    CAMERA_LOST = "camera_lost"
    CANNOT_SEE = "cannot_see"
    STARTING = "starting"
    LEVEL_RAISED = "level_raised"
    NO_SIGN = "no_sign"
    STANDBY = "standby"
    EMPTY = "empty"


_WORDS = {
    BedState.PAIN_SUSTAINED: message("Sustained pain"),
    BedState.PAIN_SIGN: message("Sign of pain"),
    BedState.PAIN_LATCHED: message("Earlier pain"),
    BedState.CAMERA_LOST: message("Camera lost"),
    BedState.CANNOT_SEE: message("Cannot see"),
    BedState.STARTING: message("Starting"),
    BedState.LEVEL_RAISED: message("Level raised"),
    BedState.NO_SIGN: message("No sign of pain seen"),
    BedState.STANDBY: message("Stand-by"),
    BedState.EMPTY: message("Empty"),
}

_BLINDING = {
    Code.PICTURE_FROZEN: message("The picture is frozen."),
    Code.PICTURE_DARK: message("The picture is too dark."),
    Code.NO_LIFE_SEEN: message("Nothing at the face moves by itself."),
    Code.FACE_NOT_VISIBLE: message("The face is not visible."),
    Code.FACE_COVERED: message("A part of the face is covered."),
    Code.PATIENT_AMBIGUOUS: message("More than one face may be the patient's."),
    Code.MODEL_DEGRADED: message("The model gives no usable answer."),
    Code.SELF_CHECK_FAILED: message("A part of the station has stopped."),
}


_SILENT_CAMERAS = {
    CameraState.ENDED: message("The video file has been played to its end."),
    CameraState.STOPPED: message("The camera is switched off."),
}


@dataclass(frozen=True, slots=True)
class BedReadings:
    """All that the words depend on.

    Attributes:
        observation: The newest one, None before the first.
        observation_age_seconds: Time since the newest observation, None before the first.
        known_for_seconds: Time since the station began to watch this bed.
        camera: State of the camera, None while it has not been reported.
        alerts: Open alerts of the bed and of the whole station that watches it.
        on_level: Level at or above which the alarm logic begins to count.
        occupancy: Who lies there, as people say.
        now_seconds: Monotonic time.
    """

    observation: Observation | None
    observation_age_seconds: float | None
    known_for_seconds: float
    camera: CameraState | None
    alerts: tuple[AlertDraft, ...]
    on_level: float
    occupancy: BedOccupancy = field(default_factory=BedOccupancy)
    now_seconds: float = 0.0


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
        rank: Order of urgency, lowest first.
        is_easing: A pain alarm is on, and the level has fallen below the threshold.
        since: When what the headline speaks of began; None where no alert speaks of it.
    """

    state: BedState
    words: str
    detail: str
    can_see: bool
    is_acknowledged: bool
    needs_acknowledgement: bool
    rank: int
    is_easing: bool = False
    since: datetime | None = None


def describe_bed(facts: BedReadings) -> BedStatus:
    """Return what a bed's facts are called."""
    if facts.occupancy.state is not Occupancy.OCCUPIED:
        return _unwatched(facts)
    blind = _why_blind(facts)
    pain = [alert for alert in facts.alerts if alert.code in {Code.PAIN_SUSTAINED, Code.PAIN_SIGN}]
    present = [alert for alert in pain if alert.condition_present]
    latched = [alert for alert in pain if alert.signal is Signal.LATCHED]
    if present:
        return _in_pain(facts, present, blind, latched=bool(latched))
    if latched:
        detail = joined(Phrase(_UNSEEN), blind[1] if blind is not None else "")
        since = min(alert.onset_at for alert in latched)
        return _status(BedState.PAIN_LATCHED, detail, can_see=blind is None, latched=True, since=since)
    if blind is not None:
        state, detail = blind
        technical = [alert.onset_at for alert in facts.alerts if alert.condition_present and _blinds(alert)]
        seen = _is_acknowledged(facts.alerts)
        return _status(state, detail, can_see=False, acknowledged=seen, since=min(technical, default=None))
    level = _level(facts.observation)
    if level >= facts.on_level:
        return _status(BedState.LEVEL_RAISED, Phrase(_NOT_LONG))
    return _status(BedState.NO_SIGN, Phrase())


def _unwatched(facts: BedReadings) -> BedStatus:
    """Return the state of a bed that people took out of the watch: never calm, and never urgent."""
    occupancy = facts.occupancy
    if occupancy.state is Occupancy.EMPTY:
        return _status(BedState.EMPTY, Phrase(_NOT_ADMITTED), can_see=False)
    left = 0.0 if occupancy.until_seconds is None else max(0.0, occupancy.until_seconds - facts.now_seconds)
    template = _STANDBY_UNTIL_FACE if occupancy.until_face else _STANDBY
    minutes = max(1, math.ceil(left / 60))
    reason = Phrase(_REASON, text=occupancy.reason) if occupancy.reason else ""
    blind = _blind_by_alarm_or_camera(facts)
    detail = joined(
        Phrase(template, name=occupancy.by or "", minutes=minutes), reason, "" if blind is None else blind[1]
    )
    return _status(BedState.STANDBY, detail, can_see=False)


def _in_pain(
    facts: BedReadings, present: list[AlertDraft], blind: tuple[BedState, Phrase] | None, *, latched: bool
) -> BedStatus:
    is_sustained = any(alert.code is Code.PAIN_SUSTAINED for alert in present)
    state = BedState.PAIN_SUSTAINED if is_sustained else BedState.PAIN_SIGN
    named = [alert for alert in present if alert.code.value == state.value]
    is_easing = blind is None and not named[0].needs_person and _level(facts.observation) < facts.on_level
    return _status(
        state,
        Phrase(_EASING) if is_easing else _pain_detail(named[0], blind),
        can_see=blind is None,
        acknowledged=all(alert.signal is Signal.ACKNOWLEDGED for alert in named),
        latched=latched,
        is_easing=is_easing,
        since=min(alert.onset_at for alert in named),
    )


def _why_blind(facts: BedReadings) -> tuple[BedState, Phrase] | None:
    """Return the state and the sentence for a bed that cannot be assessed now; None where it can."""
    return _blind_by_alarm_or_camera(facts) or _blind_by_age(facts) or _blind_by_face(facts)


def _blind_by_alarm_or_camera(facts: BedReadings) -> tuple[BedState, Phrase] | None:
    codes = {alert.code for alert in facts.alerts if alert.condition_present}
    if Code.CAMERA_LOST in codes or facts.camera is CameraState.LOST:
        return BedState.CAMERA_LOST, Phrase("No picture comes from the camera.")
    covered = None if facts.observation is None else _COVERED.get(facts.observation.hidden)
    if covered is not None and Code.FACE_COVERED in codes:
        return BedState.CANNOT_SEE, Phrase(covered)
    for code, sentence in _BLINDING.items():
        if code in codes:
            return BedState.CANNOT_SEE, Phrase(sentence)
    if facts.camera is not None and facts.camera in _SILENT_CAMERAS:
        return BedState.CANNOT_SEE, Phrase(_SILENT_CAMERAS[facts.camera])
    return None


def _blind_by_age(facts: BedReadings) -> tuple[BedState, Phrase] | None:
    age_seconds = facts.observation_age_seconds
    if facts.observation is None or age_seconds is None:
        return _not_yet(facts, Phrase("No picture has been analysed yet."))
    # Written so that an age that is not a number counts as old.
    if not age_seconds <= FRESH_SECONDS:
        is_slow = any(alert.code is Code.OVERLOAD and alert.condition_present for alert in facts.alerts)
        template = _TOO_SLOW if is_slow else _NOT_ANALYSED
        return BedState.CANNOT_SEE, Phrase(template, time=_seconds(age_seconds))
    return None


def _blind_by_face(facts: BedReadings) -> tuple[BedState, Phrase] | None:
    observation = facts.observation
    if observation is not None and observation.validity is Validity.VALID and observation.level is not None:
        return None
    covered = None if observation is None else _COVERED.get(observation.hidden)
    if covered is not None:
        return BedState.CANNOT_SEE, Phrase(covered)
    since_seconds = None if observation is None else observation.seconds_since_face
    if since_seconds is None:
        return _not_yet(facts, Phrase("No face has been seen yet."))
    if since_seconds > FRESH_SECONDS:
        return BedState.CANNOT_SEE, Phrase("No face for {time}.", time=_seconds(since_seconds))
    if observation is not None and observation.level is not None and since_seconds <= 2 * FRAME_SPAN_SECONDS:
        return BedState.CANNOT_SEE, Phrase("It is not certain whose face is seen.")
    return BedState.CANNOT_SEE, Phrase("The face was seen too little to be assessed.")


def _not_yet(facts: BedReadings, sentence: Phrase) -> tuple[BedState, Phrase]:
    is_new = facts.known_for_seconds < _STARTING_SECONDS
    return (BedState.STARTING if is_new else BedState.CANNOT_SEE), sentence


def _status(
    state: BedState,
    detail: Phrase,
    *,
    can_see: bool = True,
    acknowledged: bool = False,
    latched: bool = False,
    is_easing: bool = False,
    since: datetime | None = None,
) -> BedStatus:
    rank = _rank(state, acknowledged=acknowledged)
    return BedStatus(state, Phrase(_WORDS[state]), detail, can_see, acknowledged, latched, rank, is_easing, since)


def _rank(state: BedState, *, acknowledged: bool) -> int:
    """Return the rank: pain that nobody has seen, now or earlier, then what cannot be assessed, then the rest."""
    if state is BedState.PAIN_SUSTAINED:
        return 3 if acknowledged else 0
    if state is BedState.PAIN_SIGN:
        return 5 if acknowledged else 1
    if state is BedState.PAIN_LATCHED:
        return 2
    if state in {BedState.CAMERA_LOST, BedState.CANNOT_SEE}:
        return 6 if acknowledged else 4
    if state in {BedState.STANDBY, BedState.EMPTY}:
        return 9 if state is BedState.STANDBY else 10
    return 7 if state is BedState.STARTING else 8


def _blinds(alert: AlertDraft) -> bool:
    return alert.code is Code.CAMERA_LOST or alert.code in _BLINDING


def _pain_detail(alert: AlertDraft, blind: tuple[BedState, Phrase] | None) -> Phrase:
    why = "" if blind is None else blind[1]
    if alert.needs_person:
        return joined(Phrase("This face was not followed since: a person must see the infant and acknowledge."), why)
    if blind is not None or alert.validity is not Validity.VALID:
        return joined(Phrase("Cannot be confirmed now."), why)
    return alert_sentence(alert)


def alert_sentence(alert: AlertDraft) -> Phrase:
    """Return what an alert says was seen, in words of the catalogue.

    A technical detail of its own (a camera's answer, a number of workers) is for those who mend it; see the record.
    """
    usual = CONDITIONS[alert.code].detail
    if alert.kind is Kind.PHYSIOLOGICAL and not alert.detail.startswith(usual):
        return Phrase("{text}", text=alert.detail)
    again = Phrase("{count} bouts so far.", count=alert.bouts) if alert.bouts > 1 else ""
    return joined(Phrase(usual), again)


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
