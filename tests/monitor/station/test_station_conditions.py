"""The conditions of the whole station, over a restart with another configuration."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from monitor.clock import ManualClock
from monitor.config import AlarmSettings
from monitor.pain.station_alarms import StationAlarms
from monitor.pain.vocabulary import Code, Phase, Signal
from monitor.station.fleet_beds import report_fleet
from monitor.station.station_conditions import ConditionReport, StationConditions
from monitor.station.supervisor import Supervisor
from monitor.telemetry.heartbeats import Heartbeats

WALL = datetime(2026, 1, 31, tzinfo=UTC)


class Dispatcher:
    """Keeps the changes."""

    def __init__(self):
        self.changes = []

    def record(self, _bed, transitions, _snapshot):
        """Take changes."""
        self.changes += [(one.code, one.phase.value) for one in transitions]


@pytest.fixture
def dispatcher():
    return Dispatcher()


def conditions(clock, dispatcher):
    return StationConditions(StationAlarms(AlarmSettings(), lambda: "alert-1"), clock, dispatcher)


def test_a_station_that_shares_no_beds_any_more_ends_what_it_said_of_them(dispatcher):
    clock = ManualClock()
    sharing = conditions(clock, dispatcher)
    sharing.take([ConditionReport(Code.BED_UNWATCHED, present=True, detail="No station watches bed-1.")])
    alone = conditions(clock, dispatcher)
    (signalled,) = alone.restore(sharing.snapshot(WALL), WALL, clock.monotonic())
    assert signalled.code is Code.BED_UNWATCHED
    for _ in range(4):
        clock.advance(1.0)
        alone.take(report_fleet(None))
    assert dispatcher.changes == [(Code.BED_UNWATCHED, "start"), (Code.BED_UNWATCHED, "end")]


def acknowledged(stands):
    stands.acknowledge(None, "nurse-7")
    return lambda: [(one.phase, one.signal, one.detail) for one in stands._alarms.active()]


def test_a_bed_more_that_nobody_watches_is_signalled_again(dispatcher):
    clock = ManualClock()
    stands = conditions(clock, dispatcher)

    def lose(*beds):
        clock.advance(1.0)
        stands.take(report_fleet(SimpleNamespace(status=SimpleNamespace(unwatched=beds))))

    lose("bed-1")
    shown = acknowledged(stands)
    lose("bed-1", "bed-2")
    assert shown() == [(Phase.ESCALATE, Signal.ON, "No station watches bed-1, bed-2: pain there raises no alert.")]


def test_a_part_more_that_stops_is_signalled_again(dispatcher):
    clock = ManualClock()
    stands, heartbeats, faults = conditions(clock, dispatcher), Heartbeats(clock), []
    idle = SimpleNamespace(check_station=lambda *_: ConditionReport(Code.OVERLOAD, present=False))
    machine, notifier = SimpleNamespace(check=lambda _: ()), SimpleNamespace(feed=lambda: None)
    reporter = SimpleNamespace(report_station=stands.take)
    supervisor = Supervisor(
        clock, heartbeats, {}, idle, machine, reporter, notifier, fault=lambda: faults[0] if faults else None
    )
    heartbeats.expect("disk", 5.0)
    clock.advance(6.0)
    supervisor.tick()
    shown = acknowledged(stands)
    faults.append("The page does not open.")
    supervisor.tick()
    words = "These parts of the station have stopped working: disk. The page does not open."
    assert shown() == [(Phase.ESCALATE, Signal.ON, words)]
    shown = acknowledged(stands)
    heartbeats.expect("camera", 0.0)
    clock.advance(1.0)
    supervisor.tick()
    assert [(phase, signal) for phase, signal, _ in shown()] == [(Phase.ESCALATE, Signal.ON)]
