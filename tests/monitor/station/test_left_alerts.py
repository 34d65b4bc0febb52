"""Alerts that nobody would end are ended, and no others; what people read of days past says so, too."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alerts import make_draft
from recorded_board import EPOCH, Recorded

from monitor.alerts.record import GenerationMode
from monitor.board import BedInfo
from monitor.config import AlarmSettings, RedisSettings, SpoolSettings
from monitor.delivery.publisher import Publisher
from monitor.history.handover import bed_handover
from monitor.pain.bed_alarms import BedAlarms
from monitor.pain.vocabulary import Code, Phase, Signal, Validity
from monitor.station.left_alerts import LeftAlerts, end_left_alerts
from monitor.station.outputs import StationOutputs
from monitor.telemetry.metrics import StationMetrics

NOW = datetime(2100, 1, 1, tzinfo=UTC)


def test_only_what_is_on_and_not_gone_on_with_is_ended() -> None:
    newest = [
        make_draft("of a removed bed", bed="bed-9"),
        make_draft("latched", bed="bed-9", condition_present=False, signal=Signal.LATCHED),
        make_draft("over", Phase.END, bed="bed-9"),
        make_draft("goes on", bed="bed-1"),
        make_draft("state is lost", bed="bed-1"),
    ]
    ends = end_left_alerts(newest, {"goes on"}, {"bed-1"}, NOW)
    assert [end.alert_id for end in ends] == ["of a removed bed", "latched", "state is lost"]
    for end in ends:
        assert (end.phase, end.condition_present, end.signal) == (Phase.END, False, Signal.OFF)
        assert (end.validity, end.determined_at) == (Validity.QUESTIONABLE, NOW)
    assert "bed-9 left the configuration" in ends[0].detail
    assert "could not be read" in ends[2].detail


class ReloadedStation(Recorded):
    """A station with two beds, of which one can leave and come again."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory / "history")
        self.watched = {"bed-1", "bed-2"}
        publisher = Publisher(RedisSettings(), SpoolSettings(directory=directory / "state"), "station-1", self.clock)
        metrics = StationMetrics("station-1", GenerationMode.TEST, self.clock)
        outputs = StationOutputs(publisher, metrics, self.board)
        self.left = LeftAlerts(outputs, self.watched, self.clock, lambda _event, _details: None)
        self.runs = iter("abcdef")

    def watch(self, *beds: str) -> None:
        """Watch these beds from now on, as a reload of the configuration does."""
        on = [episode.newest for bed in self.board.snapshot().beds for episode in bed.open_alerts]
        self.watched.clear()
        self.watched.update(beds)
        self.board.watch([BedInfo(bed, f"{bed}-camera") for bed in beds])
        self.left.end([alert for alert in on if alert.bed not in beds])

    def begin_alarms(self) -> None:
        """Begin with alarm logic that knows nothing."""
        run, numbers = next(self.runs), iter(range(1_000))
        self.alarms = BedAlarms(AlarmSettings(), lambda: f"{run}-{next(numbers)}")

    def take_episode(self) -> None:
        """Let pain come and go, and let somebody acknowledge it."""
        self.show(30, 0.95)
        self.record(self.alarms.acknowledge(None, "nurse 7", self.clock.monotonic()))
        self.show(600, 0.05)


@pytest.fixture
def station(tmp_path: Path) -> ReloadedStation:
    return ReloadedStation(tmp_path)


def test_pain_of_a_bed_that_was_removed_has_ended_in_the_handover_and_later_pain_is_counted(station) -> None:
    station.show(30, 0.95)
    station.watch("bed-2")
    removed_at = station.now()
    station.clock.advance(60)
    station.recorder.take(station.board.snapshot())
    station.recorder.write()
    assert station.board.snapshot().bed("bed-1") is None
    station.watch("bed-1", "bed-2")
    station.clock.advance(2)
    assert station.board.snapshot().bed("bed-1").past_alerts == (), "another infant may lie there"
    station.begin_alarms()
    for _ in range(2):
        station.take_episode()
    station.recorder.write()
    pain = bed_handover(station.recorder, "bed-1", EPOCH, station.now()).pain
    assert len(pain) == 3
    assert pain[0].ended_at is not None
    assert abs(pain[0].ended_at - removed_at) < timedelta(seconds=0.01)
    assert pain[0].acknowledged_by is None
    assert [episode.acknowledged_by for episode in pain[1:]] == ["nurse 7"] * 2


def test_what_a_lost_alarm_state_left_on_has_ended_on_the_page_and_in_the_handover(station) -> None:
    station.show(30, 0.95)
    station.recorder.take(station.board.snapshot())
    on = [episode.newest for episode in station.board.snapshot().bed("bed-1").open_alerts]
    assert {alert.code for alert in on} >= {Code.PAIN_SIGN}
    station.left.end(on)
    station.clock.advance(2)
    station.recorder.take(station.board.snapshot())
    assert station.board.snapshot().bed("bed-1").open_alerts == ()
    (episode,) = bed_handover(station.recorder, "bed-1", EPOCH, station.now()).pain
    assert episode.ended_at is not None
