"""`nicu-monitor demo --stations 2`: one is killed, and the other goes on with its beds (`make fleet`).

In a Redis that is in use, it takes no part in the ward that is there.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_a_station_is_killed_and_its_beds_are_watched_by_the_other(tmp_path):
    summary = tmp_path / "summary.json"
    command = [str(Path(sys.executable).parent / "nicu-monitor"), "demo", "--stations", "2", "--duration", "75"]
    done = subprocess.run(
        [*command, "--summary", str(summary)], capture_output=True, text=True, timeout=180, check=False, cwd=tmp_path
    )
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads(summary.read_text())
    assert result["ok"] is True
    [other] = {"station-1", "station-2"} - {result["killed"]}
    assert "was killed; its beds were watched again" in done.stdout
    last = result["events"][-1]["owners"]
    assert last == {"bed-calm": other, "bed-pain": other}


@pytest.mark.e2e
def test_in_a_redis_that_is_in_use_it_touches_nothing_and_shows_no_password(redis_server, tmp_path):
    client = redis_server.client()
    client.acl_setuser("ward", enabled=True, passwords=["+s3cret"], keys=["*"], channels=["*"], commands=["+@all"])
    client.hset("nicu:beds:real-7", "document", "of a ward that is in use")
    before = set(client.keys())
    url = redis_server.url.replace("redis://", "redis://ward:s3cret@")
    summary = tmp_path / "summary.json"
    command = [str(Path(sys.executable).parent / "nicu-monitor"), "demo", "--stations", "2", "--duration", "6"]
    done = subprocess.run(
        [*command, "--redis-url", url, "--summary", str(summary)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "its page: http://127.0.0.1:" in done.stderr
    assert "s3cret" not in done.stdout + done.stderr + summary.read_text()
    assert set(client.keys()) == before
