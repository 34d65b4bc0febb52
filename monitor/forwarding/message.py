"""What is forwarded: an alert, or the news that a station no longer watches."""

import json
from dataclasses import dataclass
from datetime import datetime

from monitor.alerts.record import Alert, format_time
from monitor.localization import Localizer, message
from monitor.pain.vocabulary import Code, Phase, Priority

__all__ = ["DeliveryError", "Message", "MessageRefusedError", "describe_code"]

_WORDS = {
    Code.PAIN_SIGN: message("signs of pain seen"),
    Code.PAIN_SUSTAINED: message("signs of pain for minutes"),
    Code.CAMERA_LOST: message("camera lost"),
    Code.PICTURE_FROZEN: message("picture frozen"),
    Code.PICTURE_DARK: message("picture dark"),
    Code.NO_LIFE_SEEN: message("nothing moves by itself"),
    Code.FACE_NOT_VISIBLE: message("cannot see the face"),
    Code.PATIENT_AMBIGUOUS: message("cannot tell which face is the infant's"),
    Code.MODEL_DEGRADED: message("recognition limited"),
    Code.OVERLOAD: message("station too slow"),
    Code.PUBLISHER_BACKLOG: message("alerts delayed"),
    Code.DISK_LOW: message("disk almost full"),
    Code.CLOCK_UNSYNCHRONISED: message("clock not synchronised"),
    Code.FACE_COVERED: message("face covered"),
    Code.BED_UNWATCHED: message("bed unwatched"),
    Code.ALARM_BURDEN_HIGH: message("alarm burden high"),
    Code.BED_EMPTY: message("bed empty"),
    Code.BED_STANDBY: message("bed standby"),
    Code.PROCEDURE: message("procedure"),
    Code.SELF_CHECK_FAILED: message("station does not check itself"),
}
_PRIORITIES = {
    Priority.LOW: message("low priority"),
    Priority.MEDIUM: message("medium priority"),
    Priority.HIGH: message("high priority"),
}
_CHANGES = {
    Phase.END: message("{place}: over: {words} ({priority})"),
    Phase.ESCALATE: message("{place}: more urgent: {words} ({priority})"),
    Phase.UPDATE: message("{place}: update: {words} ({priority})"),
}
_NEWS = message("{place}: {words} ({priority})")


class DeliveryError(Exception):
    """A destination is away, or failed: the same message may arrive later."""


class MessageRefusedError(DeliveryError):
    """A destination does not take this message, however often it comes."""


def describe_code(code: Code, t: Localizer | None = None) -> str:
    """Return a few words for people, in English or in a reader's language."""
    words = _WORDS.get(code, str(code).replace("_", " "))
    return words if t is None else t(words)


@dataclass(frozen=True, slots=True)
class Message:
    """One thing to forward.

    Attributes:
        key: Equal for repeats of one message, and for those only.
        at: When it was determined.
        station: Whose it is.
        alert: The record; None where a station fell silent or is heard of again.
        text: The alert's JSON as published; empty without alert.
        is_silent: Whether the station no longer watches; of no meaning with an alert.
    """

    key: str
    at: datetime
    station: str
    alert: Alert | None = None
    text: str = ""
    is_silent: bool = False

    @classmethod
    def from_alert(cls, alert: Alert, text: str) -> "Message":
        """Return the message of an alert."""
        return cls(f"{alert.alert_id}:{alert.seq}", alert.determined_at, alert.station, alert, text)

    @property
    def topic(self) -> str:
        """What it is about: `alert` or `station`."""
        return "station" if self.alert is None else "alert"

    def to_json(self) -> str:
        """Return one JSON object; that of an alert holds the published record unchanged."""
        head = {"schema": "nicu-pain-monitor/forward/1", "event": self.topic, "key": self.key}
        if self.alert is not None:
            return json.dumps({**head, "alert": json.loads(self.text)}, ensure_ascii=False)
        body = {"station": self.station, "watching": not self.is_silent, "at": format_time(self.at)}
        return json.dumps({**head, **body}, ensure_ascii=False)

    def headline(self, t: Localizer | None = None) -> str:
        """Return one line for people, in English or in a reader's language."""
        t = t or Localizer()
        if self.alert is None:
            if self.is_silent:
                return t("{station}: NOBODY WATCHES, the station is silent", station=self.station)
            return t("{station}: watching again", station=self.station)
        alert = self.alert
        return t(
            _CHANGES.get(alert.phase, _NEWS),
            place=alert.bed or alert.station,
            words=describe_code(alert.code, t),
            priority=t(_PRIORITIES[alert.priority]),
        )
