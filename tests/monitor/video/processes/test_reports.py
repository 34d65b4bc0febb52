"""What a station makes of the reports of a camera process: ages, standing pictures, counters, and what was granted."""

from dataclasses import replace

import pytest

from monitor.clock import ManualClock
from monitor.config import CameraSettings
from monitor.video.planar_picture import YuvColours
from monitor.video.processes.messages import PictureReady, Question, Request, StatusReport
from monitor.video.processes.remote_camera import RemoteCamera
from monitor.video.status import CameraState, CameraStatus, DropCause


class _Server:
    """Notes what it is asked for."""

    def __init__(self) -> None:
        self.opened, self.closed, self.wished = [], [], []

    def open(self, camera) -> None:
        self.opened.append(camera)

    def close(self, camera) -> None:
        self.closed.append(camera)

    def wish(self, camera) -> None:
        self.wished.append(camera.wishes)


@pytest.fixture
def clock():
    return ManualClock(100.0)


@pytest.fixture
def server():
    return _Server()


@pytest.fixture
def camera(clock, permits, server):
    settings = CameraSettings(url="rtsp://127.0.0.1:9/bed")
    camera = RemoteCamera(0, settings, "cam", clock, server, 5.0, lambda: None, None, permits)
    camera.start()
    return camera


def _report(camera, clock, **changed):
    status = CameraStatus("cam", "rtsp://", CameraState.PLAYING, 0.0, drops=dict.fromkeys(DropCause, 0), pictures=30)
    is_done = changed.pop("is_done", False)
    return StatusReport(0, clock.monotonic(), replace(status, **changed), is_done, 1, camera.wishes)


def test_the_age_of_the_newest_picture_grows_until_a_newer_one_comes(camera, clock):
    assert camera.status().seconds_since_frame is None
    camera.take_report(_report(camera, clock, seconds_since_frame=0.1))
    clock.advance(1.0)
    assert camera.status().seconds_since_frame == pytest.approx(1.1)
    camera.note_lost("its process ended")
    clock.advance(1.0)
    camera.take_report(_report(camera, clock, state=CameraState.CONNECTING, seconds_since_frame=None, pictures=0))
    status = camera.status()
    assert status.state is CameraState.LOST
    assert status.seconds_since_frame == pytest.approx(2.1)
    assert (status.pictures, status.reconnects) == (30, 1)


def test_a_silent_process_means_lost(camera, clock):
    camera.take_report(_report(camera, clock))
    clock.advance(2.9)
    assert camera.status().state is CameraState.PLAYING
    clock.advance(0.2)
    assert camera.status().state is CameraState.LOST


def test_a_picture_that_stood_still_does_so_until_a_new_process_knows_better(camera, clock):
    camera.take_report(_report(camera, clock, frozen_since_seconds=60.0))
    camera.note_lost("its process ended")
    seen = []
    for _ in range(20):
        clock.advance(1.0)
        camera.take_report(_report(camera, clock))
        seen.append(camera.status().frozen_since_seconds)
    assert seen == [60.0] * 14 + [None] * 6


def test_a_picture_that_nobody_sees_does_not_stand_still(camera, clock):
    camera.take_report(_report(camera, clock, frozen_since_seconds=60.0))
    camera.note_lost("its process ended")
    assert camera.status().frozen_since_seconds == 60.0
    clock.advance(9.0)
    assert camera.status().frozen_since_seconds is None


def test_counters_never_go_back(camera, clock):
    totals = []
    for pictures in (30, 60, 10, 40):
        if pictures == 10:
            camera.note_lost("its process ended")
        drops = dict.fromkeys(DropCause, pictures)
        camera.take_report(_report(camera, clock, pictures=pictures, frames=pictures, drops=drops))
        status = camera.status()
        totals.append((status.pictures, status.frames, status.drops[DropCause.SAMPLING]))
    assert totals == [(30,) * 3, (60,) * 3, (70,) * 3, (100,) * 3]


@pytest.mark.parametrize(("is_used", "registered"), [(True, 0), (False, 1)])
def test_what_was_granted_too_late_is_taken_back(camera, clock, permits, is_used, registered):
    """Else a camera that decodes everything would slow all beds as long as the station runs."""
    permits.must, permits.registered = True, 0
    assert camera.answer(Question(0, 0, Request.MUST_SHED, clock.monotonic(), 1.0))
    for _ in range(8):
        clock.advance(0.5)
        camera.take_report(_report(camera, clock, overloaded=is_used))
    assert permits.registered == registered


def test_an_ended_file_stays_as_it_is(camera, clock):
    camera.take_report(_report(camera, clock, state=CameraState.ENDED, is_done=True))
    camera.note_lost("its process ended")
    camera.take_report(_report(camera, clock))
    assert camera.is_done
    assert camera.status().state is CameraState.ENDED
    camera.take_picture(None, PictureReady(0, 0, (1, 1), YuvColours(), 100.0, None, 0, 1))
    assert camera.latest_frame.take() is None


def test_only_changed_wishes_are_sent(camera, server):
    for value in (5.0, 2.0, 2.0):
        camera.frames_per_second = value
    for value in (False, True, True):
        camera.may_rest = value
    assert [(wishes.frames_per_second, wishes.may_rest) for wishes in server.wished] == [(2.0, False), (2.0, True)]
