"""An example of how this station's records map to HL7 FHIR, for integrators; R4 (4.0.1), also valid in R5.

A bed's observation becomes an `Observation`; an alert of the patient a `DetectedIssue`, and one of the equipment a
`DetectedIssue` without a patient's location. FHIR's own `DeviceAlert` is a draft of R6 and may still change. The codes
are this project's own: no code system has a term for "sign of pain seen by a research camera", and a term for pain
scores would claim more than this software can say.

What must survive the mapping, and does: a bed that cannot be assessed has a `dataAbsentReason` and no value, never 0;
`status` is `preliminary`, never `final`; the notice that this is research software is part of every resource. There is
no `subject`: the station knows beds, not patients, and who lies there is for the hospital's own system to add.
"""

from typing import Any

from monitor.alerts.record import AlertDraft, format_time
from monitor.board import AlertEpisode
from monitor.pain.vocabulary import Kind, Priority, Validity
from monitor.web.records import ObservationRecord

__all__ = ["CODE_SYSTEM", "detected_issue", "observation_resource"]

CODE_SYSTEM = "urn:nicu-pain-monitor:codes"
_IDENTIFIERS = "urn:nicu-pain-monitor:alerts"
_NOTICE = "Research software. Not a medical device. No alert does not mean no pain."
_SEVERITY = {Priority.LOW: "low", Priority.MEDIUM: "moderate", Priority.HIGH: "high"}
_UNIT = {"unit": "1", "system": "http://unitsofmeasure.org", "code": "1"}

Resource = dict[str, Any]


def observation_resource(record: ObservationRecord) -> Resource:
    """Return an `Observation` of a bed's level.

    Args:
        record: What the bed shows now.

    Returns:
        FHIR JSON. `valueQuantity` and the share above the threshold only where the face can be assessed; otherwise
        `dataAbsentReason`.
    """
    resource: Resource = {
        "resourceType": "Observation",
        "status": "preliminary",
        "category": [_concept("http://terminology.hl7.org/CodeSystem/observation-category", "survey", "Survey")],
        "code": _concept(CODE_SYSTEM, "facial-pain-level", "Level of facial signs of pain, estimated by camera"),
        "device": {"identifier": {"system": "urn:nicu-pain-monitor:cameras", "value": record.camera}},
        "note": [{"text": _NOTICE}],
        "component": [_component("coverage", "Share of the last window with a usable face", record.coverage)],
        "extension": [_location(record.station, record.bed)],
    }
    if record.observed_at is not None:
        resource["effectiveDateTime"] = format_time(record.observed_at)
    if record.can_see and record.level is not None and record.validity is Validity.VALID:
        resource["valueQuantity"] = {"value": record.level, **_UNIT}
        if record.on_share is not None:
            share = _component("on-share", "Share of the last window at or above the threshold", record.on_share)
            resource["component"].append(share)
    else:
        absent = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
        resource["dataAbsentReason"] = {
            **_concept(absent, "unknown", "Unknown"),
            "text": " ".join(part for part in (f"{record.words}.", record.detail) if part),
        }
    return resource


def detected_issue(episode: AlertEpisode) -> Resource:
    """Return a `DetectedIssue` of an alert.

    Args:
        episode: The alert over time.

    Returns:
        FHIR JSON. An alert that is over has a `mitigation` only where somebody acknowledged it.
    """
    alert = episode.newest
    resource: Resource = {
        "resourceType": "DetectedIssue",
        "identifier": [{"system": _IDENTIFIERS, "value": alert.alert_id}],
        "status": "preliminary",
        "code": _concept(CODE_SYSTEM, alert.code.value, alert.code.value.replace("_", " ")),
        "severity": _SEVERITY[alert.priority],
        "identifiedPeriod": _period(episode),
        "detail": f"{alert.detail} {alert.remedy} {_NOTICE}".strip(),
        "evidence": [{"code": [{"text": text}]} for text in _evidence(episode)],
        "extension": [_location(alert.station, alert.bed)],
    }
    if episode.acknowledgement is not None:
        resource["mitigation"] = [
            {
                "action": _concept(CODE_SYSTEM, "acknowledged", "Acknowledged"),
                "date": format_time(episode.acknowledgement.at),
                "author": {"display": episode.acknowledgement.by},
            }
        ]
    if not resource["evidence"]:
        del resource["evidence"]
    return resource


def _period(episode: AlertEpisode) -> dict[str, str]:
    period = {"start": format_time(episode.newest.onset_at)}
    if episode.ended_at is not None:
        period["end"] = format_time(max(episode.ended_at, episode.newest.onset_at))
    return period


def _evidence(episode: AlertEpisode) -> list[str]:
    reason: AlertDraft = episode.reason
    if reason.kind is not Kind.PHYSIOLOGICAL or reason.evidence is None:
        return []
    found = reason.evidence
    level = "not known" if found.level is None else f"{found.level:.2f}"
    why = (
        f"level {level}; {found.share_of_window:.0%} of the window at or above the threshold; "
        f"coverage {found.coverage:.0%}; {found.frames_used} frames used; validity {reason.validity}"
    )
    texts = [why]
    if reason.model is not None:
        texts.append(f"model {reason.model.name}, sha256 {reason.model.sha256}")
    return texts


def _concept(system: str, code: str, display: str) -> Resource:
    return {"coding": [{"system": system, "code": code, "display": display}]}


def _component(code: str, display: str, value: float) -> Resource:
    return {"code": _concept(CODE_SYSTEM, code, display), "valueQuantity": {"value": value, **_UNIT}}


def _location(station: str, bed: str | None) -> Resource:
    """Return where it was seen, as a logical reference: the hospital maps it to its own locations."""
    return {
        "url": "urn:nicu-pain-monitor:location",
        "valueReference": {
            "type": "Location",
            "identifier": {"system": f"urn:nicu-pain-monitor:station:{station}", "value": bed or "station"},
        },
    }
