"""The disk that keeps the alerts runs full under a running station."""

import json

import pytest
from faults import Fault, FaultInjector, SmallDisk
from ward import eventually

from monitor.delivery.keys import Keys

RECOVERY_SECONDS = 3.0


@pytest.mark.fault(
    "disk full",
    "a file system of 8 MB for the spool, filled to the last byte while the station runs",
    "the station says so; alarms reach Redis from memory; when there is room again the spool is used and "
    "survives a SIGKILL",
)
def test_a_full_disk_holds_up_no_alarm(make_ward, rtsp_camera, redis_server, measured, tmp_path):
    with SmallDisk(tmp_path / "daemon-0" / "state", megabytes=8) as disk:
        ward = make_ward({"bed": rtsp_camera.url}, alarms={"camera_lost_after_seconds": 1.5})
        ward.wait_for("disk_low", "start", bed=None)
        ward.settle()
        injector = FaultInjector(camera=rtsp_camera, redis=redis_server, disk=disk, daemon=ward.daemon)
        client = redis_server.client()

        def fault() -> str | None:
            beat = client.get(Keys("nicu", "ward").heartbeat)
            return None if beat is None else json.loads(beat)["disk_fault"]

        with injector.during(Fault.DISK_FULL):
            camera_back = injector.begin(Fault.CAMERA_KILLED)
            measured.seconds("alarm in Redis in spite of the full disk", ward.wait_for("camera_lost", "start"), 5.0)
            eventually(fault, 20, "the heartbeat reports the full disk")
            assert "no room" in fault() or "fails to read or write" in fault()
        eventually(lambda: fault() is None, 20, "the disk is used again")
        injector.begin(Fault.PROCESS_KILLED)()
        camera_back()
        ward.wait_for("camera_lost", "end")
        ward.check_numbers()
        assert len({alert["alert_id"] for alert in ward.alerts(code="camera_lost")}) == 1
        ward.daemon.end()


@pytest.mark.fault(
    "disk full at the start",
    "a file system for the spool that has no byte left before the station starts",
    "the station starts and alarms reach Redis from memory",
)
def test_a_station_starts_on_a_full_disk(make_ward, rtsp_camera, measured, tmp_path):
    with SmallDisk(tmp_path / "daemon-0" / "state", megabytes=1) as disk:
        disk.fill()
        rtsp_camera.kill()
        ward = make_ward({"bed": rtsp_camera.url}, alarms={"camera_lost_after_seconds": 1.5})
        measured.seconds("start to alarm in Redis", ward.wait_for("camera_lost", "start"), 10.0)
        ward.wait_for("disk_low", "start", bed=None)
        ward.daemon.end()
