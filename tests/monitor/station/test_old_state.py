"""A state directory of version 0.1.0 is read by this version: alarms, ids, numbers, the pause and the history go on.

`state-0.1.0.sql` is the spool of a station that was killed with a pain alarm on at one bed and another bed paused.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from redis_server import RedisServer, wait_until

from monitor.alerts.record import AlertContext, AlertModel, GenerationMode
from monitor.board.board import Board
from monitor.board.status_records import BedInfo
from monitor.clock import ManualClock
from monitor.config import AlarmSettings, BedSettings, CameraSettings, FaceSettings, SpoolSettings
from monitor.delivery.publisher import Publisher
from monitor.delivery.spool_file import DATABASE_NAME
from monitor.pain.bed_alarms import BedAlarms
from monitor.pain.station_alarms import StationAlarms
from monitor.pain.vocabulary import Code, Phase, Priority, Sample, Signal, Transition, Visibility
from monitor.pipeline.bed_pipeline import BedPipeline
from monitor.station.alert_dispatcher import AlertDispatcher
from monitor.station.outputs import StationOutputs
from monitor.station.station_conditions import StationConditions
from monitor.telemetry.label_clock import LabelClock
from monitor.telemetry.metrics import StationMetrics

DUMP = Path(__file__).parents[1] / "delivery" / "state-0.1.0.sql"
KILLED_AT = datetime.fromtimestamp(1795739957.573169, tz=UTC)
PAUSED_AT = datetime.fromtimestamp(1795739945.559907, tz=UTC)
AWAY_SECONDS = 5.0
NOW_SECONDS = 1000.0  # another origin of monotonic time than that of the run that was killed
PAIN_SIGN = "00cdec5cb636482faaacc201c1db8ce1"
PAIN_SUSTAINED = "2ab737e9b87a485ab184faec4a071f23"
CAMERA_LOST = "86a80abd27ae4bb3b7c2f412a5f7dbce"
BACKLOG = "de431a7dfdc44933bf0ba93146c14d3c"
CLOCK = "7c72067c15be4fff847fde8d8e5c3f04"
BEDS = ("bed-pain", "bed-lost", "bed-calm")


@dataclass
class Restarted:
    """The parts of a station that carry its state, on the old directory."""

    clock: ManualClock
    publisher: Publisher
    board: Board
    station: StationConditions
    beds: dict[str, BedPipeline]
    dispatcher: AlertDispatcher
    active: dict[str, tuple[Transition, ...]] = field(default_factory=dict)

    def restore(self) -> None:
        """Go on from what the directory holds."""
        for name, snapshot in self.publisher.load_snapshots().items():
            target = self.station if name == "" else self.beds[name]
            self.active[name] = target.restore(snapshot, self.clock.wall(), self.clock.monotonic())
            self.dispatcher.show(name or None, self.active[name])


@pytest.fixture
def restarted(tmp_path: Path, redis_server: RedisServer) -> Iterator[Restarted]:
    directory = tmp_path / "state"
    directory.mkdir(mode=0o700)
    with closing(sqlite3.connect(directory / DATABASE_NAME)) as database:
        database.executescript(DUMP.read_text(encoding="utf-8"))
    clock = ManualClock(NOW_SECONDS, KILLED_AT + timedelta(seconds=AWAY_SECONDS - NOW_SECONDS))
    publisher = Publisher(redis_server.settings(), SpoolSettings(directory=directory), "ward-old", clock)
    board = Board([BedInfo(bed, f"{bed}-camera") for bed in BEDS], clock, on_level=0.5)
    model = AlertModel(name="ncnn-demo", sha256="0" * 64)
    contexts = {
        bed: AlertContext(
            station="ward-old",
            bed=bed,
            camera=None if bed is None else f"{bed}-camera",
            generation_mode=GenerationMode.TEST,
            model=model,
            config_hash="0" * 64,
        )
        for bed in (*BEDS, None)
    }
    metrics = StationMetrics("ward-old", GenerationMode.TEST, clock)
    dispatcher = AlertDispatcher(contexts, LabelClock(clock), StationOutputs(publisher, metrics, board))
    numbers = iter(range(1000))

    def new_id() -> str:
        return f"new-{next(numbers)}"

    beds = {
        name: BedPipeline(
            BedSettings(id=name, camera=CameraSettings(url="rtsp://127.0.0.1/x")),
            FaceSettings(),
            AlarmSettings(),
            new_id=new_id,
            stopwatch=clock.monotonic,
            on_change=lambda bed, changed: dispatcher.record(bed.id, changed, bed.snapshot(clock.wall())),
        )
        for name in BEDS
    }
    station = StationConditions(StationAlarms(AlarmSettings(), new_id), clock, dispatcher)
    yield Restarted(clock, publisher, board, station, beds, dispatcher)
    publisher.stop(2.0)


def test_every_alarm_that_was_on_is_on_with_its_id_and_its_onset(restarted: Restarted) -> None:
    restarted.restore()
    ids = {name: {(alarm.code, alarm.alert_id) for alarm in active} for name, active in restarted.active.items()}
    assert ids == {
        "": {(Code.PUBLISHER_BACKLOG, BACKLOG), (Code.CLOCK_UNSYNCHRONISED, CLOCK)},
        "bed-pain": {(Code.PAIN_SIGN, PAIN_SIGN), (Code.PAIN_SUSTAINED, PAIN_SUSTAINED)},
        "bed-lost": {(Code.CAMERA_LOST, CAMERA_LOST)},
    }
    sign, sustained = sorted(restarted.active["bed-pain"], key=lambda alarm: alarm.onset_seconds)
    assert (sign.priority, sustained.priority) == (Priority.LOW, Priority.MEDIUM)
    assert {sign.signal, sustained.signal} == {Signal.ON}
    assert sustained.onset_seconds - sign.onset_seconds == pytest.approx(480.0474940053914 - 468.04749426359103)
    onset_at = restarted.clock.wall() - timedelta(seconds=NOW_SECONDS - sign.onset_seconds)
    assert abs(onset_at - datetime.fromisoformat("2026-11-27T00:39:01.158Z")) < timedelta(seconds=0.1)
    assert sign.evidence is not None
    assert sign.evidence.frames_used == 80


def test_the_level_goes_on_where_it_was_and_a_person_ends_the_old_alert(restarted: Restarted) -> None:
    snapshot = json.loads(restarted.publisher.load_snapshots()["bed-pain"])
    alarms = BedAlarms(AlarmSettings(), lambda: "never")
    away_seconds = restarted.clock.wall().timestamp() - snapshot["saved_at"]
    alarms.restore(snapshot["state"], NOW_SECONDS, away_seconds)
    first = alarms.observe(Sample(NOW_SECONDS, 0.9, Visibility.USABLE)).observation
    assert first.level is not None
    assert first.level > 0.5, "ten seconds' gap does not forget ten seconds of pain"
    changes = []
    for step in range(1, 1200):
        changes += alarms.observe(Sample(NOW_SECONDS + step / 10, 0.0, Visibility.USABLE)).transitions
    assert not [change for change in changes if change.phase is Phase.END], "nobody knows whose face this is"
    ended = alarms.acknowledge(None, "nurse-7", NOW_SECONDS + 120.0)
    assert {change.alert_id for change in ended if change.phase is Phase.END} == {PAIN_SIGN, PAIN_SUSTAINED}


def test_the_pause_holds_until_its_time_and_no_longer(restarted: Restarted) -> None:
    restarted.restore()
    bed = restarted.beds["bed-lost"]
    pause = bed.pause_in_force()
    assert pause is not None
    assert pause.by == "nurse-7"
    until = restarted.clock.wall() + timedelta(seconds=pause.until_seconds - NOW_SECONDS)
    assert abs(until - (PAUSED_AT + timedelta(seconds=600.0))) < timedelta(seconds=0.1)
    assert restarted.active["bed-lost"][0].signal is Signal.ACKNOWLEDGED
    assert restarted.active["bed-lost"][0].acknowledged_by == "nurse-7"
    restarted.clock.advance_to(pause.until_seconds + 1.0)
    (again,) = bed.report(Code.CAMERA_LOST, present=True, now_seconds=restarted.clock.monotonic())
    assert (again.alert_id, again.signal) == (CAMERA_LOST, Signal.ON)
    assert bed.pause_in_force() is None


def test_numbers_go_on_and_redis_gets_every_record_once(restarted: Restarted, redis_server: RedisServer) -> None:
    restarted.restore()
    assert restarted.publisher.producer_id == "ward-old-42640ff1"
    assert restarted.publisher.stats().backlog_count == 3, "three of the six were delivered before the kill"
    restarted.publisher.start()
    restarted.beds["bed-lost"].resume(restarted.clock.monotonic())
    assert restarted.publisher.wait_until_stored(10.0)

    def received() -> list[dict[bytes, bytes]]:
        return [fields for _, fields in redis_server.client().xrange("nicu:alerts")]

    wait_until(lambda: len(received()) >= 7, 10, "all alerts, for this Redis has lost those that were delivered")
    alerts = [json.loads(next(v for k, v in entry.items() if k in {"alert", b"alert"})) for entry in received()]
    assert [alert["seq"] for alert in alerts] == [1, 2, 3, 4, 5, 6, 7]
    assert {alert["producer_id"] for alert in alerts} == {"ward-old-42640ff1"}
    newest = alerts[-1]
    assert (newest["alert_id"], newest["signal"], newest["phase"]) == (CAMERA_LOST, "on", "update")


def test_the_history_can_be_read_and_what_is_on_is_shown_as_open(restarted: Restarted) -> None:
    records = restarted.publisher.history(100)
    assert [record.code for record in records] == [
        *("camera_lost", "pain_sign", "camera_lost", "pain_sustained", "publisher_backlog", "clock_unsynchronised")
    ]
    restarted.board.load_history(records)
    restarted.restore()
    snapshot = restarted.board.snapshot()
    shown = {bed.info.bed_id: {alert.newest.alert_id for alert in bed.open_alerts} for bed in snapshot.beds}
    assert shown == {"bed-pain": {PAIN_SIGN, PAIN_SUSTAINED}, "bed-lost": {CAMERA_LOST}, "bed-calm": set()}
    assert {alert.newest.alert_id for alert in snapshot.open_alerts} == {BACKLOG, CLOCK}
    assert not [bed for bed in snapshot.beds if bed.past_alerts], "nothing was over"
