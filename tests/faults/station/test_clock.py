"""The wall clock is set while a station runs: alarms do not depend on it, and the station says so."""

import itertools
import time
from datetime import UTC, datetime, timedelta

import pytest
from daemon import alerts_in
from faults import Fault, FaultInjector, SteppedClock
from reliability import allowance

from monitor.clock import ManualClock
from monitor.config import AlarmSettings, StationConfig
from monitor.pain.station_alarms import StationAlarms
from monitor.pain.vocabulary import Code, Phase
from monitor.pipeline.alarm_snapshot import pack, unpack
from monitor.station.station import Station
from monitor.telemetry.clock_sync import StepDetector

STEPS = [timedelta(hours=1), timedelta(hours=-1), timedelta(days=1), timedelta(days=-1)]


@pytest.mark.fault(
    "wall clock stepped in mid-alarm",
    "a whole station on a clock whose wall time is set by +-1 h and +-1 day, one step a second",
    "the alarm starts and ends after the same delays as ever, under one id, numbered in order; the camera's loss is "
    "seen <= 5 s; nothing is late, and no label of time turns round within a record",
)
def test_an_alarm_takes_its_course_while_the_clock_is_set(rtsp_camera, redis_server, measured, tmp_path):
    clock = SteppedClock()
    config = StationConfig.model_validate(
        {
            "beds": [{"id": "bed", "camera": {"url": rtsp_camera.url}}],
            "redis": {"url": redis_server.url, "timeout_seconds": 0.5},
            "spool": {"directory": tmp_path / "state"},
            "http": {"port": 0},
            "web": {"enabled": False},
            "faces": {"detection_size_px": 320},
        }
    )
    client = redis_server.client()

    def lost(phase: str) -> list[dict]:
        return [a for a in alerts_in(client) if (a["code"], a["phase"]) == ("camera_lost", phase)]

    with Station(config, clock=clock) as station:
        _wait(lambda: station.board.snapshot().beds and station.ready().ok, 30)
        before = len(lost("start"))
        camera_back = FaultInjector(camera=rtsp_camera).begin(Fault.CAMERA_KILLED)
        began = time.monotonic()
        for step in itertools.cycle(STEPS):
            clock.offset += step
            time.sleep(1.0)
            if len(lost("start")) > before or time.monotonic() - began > 60:
                break
        measured.seconds("alarm after the camera's loss", time.monotonic() - began, 5.0 + 1.0)
        camera_back()
        clock.offset += timedelta(days=-1)
        _wait(lambda: len(lost("end")) > before, 20)
        assert not station.healthy().details["late"]
    start, end = lost("start")[-1], lost("end")[-1]
    assert start["alert_id"] == end["alert_id"]
    assert start["condition_delay_seconds"] == pytest.approx(4.0, abs=0.5 * allowance())
    for alert in alerts_in(client):
        assert alert["onset_at"] <= alert["determined_at"]
    assert [alert["seq"] for alert in alerts_in(client)] == list(range(1, len(alerts_in(client)) + 1))


class _SteppedManualClock(ManualClock):
    offset = timedelta(0)

    def wall(self) -> datetime:
        return super().wall() + self.offset


@pytest.mark.fault(
    "wall clock stepped, seen by the station",
    "an injected clock, set by +-1 h and +-1 day",
    "the step is measured to the second; the alarm `clock_unsynchronised` comes after its delay and goes again",
)
@pytest.mark.parametrize("step", STEPS, ids=str)
def test_a_step_is_an_alarm_that_passes(step):
    clock = _SteppedManualClock()
    steps = StepDetector(clock)
    monitor = StationAlarms(AlarmSettings(), lambda: "id")
    changes = []
    stepped_at = None
    for turn in range(150):
        clock.advance(1.0)
        if turn == 10:
            clock.offset += step
        seen = steps.step_seconds()
        if seen:
            assert seen == pytest.approx(step.total_seconds(), abs=1.0)
            stepped_at = clock.monotonic()
        present = stepped_at is not None and clock.monotonic() - stepped_at < 60.0
        changes += monitor.report(Code.CLOCK_UNSYNCHRONISED, present, clock.monotonic(), "")
        changes += monitor.tick(clock.monotonic())
    assert [change.phase for change in changes] == [Phase.START, Phase.END]


@pytest.mark.fault(
    "wall clock stepped while the station is dead",
    "alarm state stored at one wall time and read at another, up to 1 day before or after",
    "the absence counts as 0 s to 1 day, never less and never more",
)
@pytest.mark.parametrize("step", [*STEPS, timedelta(days=4000), timedelta(days=-4000)], ids=str)
def test_a_clock_that_was_set_between_two_runs_makes_no_years(step):
    now = datetime(2024, 2, 29, 12, tzinfo=UTC)
    state, away_seconds = unpack(pack({"a": 1}, now), now + step)
    assert state == {"a": 1}
    assert away_seconds == min(max(0.0, step.total_seconds()), 86_400.0)


def _wait(condition, seconds: float) -> None:
    give_up = time.monotonic() + seconds * allowance()
    while not condition():
        assert time.monotonic() < give_up, "not in time"
        time.sleep(0.1)
