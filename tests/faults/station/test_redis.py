"""Redis breaks under a running station while an alarm is on; what happens meanwhile arrives afterwards.

What the publisher alone promises, at hundreds of alerts a second, is in tests/faults/test_redis_outage.py.
"""

import time

import pytest
from faults import Fault, FaultInjector
from tcp_link import TcpLink
from ward import eventually

RECOVERY_SECONDS = 3.0


@pytest.mark.fault(
    "Redis broken in mid-alarm",
    "SIGKILL, SIGSTOP, REPLICAOF, maxmemory 1, or a restart without its data, while a camera is lost and comes back",
    "frames are analysed on; the alarm's end is in Redis <= 3 s after Redis is back, in order, under the same id",
    slo="nothing lost",
)
@pytest.mark.parametrize(
    "fault",
    [
        Fault.REDIS_HUNG,
        Fault.REDIS_EMPTIED,
        pytest.param(Fault.REDIS_KILLED, marks=pytest.mark.slow),
        pytest.param(Fault.REDIS_READ_ONLY, marks=pytest.mark.slow),
        pytest.param(Fault.REDIS_OUT_OF_MEMORY, marks=pytest.mark.slow),
    ],
)
def test_an_alarm_that_ends_during_an_outage_is_complete_afterwards(
    make_ward, rtsp_camera, redis_server, measured, fault
):
    ward = make_ward({"bed": rtsp_camera.url}, alarms={"camera_lost_after_seconds": 1.5})
    ward.settle()
    injector = FaultInjector(camera=rtsp_camera, redis=redis_server)
    camera_back = injector.begin(Fault.CAMERA_KILLED)
    ward.wait_for("camera_lost", "start")
    redis_back = injector.begin(fault)
    camera_back()
    measured.seconds("frames analysed although Redis is away", ward.wait_for_frames(), RECOVERY_SECONDS)
    time.sleep(2.0)
    redis_back()
    measured.seconds("arrival after the return", ward.wait_for("camera_lost", "end"), RECOVERY_SECONDS)
    ward.check_numbers()
    records = ward.alerts(code="camera_lost")
    assert [alert["phase"] for alert in records if alert["phase"] != "update"] == ["start", "end"]
    assert len({alert["alert_id"] for alert in records}) == 1


@pytest.mark.fault(
    "Redis absent at the start",
    "no server at its address; it comes after the alarm",
    "the station starts, raises its alarm, and delivers it <= 3 s after Redis came",
)
def test_redis_may_come_later(make_ward, rtsp_camera, redis_server, measured):
    redis_server.stop()
    rtsp_camera.kill()
    ward = make_ward({"bed": rtsp_camera.url}, alarms={"camera_lost_after_seconds": 1.5})
    metric = ("nicu_monitor_alarm_condition", "camera_lost")
    eventually(lambda: ward.daemon.metric(metric[0], code=metric[1]) == 1.0, 30, "the alarm in the station")
    redis_server.start()
    measured.seconds("arrival after it came", ward.wait_for("camera_lost", "start"), RECOVERY_SECONDS)
    ward.check_numbers()


@pytest.mark.fault(
    "Redis slow",
    "every packet to and from it is held back for 0.3 s",
    "alerts still come, later; frames are analysed as often as before",
)
def test_a_slow_line_to_redis_slows_nothing_but_the_alert(make_ward, rtsp_camera, redis_server, measured):
    with TcpLink(redis_server.port) as link:
        redis = {"url": f"redis://127.0.0.1:{link.port}/0", "timeout_seconds": 2.0}
        ward = make_ward({"bed": rtsp_camera.url}, redis=redis, alarms={"camera_lost_after_seconds": 1.5})
        ward.settle()
        injector = FaultInjector(camera=rtsp_camera, link=link)
        with injector.during(Fault.REDIS_SLOW):
            measured.seconds("frames analysed meanwhile after", ward.wait_for_frames(), 1.0)
            with injector.during(Fault.CAMERA_KILLED):
                measured.seconds("alarm after", ward.wait_for("camera_lost", "start"), 8.0)
        ward.daemon.stop(30.0)
    ward.check_numbers()
