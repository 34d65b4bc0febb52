"""Stations that share beds, with something to break around them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fleet import WATCHED_BY_RTSP, Fleet
from rtsp_process import RtspProcess


@pytest.fixture(scope="module")
def fleet_camera() -> Iterator[RtspProcess]:
    """A camera of one bed of the fleet that can be killed."""
    camera = RtspProcess(size="320x240", fps=5)
    camera.start()
    yield camera
    camera.kill()


@pytest.fixture(scope="module")
def module_fleet(tmp_path_factory: pytest.TempPathFactory, fleet_camera: RtspProcess) -> Iterator[Fleet]:
    """A fleet for all tests of a module."""
    directory: Path = tmp_path_factory.mktemp("fleet")
    with Fleet(directory, cameras={WATCHED_BY_RTSP: fleet_camera.url}) as fleet:
        yield fleet


@pytest.fixture
def fleet(module_fleet: Fleet) -> Fleet:
    """The fleet, whole again."""
    module_fleet.group.restart_dead()
    module_fleet.settle()
    return module_fleet
