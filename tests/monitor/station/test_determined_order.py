"""The determined times of an alert never go back, whatever the wall clock does while the station is away."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alerts import CONTEXT, make_draft, make_transition
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.alerts.record import AlertDraft, GenerationMode
from monitor.board.board import Board
from monitor.board.status_records import BedInfo
from monitor.clock import ManualClock
from monitor.config import RedisSettings, SpoolSettings
from monitor.delivery.publisher import Publisher
from monitor.pain.vocabulary import Phase
from monitor.station.alert_dispatcher import AlertDispatcher
from monitor.station.outputs import StationOutputs
from monitor.telemetry.label_clock import LabelClock
from monitor.telemetry.metrics import StationMetrics

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def publisher(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Publisher]:
    directory: Path = tmp_path_factory.mktemp("state")
    publisher = Publisher(RedisSettings(), SpoolSettings(directory=directory), "station-1", ManualClock())
    yield publisher
    publisher.stop(1.0)


def restart(publisher: Publisher, clock: ManualClock) -> AlertDispatcher:
    board = Board([BedInfo("bed-1", "bed-1-camera")], clock, on_level=0.6)
    outputs = StationOutputs(publisher, StationMetrics("station-1", GenerationMode.TEST, clock), board)
    return AlertDispatcher({"bed-1": CONTEXT}, LabelClock(clock), outputs)


def show(dispatcher: AlertDispatcher, clock: ManualClock, alert_id: str, phase: Phase) -> AlertDraft:
    now = clock.monotonic()
    (draft,) = dispatcher.show("bed-1", [make_transition(alert_id, phase, at_seconds=now, onset_seconds=now - 3)])
    return draft


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(
    steps_seconds=st.lists(st.integers(-100_000, 100_000), min_size=1, max_size=5),
    passing_seconds=st.lists(st.integers(0, 90_000), min_size=5, max_size=5),
)
def test_over_any_restarts_and_steps_of_the_wall_clock(publisher, steps_seconds, passing_seconds) -> None:
    """Each run ends with a step of the wall clock; the last one sees the end of the alert."""
    clock = ManualClock(10.0, BEGIN)
    newest = make_draft("alert-1", clock=clock)
    offset = timedelta()
    for step_seconds, passed_seconds in zip(steps_seconds, passing_seconds, strict=False):
        offset += timedelta(seconds=step_seconds)
        clock = ManualClock(10.0, BEGIN + offset)
        dispatcher = restart(publisher, clock)
        dispatcher.go_on_after([newest])
        (restored, later) = (show(dispatcher, clock, "alert-1", phase) for phase in (Phase.START, Phase.UPDATE))
        assert newest.determined_at <= restored.determined_at <= later.determined_at
        clock.advance(passed_seconds)
        end = show(dispatcher, clock, "alert-1", Phase.END)
        assert later.determined_at <= end.determined_at
        assert end.onset_at <= end.determined_at
        newest = later
        assert show(dispatcher, clock, "alert-2", Phase.START).determined_at == clock.wall(), "others are not held up"


def test_what_was_over_before_the_restart_holds_nothing_up(publisher) -> None:
    future = make_draft("alert-1", Phase.END, clock=ManualClock(10.0, BEGIN + timedelta(days=900)))
    clock = ManualClock(10.0, BEGIN)
    dispatcher = restart(publisher, clock)
    dispatcher.go_on_after([future])
    assert show(dispatcher, clock, "alert-1", Phase.START).determined_at == clock.wall()
