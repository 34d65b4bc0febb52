"""What people ask of a bed is on the page at the next look, without waiting for the supervisor's next turn."""

import itertools
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from alerts import CONTEXT

from monitor.alerts.record import GenerationMode
from monitor.board.board import Board
from monitor.board.status_records import BedInfo
from monitor.clock import ManualClock
from monitor.config import AlarmSettings, BedSettings, CameraSettings, FaceSettings, RedisSettings, SpoolSettings
from monitor.control.requests import Admit, Discharge, Pause, Resume, Undo
from monitor.delivery.publisher import Publisher
from monitor.errors import RefusedError
from monitor.pain.occupancy import BedStatement
from monitor.pain.station_alarms import StationAlarms
from monitor.pain.vocabulary import Code, Occupancy
from monitor.pipeline.bed_pipeline import BedPipeline
from monitor.station.alert_dispatcher import AlertDispatcher
from monitor.station.outputs import StationOutputs
from monitor.station.request_handler import RequestHandler
from monitor.station.station_conditions import StationConditions
from monitor.telemetry.label_clock import LabelClock
from monitor.telemetry.metrics import StationMetrics


class Ward:
    """One bed whose camera is lost, and the parts that stand between a request and the page."""

    def __init__(self, directory: Path) -> None:
        self.clock = ManualClock(100.0)
        self.publisher = Publisher(RedisSettings(), SpoolSettings(directory=directory), "station-1", self.clock)
        self.board = Board([BedInfo("bed-1", "bed-1-camera")], self.clock, on_level=0.6)
        self.outputs = StationOutputs(
            self.publisher, StationMetrics("station-1", GenerationMode.TEST, self.clock), self.board
        )
        dispatcher = AlertDispatcher({"bed-1": CONTEXT, None: CONTEXT}, LabelClock(self.clock), self.outputs)
        numbers = itertools.count()
        self.bed = BedPipeline(
            BedSettings(id="bed-1", camera=CameraSettings(url="rtsp://127.0.0.1/x")),
            FaceSettings(),
            AlarmSettings(),
            new_id=lambda: f"alert-{next(numbers)}",
            stopwatch=self.clock.monotonic,
            on_change=lambda bed, changed: dispatcher.record(bed.id, changed, bed.snapshot(self.clock.wall())),
        )
        conditions = StationConditions(
            StationAlarms(AlarmSettings(), lambda: f"alert-{next(numbers)}"), self.clock, dispatcher
        )
        self.requests = RequestHandler({"bed-1": self.bed}, conditions, dispatcher, self.clock)
        for _ in range(10):
            self.clock.advance(1.0)
            self.bed.report(Code.CAMERA_LOST, present=True, now_seconds=self.clock.monotonic())

    def look(self):
        return self.board.snapshot().bed("bed-1")


@pytest.fixture
def ward(tmp_path: Path) -> Iterator[Ward]:
    ward = Ward(tmp_path / "state")
    yield ward
    ward.publisher.stop(1.0)


def test_a_pause_and_its_end(ward: Ward) -> None:
    assert ward.look().pause is None
    assert ward.requests.handle(Pause("bed-1", "nurse-7"))
    assert ward.look().pause.by == "nurse-7"
    assert ward.requests.handle(Resume("bed-1", "nurse-7"))
    assert ward.look().pause is None


def test_a_turn_of_the_supervisor_shows_nothing_older_over_a_request(ward: Ward, monkeypatch) -> None:
    def pause_in_the_meantime():
        monkeypatch.undo()
        before = ward.bed.pause_in_force()
        asked = threading.Thread(target=ward.requests.handle, args=(Pause("bed-1", "nurse-7"),))
        asked.start()
        asked.join(0.3)  # it waits for the turn to end
        asking.append(asked)
        return before

    asking: list[threading.Thread] = []
    monkeypatch.setattr(ward.bed, "pause_in_force", pause_in_the_meantime)
    ward.outputs.show_requests(ward.bed)
    asking[0].join(10.0)
    assert ward.look().pause.by == "nurse-7"


def test_who_lies_in_the_bed(ward: Ward) -> None:
    ward.look()
    assert ward.requests.handle(Discharge("bed-1", "nurse-7"))
    assert ward.look().occupancy.state is Occupancy.EMPTY
    assert ward.requests.handle(Admit("bed-1", "nurse-7", "infant-12"))
    assert ward.look().occupancy.infant == "infant-12"
    lost = {episode.newest.alert_id for episode in ward.look().open_alerts}
    assert ward.requests.handle(Discharge("bed-1", "nurse-8"))
    with pytest.raises(RefusedError, match="too late"):
        ward.requests.handle(Undo("bed-1", "nurse-7", BedStatement.DISCHARGE))
    assert ward.requests.handle(Undo("bed-1", "nurse-8", BedStatement.DISCHARGE))
    assert ward.look().occupancy.infant == "infant-12"
    assert {episode.newest.alert_id for episode in ward.look().open_alerts} == lost


def test_what_was_said_can_be_taken_back_after_a_restart(ward: Ward) -> None:
    assert ward.requests.handle(Admit("bed-1", "nurse-7", "infant-12"))
    assert ward.requests.handle(Discharge("bed-1", "nurse-8"))
    # What the dispatcher stored with the alerts is all that a station that was killed leaves.
    stored = ward.publisher.load_snapshots()["bed-1"]
    ward.clock.advance(6.0)
    ward.bed.restore(stored, ward.clock.wall(), ward.clock.monotonic())
    assert ward.bed.occupancy().state is Occupancy.EMPTY
    ward.outputs.show_requests(ward.bed)  # as the supervisor does once a second
    said = ward.look().recent
    assert (said.statement, said.by) == (BedStatement.DISCHARGE, "nurse-8")
    assert ward.clock.monotonic() - said.at_seconds == pytest.approx(6.0), (
        "the page offers it for the rest of ten seconds"
    )
    assert ward.bed.undo(BedStatement.DISCHARGE, "nurse-8", ward.clock.monotonic())
    assert ward.bed.occupancy().infant == "infant-12"


def test_a_request_to_a_bed_that_has_left_is_answered(ward: Ward) -> None:
    ward.board.watch([])
    assert ward.requests.handle(Pause("bed-1", "nurse-7"))
