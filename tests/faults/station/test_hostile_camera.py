"""Hosts instead of cameras that answer wrongly, endlessly or not at all: an alarm each, and a good bed beside them."""

import os
import signal
import time
from contextlib import ExitStack

import pytest
from odd_camera import ODDITIES, OddCamera
from ward import resident_bytes

_MEMORY_BYTES = 600_000_000
"""The station with two dozen pipelines occupies 300 MB; a host that sends 500 Mbit/s must not add seconds of it."""


@pytest.mark.timeout(240)
@pytest.mark.fault(
    f"{len(ODDITIES)} hosts that speak RTSP badly, and a name that does not resolve",
    "beside one good camera: refusals, redirects to itself and to a file, garbage, headers or a picture without end, a "
    "million senders, silence",
    "each bed raises `camera_lost`; the good bed is analysed as often as before; memory is bounded; nothing unforeseen "
    "is logged; the station stops in order",
)
def test_hosts_that_speak_badly_are_lost_cameras_and_no_more(make_ward, rtsp_camera, measured):
    with ExitStack() as hosts:
        odd = {f"odd-{n}": hosts.enter_context(OddCamera(oddity)) for n, oddity in enumerate(ODDITIES)}
        cameras = {"bed": rtsp_camera.url, "nowhere": "rtsp://no-such-host.invalid/x"}
        ward = make_ward(cameras | {bed: host.url for bed, host in odd.items()})
        ward.wait_for_frames()
        for bed in ("nowhere", *odd):
            ward.wait_for("camera_lost", "start", bed=bed)
        before, began = ward.analysed_frames(), time.monotonic()
        largest = 0
        while time.monotonic() - began < 12.0:
            largest = max(largest, resident_bytes(ward.daemon.pid))
            time.sleep(0.5)
        period = (time.monotonic() - began) / max(1.0, ward.analysed_frames() - before)
        measured.seconds("time between the good bed's frames (5/s wanted)", period, 0.3)
        measured.quantity("memory", largest / 1e6, _MEMORY_BYTES / 1e6, "MB")
        refused = ward.alerts(f"odd-{ODDITIES.index('login refused')}", "camera_lost")[0]
        assert "check username and password_file" in refused["detail"]
        assert ward.daemon.get("/healthz")[0] == 200
        began = time.monotonic()
        assert ward.daemon.stop(60.0) == 0
        measured.seconds("stop", time.monotonic() - began, 10.0)
    log = ward.daemon.output()
    assert "Traceback" not in log
    assert "unforeseen" not in log


@pytest.mark.fault(
    "signals that are meant for other programs",
    "SIGHUP, SIGUSR1, SIGUSR2 and SIGPIPE to the daemon",
    "it watches on",
)
def test_signals_for_other_programs_end_nothing(make_ward):
    ward = make_ward({"bed": "synthetic://calm?seed=3&size=160x120"})
    ward.wait_for_frames()
    for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGPIPE) * 5:
        os.kill(ward.daemon.pid, number)
    ward.wait_for_frames()
    assert ward.daemon.stop() == 0
