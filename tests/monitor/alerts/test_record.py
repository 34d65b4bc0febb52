"""What an alert says, and that its published schema says the same."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alerts import CONTEXT, make_transition
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from monitor.alerts.record import Alert, alert_json_schema, compose_alert, format_time
from monitor.alerts.schemas import schema_files
from monitor.clock import ManualClock
from monitor.pain.vocabulary import Code, Phase, Signal, Validity

SCHEMAS = Path(__file__).parents[3] / "configs" / "schemas"
# Made once: to make it and to check it takes longer than to check an alert against it.
SCHEMA = Draft202012Validator(alert_json_schema())
SCHEMA.check_schema(SCHEMA.schema)


def publish(draft) -> dict[str, object]:
    return {
        **draft.model_dump(mode="json"),
        "producer_id": "station-1-ab12",
        "seq": 7,
        "published_at": "2026-01-01T00:00:00.000Z",
    }


@pytest.mark.parametrize("name", sorted(schema_files()))
def test_schema_files_are_in_step_with_the_code(name: str) -> None:
    assert (SCHEMAS / name).read_text() == schema_files()[name], "run: python -m monitor.alerts.schemas configs/schemas"


def test_every_field_of_the_design_is_there() -> None:
    alert = publish(compose_alert(make_transition(), CONTEXT, ManualClock(10.0)))
    assert set(alert) == {
        *("schema", "producer_id", "seq", "alert_id", "phase", "kind", "code", "priority", "condition_present"),
        *("signal", "acknowledgement", "onset_at", "determined_at", "published_at", "clock_state"),
        *("condition_delay_seconds", "station", "bed", "camera", "evidence", "validity", "generation_mode"),
        *("model", "config_hash", "detail", "remedy", "needs_person", "bouts", "recent_bouts"),
    }
    assert alert["schema"] == "nicu-pain-monitor/alert/1"
    measured = {"level": 0.7, "share_of_window": 0.4, "coverage": 0.9, "frames_used": 130}
    assert alert["evidence"] == {**measured, "actions": []}


def test_times_are_labels_taken_at_determination() -> None:
    clock = ManualClock(100.25, epoch=datetime(2026, 3, 1, 12, 0, tzinfo=UTC))
    draft = compose_alert(make_transition(at_seconds=100.0, onset_seconds=97.0), CONTEXT, clock)
    assert format_time(draft.onset_at) == "2026-03-01T12:01:37.000Z"
    assert format_time(draft.determined_at) == "2026-03-01T12:01:40.000Z"
    assert draft.condition_delay_seconds == 3.0


def test_an_acknowledgement_says_who_and_when() -> None:
    clock = ManualClock(100.0)
    transition = make_transition(
        phase=Phase.UPDATE, signal=Signal.ACKNOWLEDGED, acknowledged_by="nurse-7", acknowledged_seconds=90.0
    )
    draft = compose_alert(transition, CONTEXT, clock)
    assert draft.acknowledgement is not None
    assert draft.acknowledgement.by == "nurse-7"
    assert draft.acknowledgement.at == clock.wall() - timedelta(seconds=10)


@settings(deadline=None)
@given(
    at_seconds=st.floats(0, 1e7),
    before=st.floats(0, 1e6),
    code=st.sampled_from(list(Code)),
    phase=st.sampled_from(list(Phase)),
    validity=st.sampled_from(list(Validity)),
    detail=st.text(max_size=2000),
    evidence=st.booleans(),
)
def test_every_alert_keeps_to_the_schema_and_survives_the_way_there_and_back(
    at_seconds, before, code, phase, validity, detail, evidence
) -> None:
    changes = {} if evidence else {"evidence": None}
    transition = make_transition(
        phase=phase,
        code=code,
        at_seconds=at_seconds,
        onset_seconds=at_seconds - before,
        validity=validity,
        detail=detail,
        **changes,
    )
    clock = ManualClock(at_seconds, epoch=datetime(2026, 1, 1, tzinfo=UTC))
    text = json.dumps(publish(compose_alert(transition, CONTEXT, clock)))
    SCHEMA.validate(json.loads(text))
    alert = Alert.model_validate_json(text)
    assert json.loads(alert.model_dump_json()) == json.loads(text)
    assert alert.onset_at <= alert.determined_at


def test_a_reader_accepts_fields_of_a_later_version() -> None:
    alert = publish(compose_alert(make_transition(), CONTEXT, ManualClock(10.0)))
    assert Alert.model_validate({**alert, "invented_later": 1}).seq == 7
