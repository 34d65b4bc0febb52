"""The station's process is killed with SIGKILL, in mid-alarm and at random moments, and started again.

The 200 kills are marked slow: `make faults-slow`. tests/faults/test_redis_kill.py kills the publisher alone, at
hundreds of alerts a second.
"""

import random
import shutil
import sqlite3
import threading
import time

import pytest
from faults import Fault, FaultInjector
from ports import free_port
from ward import eventually

from monitor.delivery.keys import Keys

RESTART_SECONDS = 5.0
CLAIM_SECONDS = 10.0


@pytest.mark.fault(
    "station killed in mid-alarm",
    "SIGKILL of the daemon while a camera is lost; the camera returns while the station is dead",
    "a new process watches <= 5 s later; the alarm is still on and ends under the same id",
)
def test_an_alarm_outlives_the_process(make_ward, rtsp_camera, measured):
    ward = make_ward({"bed": rtsp_camera.url}, alarms={"camera_lost_after_seconds": 1.5})
    ward.settle()
    injector = FaultInjector(camera=rtsp_camera, daemon=ward.daemon)
    camera_back = injector.begin(Fault.CAMERA_KILLED)
    ward.wait_for("camera_lost", "start")
    restart = injector.begin(Fault.PROCESS_KILLED)
    began = time.monotonic()
    restart()
    eventually(lambda: ward.daemon.metric("nicu_monitor_alarm_condition", code="camera_lost") == 1.0, 30, "the alarm")
    measured.seconds("restart until the alarm shows again", time.monotonic() - began, RESTART_SECONDS)
    camera_back()
    ward.wait_for("camera_lost", "end")
    ward.check_numbers()
    records = ward.alerts(code="camera_lost")
    assert len({alert["alert_id"] for alert in records}) == 1
    assert [alert["phase"] for alert in records].count("start") == 1


@pytest.mark.fault(
    "state directory lost in mid-alarm",
    "SIGKILL of the daemon while a camera is lost; its state directory is deleted before the next start",
    "the alarm is raised again, and the one that nobody knows of any more is ended <= 2 lives of a claim later",
)
def test_an_alarm_of_a_lost_state_directory_is_ended(make_ward, redis_server, measured):
    ward = make_ward(
        {"bed": f"rtsp://127.0.0.1:{free_port()}/x"},
        alarms={"camera_lost_after_seconds": 0.5},
        redis={"url": redis_server.url, "timeout_seconds": 0.5, "state_ttl_seconds": CLAIM_SECONDS},
    )
    ward.wait_for("camera_lost", "start")
    ward.daemon.kill()
    shutil.rmtree(ward.daemon.state)
    ward.daemon.start()

    def signalled() -> list[str]:
        newest = {alert["alert_id"]: alert for alert in ward.alerts("bed", "camera_lost")}
        return [alert_id for alert_id, alert in newest.items() if alert["condition_present"]]

    (lost,) = signalled()
    eventually(lambda: len(signalled()) == 2, 30, "the alarm of the second life")
    waited = eventually(lambda: len(signalled()) == 1, 30, "the end of the alarm of the first life")
    measured.seconds("end of the old alarm after the start of the new one", waited, 2 * CLAIM_SECONDS)
    assert signalled() != [lost]
    (end,) = [alert for alert in ward.alerts("bed", "camera_lost", "end") if alert["alert_id"] == lost]
    assert (end["validity"], end["signal"]) == ("questionable", "off")
    ward.check_numbers()


class BusyNurse:
    """Acknowledges every alert again and again, so that a station always has something to record.

    Args:
        ward: Whose alerts.
    """

    def __init__(self, ward) -> None:
        self._client = ward.redis.client()
        self._key = Keys("nicu", "ward").commands
        self._ids = {alert["alert_id"] for bed in ("a", "b", "c") for alert in ward.alerts(bed, "camera_lost")}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="busy-nurse")

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(0.05):
            for alert_id in self._ids:
                command = {"action": "acknowledge", "alert_id": alert_id, "by": "nurse-7"}
                self._client.xadd(self._key, command, maxlen=1000)


@pytest.mark.parametrize(
    "kills",
    [
        pytest.param(5, marks=pytest.mark.timeout(300)),
        pytest.param(200, marks=[pytest.mark.slow, pytest.mark.timeout(7200)]),
    ],
)
@pytest.mark.fault(
    "station killed at random moments, again and again",
    "SIGKILL of the daemon 0 to 1 s after it has begun to publish, while alarms change 20 times a second",
    "every stored alert is in the stream, numbered without gaps, in order, repeats identical; no alarm gets a new id",
)
def test_random_kills_lose_nothing(make_ward, redis_server, measured, kills):
    dice = random.Random(kills)
    cameras = {bed: f"rtsp://127.0.0.1:{free_port()}/x" for bed in "abc"}
    rules = {"camera_lost_after_seconds": 0.5, "acknowledge_expires_seconds": 0.3}
    ward = make_ward(cameras, alarms=rules)
    for bed in cameras:
        ward.wait_for("camera_lost", "start", bed=bed)
    client = redis_server.client()
    with BusyNurse(ward):
        for _ in range(kills):
            before = client.xlen("nicu:alerts")
            eventually(lambda before=before: client.xlen("nicu:alerts") > before, 30, "a new alert")
            time.sleep(dice.uniform(0.0, 1.0))
            ward.daemon.kill()
            ward.daemon.start()
        before = client.xlen("nicu:alerts")
        eventually(lambda: client.xlen("nicu:alerts") > before, 30, "a new alert of the last life")
    assert ward.daemon.stop(30.0) == 0
    alerts = ward.check_numbers()
    assert len({alert["producer_id"] for alert in alerts}) == 1
    with sqlite3.connect(ward.daemon.state / "spool.sqlite") as spool:
        stored = [alert_id for (alert_id,) in spool.execute("SELECT alert_id FROM alerts ORDER BY seq")]
    spool.close()
    assert [alert["alert_id"] for alert in alerts][-len(stored) :] == stored
    for bed in cameras:
        assert len({alert["alert_id"] for alert in ward.alerts(bed, "camera_lost")}) == 1
        assert len(ward.alerts(bed, "camera_lost", "start")) == 1
    measured.quantity("kills", kills)
    measured.quantity("alerts in the stream", len(alerts))
    measured.quantity("repeats", len(alerts) - len({alert["seq"] for alert in alerts}))
