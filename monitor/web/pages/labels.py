"""How facts read on the page: short words, the same everywhere, in the reader's language."""

import math
from datetime import datetime, timedelta

from monitor.alerts.record import AlertDraft
from monitor.board import HISTORY_SECONDS, AlarmLimits, AlertEpisode, BedSnapshot, BedState, BoardSnapshot
from monitor.config.writing import reason_of
from monitor.errors import ConfigError, MonitorError, RefusedError
from monitor.localization import Localizer, message
from monitor.pain.conditions import CONDITIONS
from monitor.pain.vocabulary import Code, FaceAction, Signal
from monitor.video.status import CameraState, CameraStatus
from monitor.web.pages.history_words import procedure_title

__all__ = [
    "ACTION_NAMES",
    "ICONS",
    "NOTICE",
    "acknowledged_words",
    "alert_title",
    "camera_state",
    "camera_words",
    "code_title",
    "face_words",
    "history_span_seconds",
    "hour_words",
    "pause_words",
    "refusal_words",
    "remedy_words",
    "signal_words",
    "since_words",
    "technical_note",
    "why",
]

# Facial actions that were seen for a shorter share of the half minute are not worth a word.
_WORTH = 0.1

NOTICE = message("No alert does not mean no pain.")

# Shapes that differ in outline, not in colour alone: octagon, triangle, bell, crossed-out camera, crossed-out eye...
ICONS = {
    BedState.PAIN_SUSTAINED: "report",
    BedState.PAIN_SIGN: "warning",
    BedState.PAIN_LATCHED: "notification_important",
    BedState.CAMERA_LOST: "videocam_off",
    BedState.CANNOT_SEE: "visibility_off",
    BedState.STARTING: "hourglass_empty",
    BedState.LEVEL_RAISED: "trending_up",
    BedState.NO_SIGN: "radio_button_unchecked",
    BedState.STANDBY: "pause_circle",
    BedState.EMPTY: "bed",
}

ACTION_NAMES = {
    FaceAction.EYES_SQUEEZED: message("Eyes squeezed"),
    FaceAction.BROW_LOWERED: message("Brow lowered"),
    FaceAction.FURROW_DEEPENED: message("Nasolabial furrow"),
    FaceAction.MOUTH_OPEN: message("Mouth open"),
    FaceAction.MOUTH_STRETCHED: message("Mouth stretched"),
}

_TITLES = {
    Code.PAIN_SIGN: message("Sign of pain"),
    Code.PAIN_SUSTAINED: message("Sustained pain"),
    Code.CAMERA_LOST: message("Camera lost"),
    Code.PICTURE_FROZEN: message("Picture frozen"),
    Code.PICTURE_DARK: message("Picture too dark"),
    Code.NO_LIFE_SEEN: message("No movement seen"),
    Code.FACE_NOT_VISIBLE: message("Face not visible"),
    Code.FACE_COVERED: message("Face covered"),
    Code.PATIENT_AMBIGUOUS: message("More than one face"),
    Code.MODEL_DEGRADED: message("Model gives no answer"),
    Code.OVERLOAD: message("Station cannot keep up"),
    Code.PUBLISHER_BACKLOG: message("Alerts wait on this station"),
    Code.DISK_LOW: message("Disk nearly full"),
    Code.CLOCK_UNSYNCHRONISED: message("Clock not synchronised"),
    Code.SELF_CHECK_FAILED: message("A part has stopped"),
    Code.BED_UNWATCHED: message("Beds that nobody watches"),
    Code.ALARM_BURDEN_HIGH: message("Alarm came back very often"),
    Code.BED_EMPTY: message("Bed empty"),
    Code.BED_STANDBY: message("Stand-by"),
    Code.PROCEDURE: message("Procedure"),
}

_CAMERAS = {
    CameraState.CONNECTING: message("connecting"),
    CameraState.PLAYING: message("playing"),
    CameraState.LOST: message("lost"),
    CameraState.ENDED: message("video ended"),
    CameraState.STOPPED: message("stopped"),
}

_SIGNALS = {
    Signal.ON: message("on"),
    Signal.LATCHED: message("over, not acknowledged"),
    Signal.ACKNOWLEDGED: message("acknowledged"),
    Signal.OFF: message("over"),
}

# The first minutes of a station are shown large, not as a stroke at the edge.
_SPANS_SECONDS = (120.0, 300.0, HISTORY_SECONDS)


def history_span_seconds(bed: BedSnapshot, now_seconds: float) -> float:
    """Return how much of a bed's history is worth drawing: two, five or ten minutes, so that all of it is seen."""
    if not bed.history:
        return _SPANS_SECONDS[0]
    age_seconds = now_seconds - bed.history[0].time_seconds
    return next((span for span in _SPANS_SECONDS if age_seconds <= span), HISTORY_SECONDS)


def alert_title(alert: AlertDraft, t: Localizer) -> str:
    """Return what an alert is called."""
    return procedure_title(alert.detail, t) if alert.code is Code.PROCEDURE else code_title(alert.code, t)


def code_title(code: Code, t: Localizer) -> str:
    """Return what a condition is called."""
    return t(_TITLES[code])


def signal_words(alert: AlertDraft, t: Localizer) -> str:
    """Return how an alert stands."""
    return t(_SIGNALS[alert.signal])


def remedy_words(alert: AlertDraft, t: Localizer) -> str:
    """Return what to do about an alert."""
    return t(alert.remedy or CONDITIONS[alert.code].remedy)


def refusal_words(error: MonitorError, t: Localizer) -> str:
    """Return why something was not done, as a sentence; what is wrong with a file stays in its own words."""
    if isinstance(error, RefusedError):
        words = t(error.words)
    else:
        reason = reason_of(error) if isinstance(error, ConfigError) else str(error)
        words = t("nothing was changed: {reason}", reason=reason)
    return f"{words[:1].upper()}{words[1:].removesuffix('.')}."


def technical_note(alert: AlertDraft) -> str:
    """Return what only those need who mend it, in the record's own words; an empty text where there is no more."""
    usual = CONDITIONS[alert.code].detail
    return "" if alert.detail.startswith(usual) else alert.detail


def why(episode: AlertEpisode, t: Localizer) -> str:
    """Return on what people were called: share of the window, level, coverage, frames; the sentence where none are."""
    found = episode.reason.evidence
    if found is None:
        return t(CONDITIONS[episode.reason.code].detail)
    level = t("level not known") if found.level is None else t("level {level} of 1", level=t.level(found.level))
    words = t(
        "{level}, {share} of the last half minute above the threshold, face seen {coverage} of it, {count} pictures "
        "used",
        level=level,
        share=t.percent(found.share_of_window),
        coverage=t.percent(found.coverage),
        count=found.frames_used,
    )
    seen = [f"{t(ACTION_NAMES[one.action])} {t.percent(one.share)}" for one in found.actions if one.share >= _WORTH]
    return "; ".join([words, *seen])


def camera_state(status: CameraStatus | None, t: Localizer) -> str:
    """Return how a camera is, in one or two words."""
    return t("not known") if status is None else t(_CAMERAS[status.state])


def camera_words(status: CameraStatus | None, t: Localizer) -> str:
    """Return how a camera is, and its rate."""
    words = camera_state(status, t)
    if status is not None and status.state is CameraState.PLAYING and status.frames_per_second is not None:
        return t("{state}, {rate} pictures/s", state=words, rate=t.decimal(status.frames_per_second, 0))
    return words


def face_words(seconds: float | None, t: Localizer) -> str:
    """Return when the face was last seen. Coarse, so that it does not flicker."""
    if seconds is None:
        return t("never")
    if seconds < 3:
        return t("now")
    return t("{time} ago", time=t.duration(seconds))


def since_words(bed: BedSnapshot, snapshot: BoardSnapshot, t: Localizer) -> str:
    """Return since when the headline holds; an empty text where no alert speaks of it."""
    since = bed.status.since
    if since is None:
        return ""
    ago = max(0.0, (snapshot.taken_at - since).total_seconds())
    return t("Since {time} ({duration})", time=t.moment(since, snapshot.taken_at), duration=t.duration(ago))


def hour_words(bed: BedSnapshot, t: Localizer) -> str:
    """Return how often a bed has shown pain within the hour; an empty text for never and once."""
    count = bed.bouts_within_hour
    return t.plural("{count} time in the last hour", "{count} times in the last hour", count) if count > 1 else ""


def acknowledged_words(bed: BedSnapshot, limits: AlarmLimits | None, now: datetime, t: Localizer) -> str:
    """Return who acknowledged what the headline speaks of, and until when; an empty text where nobody has.

    Args:
        bed: Whose alerts.
        limits: How long an acknowledgement lasts; None where that is not known.
        now: Wall time.
        t: The reader's language.
    """
    given = [
        episode.newest.acknowledgement
        for episode in bed.open_alerts
        if episode.newest.signal is Signal.ACKNOWLEDGED and episode.newest.acknowledgement is not None
    ]
    if not given or not bed.status.is_acknowledged:
        return ""
    newest = max(given, key=lambda one: one.at)
    if limits is None:
        return t("Acknowledged by {name}", name=newest.by)
    until = newest.at + timedelta(seconds=limits.acknowledge_expires_seconds)
    return t("Acknowledged by {name} until {time}", name=newest.by, time=t.moment(until, now, seconds=False))


def pause_words(bed: BedSnapshot, now_seconds: float, t: Localizer) -> str:
    """Say who silenced a bed and how long that still lasts at a monotonic time; an empty text without a pause.

    A pause never covers what is new or worse, and must not read as if it did.
    """
    if bed.pause is None:
        return ""
    minutes = max(1, math.ceil((bed.pause.until_seconds - now_seconds) / 60.0))
    if any(episode.newest.signal is Signal.ON for episode in bed.open_alerts):
        return t("Not covered by the pause of {name}, {minutes} min left", name=bed.pause.by, minutes=minutes)
    return t("Paused by {name}, {minutes} min left", name=bed.pause.by, minutes=minutes)
