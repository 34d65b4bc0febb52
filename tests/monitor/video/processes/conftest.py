"""Camera processes that are ended after each test."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from monitor.clock import SystemClock
from monitor.config import CameraSettings, LogSettings
from monitor.video.processes.messages import Begin
from monitor.video.processes.pool import CameraProcesses
from monitor.video.processes.remote_camera import RemoteCamera


class Permits:
    """Allows what its attributes say, and notes what it was asked."""

    def __init__(self) -> None:
        self.shed = self.must = self.back = False
        self.asked: list[tuple[str, float]] = []
        self.registered = 0

    def register(self, _camera_id: str) -> None:
        """Count."""
        self.registered += 1

    def may_shed(self, _camera_id: str, now_seconds: float) -> bool:
        """Answer."""
        self.asked.append(("shed", now_seconds))
        return self.shed

    def must_shed(self, _camera_id: str, _now_seconds: float, keyframe_interval_seconds: float) -> bool:
        """Answer."""
        self.asked.append(("must", keyframe_interval_seconds))
        return self.must

    def may_return(self, _camera_id: str, now_seconds: float) -> bool:
        """Answer."""
        self.asked.append(("back", now_seconds))
        return self.back


@pytest.fixture
def permits() -> Permits:
    """What may be shed."""
    return Permits()


@pytest.fixture
def processes(request: pytest.FixtureRequest) -> Iterator[CameraProcesses]:
    """Run as many processes as the test's parameter says, else one."""
    begin = Begin(LogSettings(level="error"))
    pool = CameraProcesses(getattr(request, "param", 1), begin, SystemClock(), lambda _: None)
    pool.start()
    yield pool
    ids = pool.ids
    pool.stop()
    assert not [number for number in ids if Path(f"/proc/{number}").exists()], "a process did not end"


@pytest.fixture
def make_remote(processes: CameraProcesses, permits: Permits) -> Iterator[Callable[..., RemoteCamera]]:
    """Make and start cameras in those processes; all are stopped, and must stop in time."""
    made: list[RemoteCamera] = []

    def make(url: str, frames_per_second: float | None = 5.0, **settings: object) -> RemoteCamera:
        configured = CameraSettings(url=url, **settings)
        name = f"camera-{len(made)}"
        made.append(processes.camera(configured, name, frames_per_second, lambda: None, None, permits))
        made[-1].start()
        return made[-1]

    yield make
    stopped = [camera.stop() for camera in made]
    assert all(stopped), "a camera did not end"
