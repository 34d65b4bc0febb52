"""A fault injector for RTSP cameras, and how the tests wait."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from monitor.clock import SystemClock
from monitor.config import CameraSettings
from monitor.video.camera import Camera

_SCRIPT = Path(__file__).with_name("server_process.py")


class RtspProcess:
    """A real RTSP server that can be started, killed, hung, resumed and cut; it keeps its port.

    Args:
        options: Options of `server_process.py`, without the dashes.
    """

    def __init__(self, **options: object) -> None:
        self._options = options
        self._process: subprocess.Popen[str] | None = None
        self.port = 0

    @property
    def url(self) -> str:
        scheme = "rtsps" if "certificate" in self._options else "rtsp"
        return f"{scheme}://127.0.0.1:{self.port}/bed"

    def start(self, **changed: object) -> None:
        """Start it, perhaps with other options, and wait until it listens."""
        assert self._process is None
        self._options |= changed
        options = [f"--{name}={value}" for name, value in (self._options | {"port": self.port}).items()]
        self._process = subprocess.Popen(
            [sys.executable, str(_SCRIPT), *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.port = int(self._answer("ready"))

    def kill(self) -> None:
        """End it at once, as if the power had gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                pipe.close()
            self._process = None

    def hang(self) -> None:
        """Stop it where it is; its connections stay open."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._process.send_signal(signal.SIGCONT)

    def cut(self) -> int:
        """Cut all connections and return how many there were."""
        self._process.stdin.write("cut\n")
        self._process.stdin.flush()
        return int(self._answer("cut"))

    def _answer(self, word: str) -> str:
        line = self._process.stdout.readline().split()
        assert line, f"the server ended with {self._process.poll()}"
        assert line[0] == word
        return line[1]


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
def eventually() -> Callable[..., float]:
    """Wait for a condition and return how long it took, in seconds."""

    def wait(condition: Callable[[], object], within_seconds: float, what: str) -> float:
        started = time.monotonic()
        while not condition():
            assert time.monotonic() - started < within_seconds, f"not within {within_seconds} s: {what}"
            time.sleep(0.01)
        return time.monotonic() - started

    return wait
