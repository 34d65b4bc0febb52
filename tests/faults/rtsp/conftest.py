"""Cameras that watch a breakable RTSP server, and how the tests wait."""

import time
from collections.abc import Callable, Iterator

import pytest
from reliability import Measured, allowance
from rtsp_process import RtspProcess

from monitor.clock import SystemClock
from monitor.config import CameraSettings
from monitor.video.camera import Camera


@pytest.fixture
def rtsp_process() -> Iterator[Callable[..., RtspProcess]]:
    """Make servers; whatever is left is killed."""
    made: list[RtspProcess] = []

    def make(**options: object) -> RtspProcess:
        made.append(RtspProcess(**options))
        return made[-1]

    yield make
    for process in made:
        process.kill()


@pytest.fixture
def camera() -> Iterator[Callable[..., Camera]]:
    """Make and start cameras; all are stopped, and must stop in time."""
    made: list[Camera] = []

    def make(url: str, frames_per_second: float | None = 5.0, **settings: object) -> Camera:
        camera = Camera(CameraSettings(url=url, **settings), f"camera-{len(made)}", SystemClock(), frames_per_second)
        made.append(camera)
        camera.start()
        return camera

    yield make
    stopped = [camera.stop() for camera in made]
    assert all(stopped), "a camera's thread did not end"


@pytest.fixture
def eventually(measured: Measured) -> Callable[..., float]:
    """Wait for a condition, note how long that took in seconds, and return it."""

    def wait(condition: Callable[[], object], within_seconds: float, what: str) -> float:
        started = time.monotonic()
        while not condition():
            assert time.monotonic() - started < within_seconds * allowance(), f"not within {within_seconds} s: {what}"
            time.sleep(0.01)
        took_seconds = time.monotonic() - started
        measured.seconds(what, took_seconds, within_seconds)
        return took_seconds

    return wait
