"""An alert as HL7 v2.6 ORU^R40, after the transaction Report Alert (PCD-04) of IHE Alert Communication Management.

No patient is named: the station knows beds, and the alarm manager knows who lies in them (PV1-3). The codes of ISO/IEEE
11073-10101 have none for signs of pain that a camera sees; the conditions are therefore local codes of the system
`99NICU`.
"""

from datetime import UTC, datetime

from monitor.alerts.record import Alert, GenerationMode
from monitor.forwarding.message import Message, describe_code
from monitor.forwarding.settings import Hl7Settings
from monitor.pain.vocabulary import Kind, Phase, Priority, Signal

__all__ = ["compose_report", "escape"]

_ESCAPES = {"\\": "\\E\\", "|": "\\F\\", "^": "\\S\\", "&": "\\T\\", "~": "\\R\\", "\r": "\\X0D\\", "\n": "\\X0A\\"}
_PROFILE = "IHE_PCD_ACM_001^IHE PCD^1.3.6.1.4.1.19376.1.6.4.4^ISO"
_PHASES = {Phase.START: "start", Phase.UPDATE: "update", Phase.ESCALATE: "escalate", Phase.END: "end"}
_STATES = {Signal.ON: "active", Signal.LATCHED: "latched", Signal.ACKNOWLEDGED: "active", Signal.OFF: "inactive"}
_PRIORITIES = {Priority.LOW: "PL", Priority.MEDIUM: "PM", Priority.HIGH: "PH"}
_KINDS = {Kind.PHYSIOLOGICAL: "SP", Kind.TECHNICAL: "ST"}


def escape(text: str) -> str:
    """Return text in which no character can be taken for a delimiter of HL7 (chapter 2, escape sequences)."""
    return "".join(_ESCAPES.get(character, character) for character in text)


def _time(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y%m%d%H%M%S") + "+0000"


def compose_report(message: Message, settings: Hl7Settings, control_id: str, now: datetime) -> str:
    """Return one message, segments ended by carriage returns.

    Args:
        message: An alert, or the news of a silent station.
        settings: Names of sender and receiver, and whether messages are marked as training.
        control_id: MSH-10, which the receiver repeats in its answer; at most 20 characters.
        now: MSH-7.
    """
    alert = message.alert
    is_real = alert is None or alert.generation_mode is GenerationMode.REAL
    processing = "P" if is_real and not settings.test_mode else "T"
    sender = f"NICU_PAIN_MONITOR|{escape(settings.sending_facility)}"
    receiver = f"{escape(settings.receiving_application)}|{escape(settings.receiving_facility)}"
    bed = "" if alert is None or alert.bed is None else escape(alert.bed)
    alert_id = escape(f"{message.station}-silent" if alert is None else alert.alert_id)
    encoding = f"UNICODE UTF-8|||{_PROFILE}"
    segments = [
        f"MSH|^~\\&|{sender}|{receiver}|{_time(now)}||ORU^R40^ORU_R40|{control_id}|{processing}|2.6|||AL|NE||{encoding}",
        "PID|||^^^^PI",
        f"PV1||I|^^{bed}",
        f"OBR|1|{alert_id}^NICU_PAIN_MONITOR|{alert_id}^NICU_PAIN_MONITOR|196616^MDC_EVT_ALARM^MDC|||{_time(message.at)}",
        *(_station_facets(message) if alert is None else _alert_facets(alert)),
    ]
    return "\r".join(segments) + "\r"


def _alert_facets(alert: Alert) -> list[str]:
    words = f"{describe_code(alert.code)}. {alert.detail}".strip()
    silenced = "alert-acknowledged" if alert.signal is Signal.ACKNOWLEDGED else "enabled"
    return _facets(
        code=str(alert.code),
        words=words,
        time=alert.determined_at,
        source=alert.camera or alert.station,
        phase=_PHASES[alert.phase],
        state=_STATES[alert.signal],
        inactivation=silenced,
        priority=_PRIORITIES[alert.priority],
        kind=_KINDS[alert.kind],
    )


def _station_facets(message: Message) -> list[str]:
    return _facets(
        code="station_silent",
        words=message.headline(),
        time=message.at,
        source=message.station,
        phase="start" if message.is_silent else "end",
        state="active" if message.is_silent else "inactive",
        inactivation="enabled",
        priority=_PRIORITIES[Priority.HIGH],
        kind=_KINDS[Kind.TECHNICAL],
    )


def _facets(
    *,
    code: str,
    words: str,
    time: datetime,
    source: str,
    phase: str,
    state: str,
    inactivation: str,
    priority: str,
    kind: str,
) -> list[str]:
    when = _time(time)
    rows = (
        ("CWE", "196616^MDC_EVT_ALARM^MDC", f"{escape(code)}^{escape(words[:190])}^99NICU", f"{priority}~{kind}"),
        ("ST", "68480^MDC_ATTR_ALERT_SOURCE^MDC", escape(source), ""),
        ("ST", "68481^MDC_ATTR_EVENT_PHASE^MDC", phase, ""),
        ("ST", "68482^MDC_ATTR_ALARM_STATE^MDC", state, ""),
        ("ST", "68483^MDC_ATTR_ALARM_INACTIVATION_STATE^MDC", inactivation, ""),
        ("ST", "68484^MDC_ATTR_ALARM_PRIORITY^MDC", priority, ""),
        ("ST", "68485^MDC_ATTR_ALERT_TYPE^MDC", kind, ""),
    )
    return [
        f"OBX|{number}|{value_type}|{identifier}|1.0.0.0.{number}|{value}|||{flags}|||F|||{when}"
        for number, (value_type, identifier, value, flags) in enumerate(rows, start=1)
    ]
