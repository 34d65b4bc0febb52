"""The daemon as a whole with something to break around it."""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from daemon import Daemon
from redis_server import RedisServer
from rtsp_process import RtspProcess
from ward import Ward

MakeWard = Callable[..., Ward]


@pytest.fixture
def make_ward(tmp_path: Path, redis_server: RedisServer) -> Iterator[MakeWard]:
    """Start a daemon that watches the given cameras; `changes` are more fields of its configuration."""
    made: list[Ward] = []

    def make(
        cameras: Mapping[str, str], environment: Mapping[str, str] | None = None, *, start: bool = True, **changes: Any
    ) -> Ward:
        config = {
            "station": {"id": "ward"},
            "beds": [{"id": bed, "camera": {"url": url}} for bed, url in cameras.items()],
            "analysis": {"frames_per_second": 5, "workers": 1},
            "faces": {"detection_size_px": 320},
            "redis": {"url": redis_server.url, "timeout_seconds": 0.5},
            "web": {"enabled": False},
            **changes,
        }
        ward = Ward(Daemon(tmp_path / f"daemon-{len(made)}", config, dict(environment or {})), redis_server)
        made.append(ward)
        if start:
            ward.daemon.start()
        return ward

    yield make
    for ward in made:
        ward.daemon.end()
        # Shown by pytest where the test has failed.
        print(f"--- {ward.daemon.log} ---\n{ward.daemon.output()[-6000:]}")


@pytest.fixture
def rtsp_camera() -> Iterator[RtspProcess]:
    """A small RTSP camera that runs."""
    camera = RtspProcess(size="320x240", fps=10)
    camera.start()
    yield camera
    camera.kill()


@pytest.fixture
def short_directory() -> Iterator[Path]:
    """A directory whose name is short enough for the name of a socket."""
    with tempfile.TemporaryDirectory(prefix="nicu-") as name:
        yield Path(name)
