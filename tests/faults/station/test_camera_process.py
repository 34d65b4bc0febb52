"""The process that holds a station's cameras open ends or hangs: its beds are lost in time, and watched again."""

import os
import signal
import time
from pathlib import Path

import pytest
from ward import eventually

ALARM_SECONDS = 5.0
RECOVERY_SECONDS = 6.0
HUNG_RECOVERY_SECONDS = 20.0


def _children(pid: int) -> list[int]:
    """Return the camera processes of a daemon."""
    return [
        int(child)
        for task in Path(f"/proc/{pid}/task").iterdir()
        for child in (task / "children").read_text(encoding="ascii").split()
        if b"processes.worker" in Path(f"/proc/{child}/cmdline").read_bytes()
    ]


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.fixture
def ward(make_ward, rtsp_camera):
    analysis = {"frames_per_second": 5, "workers": 1, "camera_processes": 1}
    ward = make_ward({"bed": rtsp_camera.url}, analysis=analysis)
    ward.settle()
    return ward


@pytest.mark.fault(
    "camera process killed",
    "SIGKILL of the process that decodes for a station",
    "the station goes on; frames are analysed again <= 6 s after",
)
def test_a_killed_camera_process_is_started_again(ward, measured):
    (first,) = _children(ward.daemon.pid)
    os.kill(first, signal.SIGKILL)
    began = time.monotonic()
    eventually(lambda: _children(ward.daemon.pid) not in ([first], []), RECOVERY_SECONDS, "another process")
    ward.wait_for_frames()
    measured.seconds("frames analysed again after", time.monotonic() - began, RECOVERY_SECONDS)
    assert ward.daemon.is_running
    (second,) = _children(ward.daemon.pid)
    assert second != first
    assert ward.daemon.metric("nicu_monitor_camera_process_starts_total", process="1") == 2
    assert ward.daemon.metric("nicu_monitor_camera_process_resident_bytes", process="1") > 20e6
    assert ward.daemon.metric("nicu_monitor_camera_process_cpu_seconds_total", process="1") > 0.1
    assert "camera process 1 ended (killed by SIGKILL)" in ward.daemon.output()
    assert "with 1 workers and 1 camera processes" in ward.daemon.output()


@pytest.mark.fault(
    "camera process hangs",
    "SIGSTOP of the process that decodes for a station",
    "alarm camera_lost <= 5 s after; the process is replaced and frames are analysed <= 20 s after; the alarm ends",
)
def test_a_camera_process_that_hangs_is_an_alarm_and_replaced(ward, measured):
    (first,) = _children(ward.daemon.pid)
    os.kill(first, signal.SIGSTOP)
    began = time.monotonic()
    measured.seconds("alarm after", ward.wait_for("camera_lost", "start"), ALARM_SECONDS)
    eventually(lambda: not _runs(first), HUNG_RECOVERY_SECONDS, "the process is ended")
    ward.wait_for_frames()
    measured.seconds("frames analysed again after", time.monotonic() - began, HUNG_RECOVERY_SECONDS)
    ward.wait_for("camera_lost", "end")


@pytest.mark.fault(
    "station killed that has a camera process",
    "SIGKILL of the station",
    "its camera process ends <= 6 s after, and holds no camera any more",
)
def test_a_camera_process_ends_with_its_station(ward, measured):
    (process,) = _children(ward.daemon.pid)
    ward.daemon.kill()
    measured.seconds("ended after", eventually(lambda: not _runs(process), 10, "its end"), RECOVERY_SECONDS)
