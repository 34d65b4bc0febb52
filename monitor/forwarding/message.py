"""What is forwarded: an alert, or the news that a station no longer watches."""

import json
from dataclasses import dataclass
from datetime import datetime

from monitor.alerts.record import Alert, format_time
from monitor.pain.vocabulary import Code

__all__ = ["DeliveryError", "Message", "MessageRefusedError", "describe_code"]

_WORDS = {
    Code.PAIN_SIGN: "signs of pain seen",
    Code.PAIN_SUSTAINED: "signs of pain for minutes",
    Code.CAMERA_LOST: "camera lost",
    Code.PICTURE_FROZEN: "picture frozen",
    Code.PICTURE_DARK: "picture dark",
    Code.NO_LIFE_SEEN: "nothing moves by itself",
    Code.FACE_NOT_VISIBLE: "cannot see the face",
    Code.PATIENT_AMBIGUOUS: "cannot tell which face is the infant's",
    Code.MODEL_DEGRADED: "recognition limited",
    Code.OVERLOAD: "station too slow",
    Code.PUBLISHER_BACKLOG: "alerts delayed",
    Code.DISK_LOW: "disk almost full",
    Code.CLOCK_UNSYNCHRONISED: "clock not synchronised",
    Code.SELF_CHECK_FAILED: "station does not check itself",
}


class DeliveryError(Exception):
    """A destination is away, or failed: the same message may arrive later."""


class MessageRefusedError(DeliveryError):
    """A destination does not take this message, however often it comes."""


def describe_code(code: Code) -> str:
    """Return a few words for people."""
    return _WORDS.get(code, str(code).replace("_", " "))


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

    def headline(self) -> str:
        """Return one line for people."""
        if self.alert is None:
            return f"{self.station}: {'NOBODY WATCHES, the station is silent' if self.is_silent else 'watching again'}"
        alert = self.alert
        where = alert.bed or alert.station
        state = {"end": "over: ", "escalate": "more urgent: ", "update": "update: "}.get(str(alert.phase), "")
        return f"{where}: {state}{describe_code(alert.code)} ({alert.priority} priority)"
