"""An alert by which people try a destination before they rely on it."""

import uuid

from monitor.alerts.record import Alert, ClockState, GenerationMode
from monitor.clock import Clock
from monitor.forwarding.message import Message
from monitor.pain.vocabulary import Code, Kind, Phase, Priority, Signal, Validity

__all__ = ["sample_message"]


def sample_message(clock: Clock) -> Message:
    """Return the start of a technical alert that says of itself that it is a test."""
    now = clock.wall()
    alert = Alert(
        alert_id=f"test-{uuid.uuid4().hex}",
        phase=Phase.START,
        kind=Kind.TECHNICAL,
        code=Code.CAMERA_LOST,
        priority=Priority.LOW,
        condition_present=True,
        signal=Signal.ON,
        acknowledgement=None,
        onset_at=now,
        determined_at=now,
        clock_state=ClockState.UNKNOWN,
        condition_delay_seconds=0.0,
        station="forward-test",
        bed="test-bed",
        camera=None,
        evidence=None,
        validity=Validity.INVALID,
        generation_mode=GenerationMode.TEST,
        model=None,
        config_hash="0" * 64,
        detail="This is a test of the way from the monitor to this destination.",
        remedy="Nothing needs to be done.",
        producer_id="forward-test",
        seq=1,
        published_at=now,
    )
    return Message.from_alert(alert, alert.model_dump_json())
