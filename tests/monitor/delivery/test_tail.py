"""`nicu-monitor tail` against a real server."""

import json
import signal
import subprocess
import sys
import threading

import pytest
from alerts import make_draft, put
from click.testing import CliRunner
from redis_server import RedisServer, wait_until

from monitor.commands.tail import command
from monitor.errors import PublishError


def run_tail(*words: str) -> tuple[int, list[str], str]:
    result = CliRunner().invoke(command, list(words), standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    return result.return_value, result.stdout.splitlines(), result.stderr


def test_tail_prints_json_once(redis_server, make_publisher, tmp_path) -> None:
    publisher = make_publisher()
    publisher.submit([make_draft("a", bed="bed-1"), make_draft("b", bed="bed-2")])
    wait_until(lambda: publisher.stats().published == 2, 5)
    words = ("--redis", redis_server.url, "--state", str(tmp_path / "seen.json"), "--once", "--json", "--from-start")
    code, lines, _ = run_tail(*words, "--bed", "bed-2")
    documents = [json.loads(line) for line in lines]
    assert code == 0
    assert [item["alert_id"] for item in documents if "alert_id" in item] == ["b"]
    assert run_tail(*words)[1] == ['{"event": "heartbeat_seen", "station": "station-1"}']


def test_tail_prints_lines_for_people(redis_server, make_publisher) -> None:
    publisher = make_publisher()
    publisher.submit([make_draft("a", detail="steer \x1b[31m the terminal")])
    wait_until(lambda: publisher.stats().published == 1, 5)
    _, (line,), notes = run_tail("--redis", redis_server.url, "--once", "--from-start")
    assert "bed-1" in line
    assert "low    start    pain_sign" in line
    assert "[test]" in line
    assert "steer ?[31m the terminal" in line
    assert "station-1 watches" in notes


def test_tail_cleans_what_stations_are_called_and_reads_past_what_it_knows(redis_server, tmp_path) -> None:
    redis_server.client().set("nicu:heartbeat:steer \x1b[31m", "{}")
    for number in range(300):
        put(redis_server, "known", number + 1)
    words = ("--redis", redis_server.url, "--state", str(tmp_path / "seen.json"), "--once")
    assert len(run_tail(*words, "--from-start")[1]) == 300
    client = redis_server.client()
    entries = client.xrange("nicu:alerts")
    client.delete("nicu:alerts")
    for _, fields in entries:
        client.xadd("nicu:alerts", fields)
    put(redis_server, "new", 302)
    _, lines, notes = run_tail(*words)
    assert len(lines) == 1
    assert "steer ?[31m watches" in notes
    assert "1 alerts of station-1 are missing" in notes


def test_tail_ends_with_1_when_a_station_falls_silent(redis_server) -> None:
    code, _, notes = run_tail(
        "--redis", redis_server.url, "--station", "station-1", "--silence", "0.5", "--exit-on-silence"
    )
    assert code == 1
    assert "station-1 IS SILENT" in notes


def test_tail_once_says_when_redis_is_away(redis_server) -> None:
    redis_server.stop()
    with pytest.raises(PublishError, match="cannot be reached"):
        run_tail("--redis", redis_server.url, "--once")


def test_tail_as_a_program_survives_a_restart_of_redis(redis_server: RedisServer, make_publisher) -> None:
    program = [sys.executable, "-c", "from monitor.cli import main; main()", "tail", "--json", "--redis"]
    process = subprocess.Popen(
        [*program, redis_server.url, "--from-start"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    lines: list[dict[str, object]] = []

    def read() -> None:
        assert process.stdout is not None
        lines.extend(json.loads(line) for line in process.stdout)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    publisher = make_publisher()
    publisher.submit([make_draft("before")])
    wait_until(lambda: any(line.get("alert_id") == "before" for line in lines), 30)
    redis_server.kill()
    wait_until(lambda: any(line.get("event") == "redis_lost" for line in lines), 30)
    redis_server.start()
    publisher.submit([make_draft("after")])
    wait_until(lambda: any(line.get("alert_id") == "after" for line in lines), 30)
    process.send_signal(signal.SIGINT)
    assert process.wait(15) == 130
    reader.join()
    process.stdout.close()
    assert [line["alert_id"] for line in lines if "alert_id" in line] == ["before", "after"]
