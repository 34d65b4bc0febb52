"""A request over Redis or HTTP reaches the alert that it names, and no other."""

import itertools

import pytest

from monitor.clock import ManualClock
from monitor.config import AlarmSettings, BedSettings, FaceSettings
from monitor.control.requests import Acknowledge, Pause, Resume, Withdraw
from monitor.errors import RefusalCode, RefusedError
from monitor.pain.station_alarms import StationAlarms
from monitor.pain.vocabulary import Code, Signal
from monitor.pipeline.bed_pipeline import BedPipeline
from monitor.station.request_handler import RequestHandler
from monitor.station.station_conditions import StationConditions


class Dispatcher:
    """Takes changes and keeps nothing."""

    def record(self, *_):
        """Take a change."""


class Beds:
    """Two beds whose cameras are lost, and the handler of what people ask of them."""

    def __init__(self):
        self.clock = ManualClock()
        alarms, numbers = AlarmSettings(camera_lost_after_seconds=1.0), itertools.count(1)
        self.newest = {}
        self.beds = {
            name: BedPipeline(
                BedSettings(id=name, camera={"url": "rtsp://203.0.113.1/x"}),
                FaceSettings(),
                alarms,
                new_id=lambda: f"alert-{next(numbers)}",
                stopwatch=self.clock.monotonic,
                on_change=lambda _bed, changes: self.newest.update({one.alert_id: one for one in changes}),
            )
            for name in ("a", "b")
        }
        conditions = StationConditions(StationAlarms(alarms, lambda: "station"), self.clock, Dispatcher())
        self.handler = RequestHandler(self.beds, conditions, Dispatcher(), self.clock)
        self.report(0.0, present=True)
        self.report(2.0, present=True)

    def report(self, seconds, *, present):
        """Let the cameras be lost, or not, some seconds later."""
        self.clock.advance(seconds)
        for bed in self.beds.values():
            bed.report(Code.CAMERA_LOST, present, self.clock.monotonic())

    def signals(self):
        """Return how each alert is signalled."""
        return {alert_id: one.signal for alert_id, one in self.newest.items()}


@pytest.fixture
def beds():
    return Beds()


def test_an_acknowledgement_silences_the_alert_that_it_names(beds):
    assert beds.handler.handle(Acknowledge("alert-1", "nurse-7"))
    assert beds.signals() == {"alert-1": Signal.ACKNOWLEDGED, "alert-2": Signal.ON}
    assert beds.handler.handle(Withdraw("alert-1", "nurse-7"))
    assert beds.signals() == {"alert-1": Signal.ON, "alert-2": Signal.ON}


@pytest.mark.parametrize("code", Code)
def test_the_name_of_a_condition_is_no_alert_and_silences_nothing(beds, code):
    assert not beds.handler.handle(Acknowledge(code.value, "nurse-7"))
    assert set(beds.signals().values()) == {Signal.ON}


@pytest.mark.parametrize("request_kind", [Acknowledge, Withdraw])
def test_an_unknown_alert_changes_nothing_whatever_else_happens_at_that_moment(beds, request_kind):
    beds.report(1.0, present=False)
    beds.report(1.0, present=True)
    beds.clock.advance(5.0)  # the delays are over, and nothing has let time pass yet
    assert not beds.handler.handle(request_kind("alert-99", "nurse-7"))
    assert beds.signals() == {f"alert-{number}": Signal.ON if number > 2 else Signal.OFF for number in range(1, 5)}


@pytest.mark.parametrize("request_kind", [Pause, Resume])
def test_a_pause_of_a_bed_that_is_not_there_is_refused(beds, request_kind):
    with pytest.raises(RefusedError, match="this station watches no bed called c") as caught:
        beds.handler.handle(request_kind("c", "nurse-7"))
    assert caught.value.code is RefusalCode.BED_UNKNOWN
