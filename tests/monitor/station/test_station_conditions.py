"""The conditions of the whole station, over a restart with another configuration."""

from datetime import UTC, datetime

import pytest

from monitor.clock import ManualClock
from monitor.config import AlarmSettings
from monitor.pain.station_alarms import StationAlarms
from monitor.pain.vocabulary import Code
from monitor.station.fleet_beds import report_fleet
from monitor.station.station_conditions import ConditionReport, StationConditions

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
