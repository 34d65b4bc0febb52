"""Somebody floods the station's HTTP port: the page may be slow, the watch over the beds is not."""

import resource
import socket
import time
from contextlib import ExitStack, suppress

import pytest
from faults import Fault, FaultInjector
from ward import eventually

RECOVERY_SECONDS = 3.0
PUBLISH_SECONDS = 5.0
CONNECTIONS = 1500


@pytest.fixture
def few_open_files():
    """The daemon starts with 1024 files at most, as under many service managers, and cannot have more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, hard))
    yield lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (min(8192, hard), hard))
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.fault(
    f"{CONNECTIONS} connections to the HTTP port that say nothing",
    "they are held open against a daemon that may open 1024 files; a camera fails and comes back meanwhile",
    "the alarm is in Redis <= 5 s after the camera's loss, frames are analysed <= 3 s after its return; silent "
    "connections are closed; /healthz answers afterwards",
)
@pytest.mark.parametrize(
    "page", [pytest.param(True, id="page"), pytest.param(False, id="metrics only", marks=pytest.mark.slow)]
)
def test_a_flood_of_connections_blinds_nobody(make_ward, rtsp_camera, measured, few_open_files, page):
    web = {"enabled": page, "anonymous_role": "viewer"}
    ward = make_ward({"bed": rtsp_camera.url}, web=web, alarms={"camera_lost_after_seconds": 1.5})
    ward.settle()
    pid = ward.daemon.pid
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (1024, resource.prlimit(pid, resource.RLIMIT_NOFILE)[1]))
    few_open_files()
    port = int(ward.daemon.url.rpartition(":")[2])
    with ExitStack() as flood:
        give_up = time.monotonic() + 20.0
        for _ in range(CONNECTIONS):
            if time.monotonic() > give_up:
                break
            with suppress(OSError):
                flood.enter_context(socket.create_connection(("127.0.0.1", port), timeout=0.5))
        camera_back = FaultInjector(camera=rtsp_camera).begin(Fault.CAMERA_KILLED)
        measured.seconds("alarm after", ward.wait_for("camera_lost", "start"), PUBLISH_SECONDS)
        camera_back()
        measured.seconds("alarm over after the return", ward.wait_for("camera_lost", "end"), RECOVERY_SECONDS)
    eventually(lambda: ward.daemon.get("/healthz")[0] == 200, 20, "an answer after the flood")
    assert "Too many open files" not in ward.daemon.output()
