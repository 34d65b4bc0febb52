"""Alerts for tests, as the alarm logic would make them."""

from datetime import UTC, datetime

from redis_server import RedisServer

from monitor.alerts.record import Alert, AlertContext, AlertDraft, AlertModel, GenerationMode, compose_alert
from monitor.clock import Clock, SystemClock
from monitor.pain.vocabulary import AlarmEvidence, Code, Kind, Phase, Priority, Signal, Transition, Validity

CONTEXT = AlertContext(
    station="station-1",
    bed="bed-1",
    camera="bed-1-camera",
    generation_mode=GenerationMode.TEST,
    model=AlertModel(name="ncnn-demo", sha256="a" * 64),
    config_hash="b" * 64,
)


def make_transition(
    alert_id: str = "alert-1",
    phase: Phase = Phase.START,
    code: Code = Code.PAIN_SIGN,
    at_seconds: float = 10.0,
    onset_seconds: float = 7.0,
    **changes: object,
) -> Transition:
    """A pain sign, unless asked for another."""
    over = phase is Phase.END
    values: dict[str, object] = {
        "alert_id": alert_id,
        "code": code,
        "kind": Kind.PHYSIOLOGICAL if code in {Code.PAIN_SIGN, Code.PAIN_SUSTAINED} else Kind.TECHNICAL,
        "phase": phase,
        "priority": Priority.LOW,
        "condition_present": not over,
        "signal": Signal.OFF if over else Signal.ON,
        "validity": Validity.VALID,
        "onset_seconds": onset_seconds,
        "determined_seconds": at_seconds,
        "evidence": AlarmEvidence(level=0.7, share_of_window=0.4, coverage=0.9, frames_used=130),
        "acknowledged_by": None,
        "acknowledged_seconds": None,
        "detail": "The level stood at or above 0.60 for 3 s.",
        "remedy": "Look at the infant.",
    }
    return Transition(**{**values, **changes})  # type: ignore[arg-type]


def make_draft(
    alert_id: str = "alert-1",
    phase: Phase = Phase.START,
    bed: str = "bed-1",
    clock: Clock | None = None,
    **changes: object,
) -> AlertDraft:
    """The draft of a transition that has just been determined."""
    clock = clock or SystemClock()
    now_seconds = clock.monotonic()
    transition = make_transition(alert_id, phase, at_seconds=now_seconds, onset_seconds=now_seconds - 3, **changes)  # type: ignore[arg-type]
    context = AlertContext(
        station=CONTEXT.station,
        bed=bed,
        camera=f"{bed}-camera",
        generation_mode=CONTEXT.generation_mode,
        model=CONTEXT.model,
        config_hash=CONTEXT.config_hash,
    )
    return compose_alert(transition, context, clock)


def put(server: RedisServer, alert_id: str, seq: int, producer_id: str = "station-1", *, entry_id: str = "*") -> str:
    """Write an alert into the stream as a station does; return the entry's id."""
    draft = make_draft(alert_id).model_dump(by_alias=False)
    alert = Alert(**draft, producer_id=producer_id, seq=seq, published_at=datetime.now(tz=UTC))
    return server.client().xadd("nicu:alerts", {"alert": alert.model_dump_json()}, id=entry_id)
