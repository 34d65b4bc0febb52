"""Cameras of a running station die, hang, or are not there: alarm in time, watched again in time.

The 200 faults in a row are marked slow: `make faults-slow`.
"""

import random
import time
from pathlib import Path

import pytest
from faults import Fault, FaultInjector
from ports import free_port
from reliability import allowance
from rtsp_process import RtspProcess
from ward import eventually, resident_bytes

ALARM_SECONDS = 5.0
RECOVERY_SECONDS = 3.0
PUBLISH_SECONDS = 2.0


@pytest.mark.fault(
    "camera killed or hung for 1 s",
    "SIGKILL and a new start, or SIGSTOP and SIGCONT, of a real RTSP server",
    "no alarm; frames are analysed again <= 3 s after the return",
)
@pytest.mark.parametrize("fault", [Fault.CAMERA_KILLED, Fault.CAMERA_HUNG])
def test_a_short_fault_is_bridged_without_an_alarm(make_ward, rtsp_camera, measured, fault):
    # A busy machine is slow to start the camera again.
    ward = make_ward({"bed": rtsp_camera.url}, alarms={"camera_lost_after_seconds": 4.0 * allowance()})
    ward.settle()
    with FaultInjector(camera=rtsp_camera).during(fault, 1.0):
        pass
    measured.seconds("frames analysed again after", ward.wait_for_frames(), RECOVERY_SECONDS)
    assert not ward.alerts(code="camera_lost")


@pytest.mark.fault(
    "camera killed or hung for 10 s",
    "SIGKILL and a new start, or SIGSTOP and SIGCONT, of a real RTSP server",
    "alarm in Redis <= 5 s after the fault; frames are analysed again <= 3 s after the return; then the alarm ends",
    slo="camera loss",
)
@pytest.mark.parametrize("fault", [Fault.CAMERA_KILLED, Fault.CAMERA_HUNG])
def test_a_long_fault_is_an_alarm_until_the_camera_is_back(make_ward, rtsp_camera, measured, fault):
    ward = make_ward({"bed": rtsp_camera.url})
    ward.settle()
    with FaultInjector(camera=rtsp_camera).during(fault, 10.0):
        measured.seconds("alarm after", ward.wait_for("camera_lost", "start"), ALARM_SECONDS)
    measured.seconds("frames analysed again after", ward.wait_for_frames(), RECOVERY_SECONDS)
    ward.wait_for("camera_lost", "end")
    start, end = (ward.alerts(code="camera_lost", phase=phase)[0] for phase in ("start", "end"))
    assert start["alert_id"] == end["alert_id"]


@pytest.mark.fault(
    "one camera hung beside a good one",
    "SIGSTOP of one of two RTSP servers",
    "the other bed is analysed as often as before",
)
def test_a_hung_camera_does_not_slow_down_its_neighbour(make_ward, rtsp_camera, measured):
    other = RtspProcess(size="320x240", fps=10)
    other.start()
    try:
        ward = make_ward({"bed": rtsp_camera.url, "neighbour": other.url})
        ward.wait_for_frames("bed")
        ward.wait_for_frames("neighbour")
        with FaultInjector(camera=rtsp_camera).during(Fault.CAMERA_HUNG):
            time.sleep(2.5)  # the hung camera is being given up and opened again, where it would block
            before, began = ward.analysed_frames("neighbour"), time.monotonic()
            time.sleep(4.0)
            period = (time.monotonic() - began) / max(1.0, ward.analysed_frames("neighbour") - before)
            measured.seconds("time between the neighbour's frames (5/s wanted)", period, 0.3)
    finally:
        other.kill()


@pytest.mark.fault(
    "camera absent at the start",
    "no server at its address; it comes after 6 s",
    "the station starts, raises the alarm, and analyses frames <= 3 s after the camera came",
)
def test_a_camera_may_come_later(make_ward, rtsp_camera, measured):
    rtsp_camera.kill()
    ward = make_ward({"bed": rtsp_camera.url})
    ward.wait_for("camera_lost", "start")
    rtsp_camera.start()
    measured.seconds("frames analysed after the camera came", ward.wait_for_frames(), RECOVERY_SECONDS)
    ward.wait_for("camera_lost", "end")


@pytest.mark.fault(
    "wrong camera password at the start",
    "a real RTSP server with digest authentication; the password file is mended later",
    "an alarm that says what is wrong without the password; no restart is needed once the file is right",
)
def test_a_wrong_password_is_an_alarm_until_the_file_is_mended(make_ward, measured, tmp_path: Path):
    camera = RtspProcess(size="320x240", fps=10, username="ward", password="right-horse")  # noqa: S106 - the test's own
    camera.start()
    secret = tmp_path / "password"
    secret.write_text("wrong-horse\n", encoding="utf-8")
    try:
        login = {"url": camera.url, "username": "ward", "password_file": str(secret)}
        ward = make_ward({}, beds=[{"id": "bed", "camera": login}])
        ward.wait_for("camera_lost", "start")
        assert "refused" in ward.alerts(code="camera_lost")[0]["detail"]
        secret.write_text("right-horse\n", encoding="utf-8")
        # A refused login is tried every 15 s at most, so that the camera does not lock the account.
        measured.seconds("frames analysed after the file was mended", ward.wait_for_frames(), 16.0 + RECOVERY_SECONDS)
        assert "horse" not in ward.daemon.output() + str(ward.alerts())
    finally:
        camera.kill()


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.fault(
    "camera killed, hung or cut 200 times",
    "random faults of 0 to 2 s on a real RTSP server",
    "frames are analysed again every time; no thread, file or memory is left behind",
)
def test_two_hundred_camera_faults_leave_nothing_behind(make_ward, rtsp_camera, measured):
    dice = random.Random(200)
    ward = make_ward({"bed": rtsp_camera.url})
    injector = FaultInjector(camera=rtsp_camera)
    slowest = 0.0

    def break_it(times: int) -> None:
        nonlocal slowest
        for _ in range(times):
            ward.wait_for_frames()
            with injector.during(dice.choice([Fault.CAMERA_KILLED, Fault.CAMERA_HUNG, Fault.CAMERA_CUT])):
                time.sleep(dice.uniform(0.0, 2.0))
            slowest = max(slowest, ward.wait_for_frames())

    break_it(20)
    pid = ward.daemon.pid
    bytes_before = resident_bytes(pid)
    counts_before = [len(list(Path(f"/proc/{pid}/{folder}").iterdir())) for folder in ("fd", "task")]
    break_it(180)
    eventually(
        lambda: all(
            len(list(Path(f"/proc/{pid}/{folder}").iterdir())) <= before + 4
            for folder, before in zip(("fd", "task"), counts_before, strict=True)
        ),
        10,
        "as few files and threads as before",
    )
    measured.seconds("slowest return", slowest, RECOVERY_SECONDS)
    measured.quantity("memory grew by", (resident_bytes(pid) - bytes_before) / 1e6, 20.0, "MB")


@pytest.mark.fault(
    "camera that nobody ever connects",
    "a port on which nothing listens",
    "start to alarm in Redis <= 10 s, and the station stops in order all the same",
)
def test_a_station_without_any_camera_still_works_and_stops(make_ward, measured):
    ward = make_ward({"bed": f"rtsp://127.0.0.1:{free_port()}/x"})
    measured.seconds("start to alarm", ward.wait_for("camera_lost", "start"), 10.0)
    began = time.monotonic()
    assert ward.daemon.stop() == 0
    measured.seconds("stop", time.monotonic() - began, 5.0)
