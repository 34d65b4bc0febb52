"""`nicu-monitor sessions` shows who is logged in to a running station's page, and ends it."""

import json
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import pytest
from daemon import Daemon
from redis_server import wait_until

pytestmark = pytest.mark.e2e
PASSWORD = "another password"  # noqa: S105 - of a user of the tests


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_arguments):
        return None


def log_in(url: str) -> str:
    """Return the cookie of anna's session."""
    form = urllib.parse.urlencode({"name": "anna", "secret": PASSWORD}).encode()
    with pytest.raises(urllib.error.HTTPError) as answer:
        urllib.request.build_opener(_NoRedirect).open(urllib.request.Request(f"{url}/login", form), timeout=30)
    with answer.value as redirect:
        assert redirect.code == 303
        return str(redirect.headers["Set-Cookie"]).partition(";")[0]


def status(url: str, cookie: str) -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(f"{url}/api/v1/beds", headers={"Cookie": cookie})) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_sessions_are_listed_and_ended_from_the_command_line(tmp_path, redis_server, users_file):
    config = {
        "beds": [{"id": "bed-1", "camera": {"url": "rtsp://127.0.0.1:9/x"}}],
        "redis": {"url": redis_server.url},
        "web": {"users_file": str(users_file(tmp_path))},
    }
    program = str(Path(sys.executable).parent / "nicu-monitor")
    with Daemon(tmp_path / "d", config) as daemon:

        def run(*words: str) -> subprocess.CompletedProcess:
            command = [program, "sessions", *words, "--config", str(tmp_path / "d" / "station.yaml")]
            return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

        wait_until(lambda: daemon.url is not None and status(daemon.url, "") == 401, 30)
        cookies = [log_in(daemon.url) for _ in range(3)]
        assert {status(daemon.url, cookie) for cookie in cookies} == {200}
        listed = json.loads(run("list", "--json").stdout)
        assert [(entry["name"], entry["kind"]) for entry in listed] == [("anna", "person")] * 3
        assert run("end", "--id", listed[0]["id"]).returncode == 0
        assert [status(daemon.url, cookie) for cookie in cookies] == [200, 200, 401]
        assert "2 of them were used" in run("end", "anna").stdout
        assert {status(daemon.url, cookie) for cookie in cookies} == {401}
        unknown = run("end", "--id", "nothing")
        assert unknown.returncode == 3
        assert "no session nothing was seen" in unknown.stderr
        wait_until(lambda: '"sessions_ended"' in (tmp_path / "d" / "state" / "audit" / "audit.jsonl").read_text(), 10)
    assert "no station answers" in run("list").stderr
