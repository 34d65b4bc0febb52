"""Acknowledgements through the commands stream: who may, what it leads to, and what is left of it."""

import pytest
from ward import eventually

from monitor.demo.servers import free_port
from monitor.publish.access import hash_token
from monitor.publish.keys import Keys

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

    eventually(lambda: outcomes("refused") == 3 and outcomes("malformed") == 1, 10, "all four are judged")
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
