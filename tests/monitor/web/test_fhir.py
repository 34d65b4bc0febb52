"""The FHIR mapping: valid resources that never turn "cannot see" into a number."""

from datetime import UTC, datetime, timedelta

import pytest

from monitor.alerts.record import (
    Acknowledgement,
    AlertDraft,
    AlertEvidence,
    AlertModel,
    ClockState,
    GenerationMode,
)
from monitor.board import AlertEpisode
from monitor.pain.vocabulary import Code, Kind, Phase, Priority, Signal, Validity
from monitor.web.fhir import detected_issue, observation_resource
from monitor.web.records import ObservationRecord

AT = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)


def record(**changes) -> ObservationRecord:
    fields = {
        "station": "station-1", "bed": "bed-1", "camera": "cam-1", "generation_mode": "real", "observed_at": AT,
        "age_seconds": 0.2, "state": "no_sign", "words": "No sign of pain seen", "detail": "", "can_see": True,
        "score": 0.1, "level": 0.12, "display_level": 0.11, "coverage": 0.9, "on_share": 0.0,
        "validity": Validity.VALID, "seconds_since_face": 0.0,
    }  # fmt: skip
    return ObservationRecord(**{**fields, **changes})


def alert(**changes) -> AlertDraft:
    fields = {
        "alert_id": "a1", "phase": Phase.START, "kind": Kind.PHYSIOLOGICAL, "code": Code.PAIN_SIGN,
        "priority": Priority.LOW, "condition_present": True, "signal": Signal.ON, "acknowledgement": None,
        "onset_at": AT, "determined_at": AT + timedelta(seconds=3), "clock_state": ClockState.SYNCHRONISED,
        "condition_delay_seconds": 3.0, "station": "station-1", "bed": "bed-1", "camera": "cam-1",
        "evidence": AlertEvidence(level=0.7, share_of_window=0.5, coverage=0.9, frames_used=120),
        "validity": Validity.VALID, "generation_mode": GenerationMode.REAL,
        "model": AlertModel(name="ncnn-demo", sha256="5" * 64), "config_hash": "0" * 64, "detail": "Seen.",
        "remedy": "Look.",
    }  # fmt: skip
    return AlertDraft(**{**fields, **changes})


def episode(newest: AlertDraft, ended_at=None, acknowledgement=None) -> AlertEpisode:
    return AlertEpisode(newest, newest, ended_at, acknowledgement)


@pytest.fixture(params=["R4B", "R5"])
def check(request):
    """Validate with an independent implementation of FHIR; R4B differs from R4 in none of these resources."""
    reason = "fhir.resources is not installed: pip install fhir.resources"
    modules = pytest.importorskip("fhir.resources", reason=reason)
    prefix = f"{modules.__name__}.R4B" if request.param == "R4B" else modules.__name__
    observation = pytest.importorskip(f"{prefix}.observation").Observation
    issue = pytest.importorskip(f"{prefix}.detectedissue").DetectedIssue
    classes = {"Observation": observation, "DetectedIssue": issue}
    return lambda resource: classes[resource["resourceType"]].model_validate(resource)


CASES = {
    "calm": observation_resource(record()),
    "blind": observation_resource(record(can_see=False, level=None, validity=Validity.INVALID)),
    "never seen": observation_resource(record(observed_at=None, can_see=False, level=None)),
    "pain": detected_issue(episode(alert())),
    "over": detected_issue(
        episode(
            alert(phase=Phase.END, condition_present=False, signal=Signal.OFF),
            AT + timedelta(seconds=60),
            Acknowledgement(by="anna", at=AT + timedelta(seconds=10)),
        )
    ),
    "technical": detected_issue(
        episode(alert(kind=Kind.TECHNICAL, code=Code.CAMERA_LOST, evidence=None, priority=Priority.MEDIUM, model=None))
    ),
}


def components(resource):
    return {one["code"]["coding"][0]["code"]: one["valueQuantity"]["value"] for one in resource["component"]}


@pytest.mark.parametrize("case", CASES)
def test_the_resource_is_valid_fhir(check, case):
    check(CASES[case])


@pytest.mark.parametrize(
    "changes",
    [
        {"can_see": False},
        {"level": None},
        {"validity": Validity.QUESTIONABLE},
        {"validity": Validity.INVALID},
    ],
)
def test_what_cannot_be_determined_has_a_reason_and_no_value(changes):
    resource = observation_resource(record(words="Cannot see", detail="No face for 12 s.", **changes))
    assert "valueQuantity" not in resource
    assert components(resource) == {"coverage": 0.9}
    assert resource["dataAbsentReason"]["text"] == "Cannot see. No face for 12 s."


def test_a_level_that_can_be_determined_is_preliminary_and_carries_the_notice():
    resource = observation_resource(record())
    assert resource["valueQuantity"]["value"] == 0.12
    assert components(resource) == {"coverage": 0.9, "on-share": 0.0}
    assert resource["status"] == "preliminary"
    assert "dataAbsentReason" not in resource
    assert "No alert does not mean no pain." in resource["note"][0]["text"]
    assert "subject" not in resource


def test_an_alert_says_why_who_and_until_when():
    issue = CASES["over"]
    assert issue["identifiedPeriod"] == {"start": "2026-01-31T12:00:00.000Z", "end": "2026-01-31T12:01:00.000Z"}
    assert issue["mitigation"][0]["author"]["display"] == "anna"
    text = issue["evidence"][0]["code"][0]["text"]
    assert text == (
        "level 0.70; 50% of the window at or above the threshold; coverage 90%; 120 frames used; validity valid"
    )
    assert "ncnn-demo" in issue["evidence"][1]["code"][0]["text"]
    assert issue["severity"] == "low"
    assert "No alert does not mean no pain." in issue["detail"]
