"""Acknowledgements and pauses through the commands stream: who may, what they lead to, and what is left of them."""

import subprocess
import sys
from pathlib import Path

import pytest
from faults import Fault, FaultInjector
from ports import free_port
from ward import eventually

from monitor.control.access import hash_token
from monitor.delivery.keys import Keys

TOKENS = {"nurse-7": "a-long-random-token-of-nurse-7", "guest": "a-long-random-token-of-guest"}


@pytest.mark.fault(
    "acknowledgement, rightful and not",
    "entries of the commands stream: no token, a viewer's token, another's name, nonsense, and a nurse's own",
    "only the nurse's counts; the record names who and when, also after a SIGKILL; no token stays anywhere",
)
def test_only_a_nurse_acknowledges_and_the_record_says_so(make_ward, redis_server, measured, tmp_path):
    access = tmp_path / "access"
    lines = [f"nurse-7 nurse {hash_token(TOKENS['nurse-7'])}", f"guest viewer {hash_token(TOKENS['guest'])}"]
    access.write_text("\n".join(lines) + "\n", encoding="utf-8")
    access.chmod(0o600)
    redis = {"url": redis_server.url, "timeout_seconds": 0.5, "command_access_file": str(access)}
    ward = make_ward({"bed": f"rtsp://127.0.0.1:{free_port()}/x"}, redis=redis)
    ward.wait_for("camera_lost", "start")
    alert_id = ward.alerts(code="camera_lost")[0]["alert_id"]
    client, key = redis_server.client(), Keys("nicu", "ward").commands
    wrong = [
        {"action": "acknowledge", "alert_id": alert_id, "by": "nurse-7"},
        {"action": "acknowledge", "alert_id": alert_id, "by": "guest", "token": TOKENS["guest"]},
        {"action": "acknowledge", "alert_id": alert_id, "by": "nurse-7", "token": TOKENS["guest"]},
        {"action": "delete everything", "alert_id": alert_id, "by": "nurse-7", "token": TOKENS["nurse-7"]},
    ]
    for command in wrong:
        client.xadd(key, command)

    def outcomes(outcome: str) -> float:
        return ward.daemon.metric("nicu_monitor_commands_total", outcome=outcome) or 0.0

    eventually(lambda: outcomes("refused") == 3 and outcomes("malformed") == 1, 10, "all four are answered")
    assert len(ward.alerts(code="camera_lost")) == 1

    client.xadd(key, {"action": "acknowledge", "alert_id": alert_id, "by": "nurse-7", "token": TOKENS["nurse-7"]})
    measured.seconds("record of the acknowledgement after", ward.wait_for("camera_lost", "update"), 2.0)
    record = ward.alerts(code="camera_lost")[-1]
    assert record["alert_id"] == alert_id
    assert record["signal"] == "acknowledged"
    assert record["acknowledgement"]["by"] == "nurse-7"
    assert record["condition_present"], "an acknowledgement silences; it does not end"
    assert outcomes("accepted") == 1
    eventually(lambda: client.xlen(key) == 0, 5, "no token stays in the stream")

    ward.daemon.kill()
    ward.daemon.start()
    eventually(ward.daemon.is_ready, 30, "readiness")
    eventually(lambda: ward.daemon.metric("nicu_monitor_alarm_condition", code="camera_lost") == 1.0, 10, "the alarm")
    records = ward.alerts(code="camera_lost")
    assert {alert["alert_id"] for alert in records} == {alert_id}
    assert records[-1]["signal"] == "acknowledged", "the acknowledgement outlived the process"
    everything = ward.daemon.output() + ward.daemon.get("/metrics")[1] + str(ward.check_numbers())
    assert not [token for token in TOKENS.values() if token in everything]


def order(ward, *words: str) -> subprocess.CompletedProcess[str]:
    """Run `nicu-monitor` against the ward's station."""
    program = [str(Path(sys.executable).parent / "nicu-monitor"), *words]
    address = ["--redis", ward.redis.url, "--station", "ward"]
    return subprocess.run([*program, *address], capture_output=True, text=True, timeout=100, check=False)


@pytest.mark.timeout(240)
@pytest.mark.fault(
    "pause during care",
    "`nicu-monitor pause` in an alarm; the station is killed, the camera comes back and goes again, and Redis goes in "
    "mid-pause",
    "the pause needs a nurse's token, is recorded, outlives the process, covers the same kind of condition only, and "
    "lapses by itself",
)
def test_a_pause_is_authorised_recorded_limited_and_hides_nothing_new(make_ward, rtsp_camera, redis_server, tmp_path):
    access, token = tmp_path / "access", tmp_path / "token"
    access.write_text(f"nurse-7 nurse {hash_token(TOKENS['nurse-7'])}\n", encoding="utf-8")
    access.chmod(0o600)
    token.write_text(TOKENS["nurse-7"] + "\n", encoding="utf-8")
    ward = make_ward(
        {"bed": rtsp_camera.url},
        redis={"url": redis_server.url, "timeout_seconds": 0.5, "command_access_file": str(access)},
        alarms={"camera_lost_after_seconds": 1.0, "acknowledge_expires_seconds": 45.0},
    )
    ward.settle()
    nurse = ("--by", "nurse-7", "--token-file", str(token))
    injector = FaultInjector(camera=rtsp_camera, daemon=ward.daemon)
    calm = order(ward, "pause", "bed", *nurse)
    assert calm.returncode == 1, "a pause in calm covers nothing"
    camera_back = injector.begin(Fault.CAMERA_KILLED)
    ward.wait_for("camera_lost", "start")
    assert order(ward, "pause", "bed", "--by", "nurse-7").returncode == 1, "no token, no pause"
    paused = order(ward, "pause", "bed", "--seconds", "40", *nurse)
    assert paused.returncode == 0, paused.stderr
    assert "camera_lost is silenced by nurse-7" in paused.stdout
    assert ward.alerts(code="camera_lost")[-1]["signal"] == "acknowledged"

    injector.begin(Fault.PROCESS_KILLED)()
    camera_back()
    ward.wait_for("camera_lost", "end")
    injector.begin(Fault.CAMERA_KILLED)
    ward.wait_for("camera_lost", "start", count=2)
    again = ward.alerts(code="camera_lost", phase="start")[-1]
    assert again["signal"] == "acknowledged", "the pause outlived the process"
    assert again["acknowledgement"]["by"] == "nurse-7"
    # Another kind of condition, of the station here, is signalled as ever.
    redis_server.kill()
    eventually(
        lambda: ward.daemon.metric("nicu_monitor_alarm_condition", code="publisher_backlog"), 30, "publisher_backlog"
    )
    redis_server.start()
    ward.wait_for("publisher_backlog", "start", bed=None)
    assert ward.alerts(None, "publisher_backlog", "start")[-1]["signal"] == "on"
    eventually(lambda: ward.alerts(code="camera_lost")[-1]["signal"] == "on", 45, "the pause lapses")

    assert order(ward, "pause", "bed", *nurse).returncode == 0
    assert order(ward, "resume", "bed", *nurse).returncode == 0
    eventually(lambda: ward.alerts(code="camera_lost")[-1]["signal"] == "on", 10, "the pause has been ended")
    ward.check_numbers()
    assert TOKENS["nurse-7"] not in ward.daemon.output()
