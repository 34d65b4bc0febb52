"""Who lies in a bed: said on the command line, stored over a kill, shown in Redis, metrics and the audit log."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from daemon import Daemon, alerts_in
from ports import free_port
from redis_server import wait_until

pytestmark = pytest.mark.e2e


def nicu(redis_server, *words, login=""):
    program = [str(Path(sys.executable).parent / "nicu-monitor"), *words, "--by", "nurse-7"]
    address = ["--redis", redis_server.url.replace("redis://", f"redis://{login}"), "--station", "ward"]
    return subprocess.run([*program, *address], capture_output=True, text=True, timeout=60, check=False)


def documented_rights():
    page = (Path(__file__).resolve().parents[3] / "docs" / "subscribe.md").read_text(encoding="utf-8")
    [line] = [line for line in page.splitlines() if line.startswith("ACL SETUSER monitor ")]
    return line.replace(">PASSWORD", ">secret")


def test_an_empty_bed_is_silent_over_a_kill_and_alarms_again_once_an_infant_is_admitted(tmp_path, redis_server):
    config = {
        "station": {"id": "ward"},
        "beds": [{"id": "a", "camera": {"url": f"rtsp://127.0.0.1:{free_port()}/x"}}],
        "redis": {"url": redis_server.url, "timeout_seconds": 0.5},
        "alarms": {"camera_lost_after_seconds": 1.0},
    }
    client = redis_server.client()

    def phases(code):
        return [(a["phase"], a["signal"]) for a in alerts_in(client) if (a["code"], a["bed"]) == (code, "a")]

    def occupied_as(word):
        shown = client.hgetall("nicu:state:a").get("occupancy") == word
        return shown and daemon.metric("nicu_monitor_bed_occupancy", bed="a", occupancy=word) == 1.0

    with Daemon(tmp_path / "d", config) as daemon:
        wait_until(lambda: phases("camera_lost") == [("start", "on")], 30, "the lost camera")
        refused = nicu(redis_server, "pause", "a", "--seconds", "700")
        assert refused.returncode == 1
        assert refused.stderr == (
            "ward refused: a pause lasts at most 600 s (alarms.acknowledge_expires_seconds), not 700 s\n"
        )
        done = nicu(redis_server, "discharge", "a")
        assert (done.returncode, done.stdout) == (0, "ward did it: discharge\n"), done.stderr
        wait_until(lambda: phases("camera_lost") == [("start", "on"), ("end", "off")], 10, "the end of the alarm")
        assert phases("bed_empty") == [("start", "acknowledged")]
        again = nicu(redis_server, "discharge", "a")
        assert (again.returncode, again.stderr) == (1, "ward took the command; nothing had to be changed\n")
        assert "admit an infant first" in nicu(redis_server, "standby", "a", "--minutes", "5").stderr
        assert "no bed called b" in nicu(redis_server, "admit", "b").stderr
        wait_until(lambda: occupied_as("empty"), 10, "an empty bed")
        client.execute_command(*documented_rights().split())
        assert "no bed called b" in nicu(redis_server, "admit", "b", login="monitor:secret@").stderr
        client.execute_command("ACL", "SETUSER", "monitor", "-get")
        unread = nicu(redis_server, "admit", "b", login="monitor:secret@")
        assert (unread.returncode, "lacks +get" in unread.stderr) == (1, True)

        daemon.kill()
        daemon.start()
        wait_until(lambda: daemon.url is not None and occupied_as("empty"), 30, "the bed is empty after the kill, too")
        assert phases("camera_lost")[2:] == []
        assert phases("bed_empty") == [("start", "acknowledged")]

        assert nicu(redis_server, "admit", "a", "--infant", "infant-12").returncode == 0
        wait_until(lambda: phases("camera_lost")[2:] == [("start", "on")], 20, "the lost camera once more")
        assert phases("bed_empty") == [("start", "acknowledged"), ("end", "off")]
        assert nicu(redis_server, "standby", "a", "--minutes", "5", "--reason", "bath").returncode == 0
        wait_until(lambda: occupied_as("standby"), 10, "the stand-by")
        assert phases("camera_lost")[2:] == [("start", "on")], "the camera of a bed on stand-by is watched"
        assert nicu(redis_server, "resume", "a").returncode == 0
        wait_until(lambda: occupied_as("occupied"), 10, "the end of the stand-by")
        assert daemon.stop() == 0
        records = [json.loads(line) for line in (daemon.state / "audit" / "audit.jsonl").read_text().splitlines()]
        asked = [(r["event"], r["by"], r.get("changed"), bool(r.get("refused"))) for r in records if "by" in r]
        assert asked == [
            ("pause", "nurse-7", None, True),
            ("discharge", "nurse-7", True, False),
            ("discharge", "nurse-7", False, False),
            ("standby", "nurse-7", None, True),
            ("admit", "nurse-7", None, True),
            ("admit", "nurse-7", None, True),
            ("admit", "nurse-7", None, True),
            ("admit", "nurse-7", True, False),
            ("standby", "nurse-7", True, False),
            ("resume", "nurse-7", True, False),
        ]
