"""A board on a clock that the test moves, and makers of what is written to it."""

from functools import partial

import pytest

from monitor.alerts.record import AlertContext, AlertDraft, GenerationMode, compose_alert
from monitor.board import BedInfo, Board
from monitor.clock import ManualClock
from monitor.pain.vocabulary import (
    AlarmEvidence,
    Code,
    Kind,
    Observation,
    Phase,
    Priority,
    Signal,
    Transition,
    Validity,
)


@pytest.fixture
def clock():
    return ManualClock(1000.0)


@pytest.fixture
def board(clock):
    return Board((BedInfo("bed-1", "cam-1"), BedInfo("bed-2", "cam-2")), clock, on_level=0.6, keeps_pictures=True)


@pytest.fixture
def observation(clock):
    def make(level: float | None = 0.1, **changes) -> Observation:
        fields = {
            "time_seconds": clock.monotonic(),
            "score": level,
            "level": level,
            "display_level": level,
            "coverage": 0.0 if level is None else 0.9,
            "on_share": None if level is None else 0.0,
            "validity": Validity.INVALID if level is None else Validity.VALID,
            "seconds_since_face": 0.0,
        }
        return Observation(**{**fields, **changes})

    return make


def make_alert(clock: ManualClock, alert_id: str = "a1", code: Code = Code.PAIN_SIGN, **changes) -> AlertDraft:
    is_pain = code in {Code.PAIN_SIGN, Code.PAIN_SUSTAINED}
    fields = {
        "alert_id": alert_id,
        "code": code,
        "kind": Kind.PHYSIOLOGICAL if is_pain else Kind.TECHNICAL,
        "phase": Phase.START,
        "priority": Priority.LOW,
        "condition_present": True,
        "signal": Signal.ON,
        "validity": Validity.VALID,
        "onset_seconds": clock.monotonic() - 3,
        "determined_seconds": clock.monotonic(),
        "evidence": AlarmEvidence(0.7, 0.5, 0.9, 120) if is_pain else None,
        "acknowledged_by": None,
        "acknowledged_seconds": None,
        "detail": "What was seen.",
        "remedy": "What to do.",
    }
    context = AlertContext("station-1", "bed-1", "cam-1", GenerationMode.TEST, None, "0" * 64)
    return compose_alert(Transition(**{**fields, **changes}), context, clock)


@pytest.fixture
def alert(clock):
    return partial(make_alert, clock)


@pytest.fixture(scope="session")
def alert_maker():
    """The same on a clock that stands still, for properties, which may not use a fixture that is made per test."""
    return partial(make_alert, ManualClock(1000.0))
