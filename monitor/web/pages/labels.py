"""How facts read on the page: short words, the same everywhere."""

import math
from datetime import datetime

from monitor.alerts.record import AlertDraft
from monitor.board import HISTORY_SECONDS, AlertEpisode, BedSnapshot, BedState
from monitor.pain.vocabulary import Code, Signal
from monitor.video.status import CameraState, CameraStatus

__all__ = [
    "ICONS",
    "NOTICE",
    "alert_title",
    "camera_state",
    "camera_words",
    "clock_time",
    "duration",
    "face_words",
    "history_span_seconds",
    "pause_words",
    "percent",
    "signal_words",
    "two_digits",
    "why",
    "zone_note",
]

NOTICE = "No alert does not mean no pain."

# Shapes that differ in outline, not in colour alone: octagon, triangle, crossed-out camera, crossed-out eye, and so on.
ICONS = {
    BedState.PAIN_SUSTAINED: "report",
    BedState.PAIN_SIGN: "warning",
    BedState.CAMERA_LOST: "videocam_off",
    BedState.CANNOT_SEE: "visibility_off",
    BedState.STARTING: "hourglass_empty",
    BedState.LEVEL_RAISED: "trending_up",
    BedState.NO_SIGN: "radio_button_unchecked",
}

_TITLES = {
    Code.PAIN_SIGN: "Sign of pain",
    Code.PAIN_SUSTAINED: "Sustained pain",
    Code.CAMERA_LOST: "Camera lost",
    Code.PICTURE_FROZEN: "Picture frozen",
    Code.PICTURE_DARK: "Picture too dark",
    Code.NO_LIFE_SEEN: "No movement seen",
    Code.FACE_NOT_VISIBLE: "Face not visible",
    Code.PATIENT_AMBIGUOUS: "More than one face",
    Code.MODEL_DEGRADED: "Model gives no answer",
    Code.OVERLOAD: "Station cannot keep up",
    Code.PUBLISHER_BACKLOG: "Alerts wait on this station",
    Code.DISK_LOW: "Disk nearly full",
    Code.CLOCK_UNSYNCHRONISED: "Clock not synchronised",
    Code.SELF_CHECK_FAILED: "A part has stopped",
}

_CAMERAS = {
    CameraState.CONNECTING: "connecting",
    CameraState.PLAYING: "playing",
    CameraState.LOST: "lost",
    CameraState.ENDED: "video ended",
    CameraState.STOPPED: "stopped",
}

_SIGNALS = {
    Signal.ON: "on",
    Signal.LATCHED: "over, not acknowledged",
    Signal.ACKNOWLEDGED: "acknowledged",
    Signal.OFF: "over",
}


# Whoever has just started a station sees its first minutes large, not as a stroke at the edge.
_SPANS_SECONDS = (120.0, 300.0, HISTORY_SECONDS)


def history_span_seconds(bed: BedSnapshot, now_seconds: float) -> float:
    """Return how much of a bed's history is worth drawing: two, five or ten minutes, so that all of it is seen."""
    if not bed.history:
        return _SPANS_SECONDS[0]
    age_seconds = now_seconds - bed.history[0].time_seconds
    return next((span for span in _SPANS_SECONDS if age_seconds <= span), HISTORY_SECONDS)


def alert_title(alert: AlertDraft) -> str:
    """Return what an alert is called."""
    return _TITLES[alert.code]


def signal_words(alert: AlertDraft) -> str:
    """Return how an alert stands."""
    return _SIGNALS[alert.signal]


def why(episode: AlertEpisode) -> str:
    """Return on what people were called: share of the window, level, coverage, frames; the sentence where none are."""
    found = episode.reason.evidence
    if found is None:
        return episode.reason.detail
    level = "level not known" if found.level is None else f"level {two_digits(found.level)}"
    return (
        f"{level}, {percent(found.share_of_window)} of the last half minute above the threshold, "
        f"face seen {percent(found.coverage)} of it, {found.frames_used} pictures used"
    )


def camera_state(status: CameraStatus | None) -> str:
    """Return how a camera is, in one or two words."""
    return "not known" if status is None else _CAMERAS[status.state]


def camera_words(status: CameraStatus | None) -> str:
    """Return how a camera is, and its rate."""
    words = camera_state(status)
    if status is not None and status.state is CameraState.PLAYING and status.frames_per_second is not None:
        return f"{words}, {status.frames_per_second:.0f} pictures/s"
    return words


def face_words(seconds: float | None) -> str:
    """Return when the face was last seen. Coarse, so that it does not flicker."""
    if seconds is None:
        return "never"
    if seconds < 3:
        return "now"
    return f"{duration(seconds)} ago"


def pause_words(bed: BedSnapshot, now_seconds: float) -> str:
    """Say who silenced a bed and how long that still lasts at a monotonic time; an empty text without a pause.

    A pause never covers what is new or worse, and must not read as if it did.
    """
    if bed.pause is None:
        return ""
    minutes = max(1, math.ceil((bed.pause.until_seconds - now_seconds) / 60.0))
    if any(episode.newest.signal is Signal.ON for episode in bed.open_alerts):
        return f"Not covered by the pause of {bed.pause.by}, {minutes} min left"
    return f"Paused by {bed.pause.by}, {minutes} min left"


def duration(seconds: float) -> str:
    """Return a time span for people: `12 s`, `3 min`, `2 h 5 min`."""
    if seconds < 10:
        return f"{seconds:.0f} s"
    if seconds < 60:
        return f"{seconds // 5 * 5:.0f} s"
    minutes = int(seconds // 60)
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"


def zone_note() -> str:
    """Return in which time zone the page shows times: a container's is UTC unless its variable TZ says otherwise."""
    return f"Times in {datetime.now().astimezone().strftime('%Z') or 'UTC'}"


def clock_time(time: datetime | None) -> str:
    """Return a time of day, as the station's own clock shows it."""
    return "-" if time is None else time.astimezone().strftime("%H:%M:%S")


def percent(share: float) -> str:
    """Return a share as a whole percentage."""
    return f"{share:.0%}"


def two_digits(level: float | None) -> str:
    """Return a level; a dash where it cannot be determined, never 0."""
    return "–" if level is None or not 0.0 <= level <= 1.0 else f"{level:.2f}"  # noqa: RUF001 - a dash for people
