"""What docs/subscribe.md shows works as it stands there."""

import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from alerts import make_draft
from redis_server import RedisServer, wait_until

from monitor.delivery.redis_client import connect_redis

PAGE = (Path(__file__).parents[3] / "docs" / "subscribe.md").read_text()


def acl_rule(user: str) -> list[str]:
    line = next(line for line in PAGE.splitlines() if line.strip().startswith(f"ACL SETUSER {user} "))
    return line.replace("PASSWORD", "word").split()


def example(language: str) -> str:
    (text,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return text


def python_command(_: Path) -> list[str]:
    assert len(example("python").splitlines()) <= 30
    return [sys.executable, "-c", example("python")]


def node_command(directory: Path) -> list[str]:
    """The example with the package that it names, which npm fetches."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("node and npm are not installed: apt-get install nodejs npm")
    fetch = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefer-offline", "--prefix", str(directory)]
    try:
        done = subprocess.run([*fetch, "redis"], cwd=directory, capture_output=True, text=True, timeout=60, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip("npm did not fetch the package redis within a minute")
    if done.returncode != 0:
        pytest.skip(f"npm cannot fetch the package redis: {done.stderr.strip()[-200:]}")
    file = directory / "subscribe.mjs"
    file.write_text(example("js"))
    return ["node", str(file)]


@pytest.mark.parametrize("command", [python_command, node_command], ids=["python", "node"])
def test_the_example_reads_alerts_and_survives_a_restart_of_redis(
    command, redis_server: RedisServer, make_publisher, tmp_path
) -> None:
    words = [*command(tmp_path), redis_server.url]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    lines: list[str] = []
    reader = threading.Thread(target=lambda: lines.extend(iter(process.stdout.readline, "")))
    reader.start()
    try:
        publisher = make_publisher()
        publisher.submit([make_draft("a")])
        wait_until(lambda: sum("pain_sign start low" in line for line in lines) == 1, 10)
        redis_server.kill()
        wait_until(lambda: any("Redis is away" in line for line in lines), 10)
        redis_server.lose_data()
        redis_server.start()
        publisher.submit([make_draft("b")])
        wait_until(lambda: sum("pain_sign start low" in line for line in lines) == 2, 10)
    finally:
        process.kill()
        process.wait()
        reader.join()
        process.stdout.close()


def test_the_rights_of_the_page_are_enough_for_a_station(redis_server: RedisServer, make_publisher) -> None:
    client = redis_server.client()
    client.execute_command(*acl_rule("monitor"))
    word = "word"
    publisher = make_publisher(redis_server.settings(username="monitor", password=word, state_ttl_seconds=1.0))
    client.xadd("nicu:commands:station-1", {"action": "acknowledge", "alert_id": "a", "by": "nurse-7"})
    publisher.submit([make_draft("a")])
    publisher.update_state("bed-1", {"level": 0.5})
    wait_until(lambda: client.xlen("nicu:alerts") == 1, 5)
    wait_until(lambda: client.exists("nicu:heartbeat:station-1"), 5)
    wait_until(lambda: client.xlen("nicu:commands:station-1") == 0, 5)
    # Even the check for lost data is covered.
    client.delete("nicu:alerts")
    wait_until(lambda: client.xlen("nicu:alerts") == 1, 5)
    assert publisher.stats().redis_failure is None


@pytest.mark.parametrize("forbidden", ["XADD", "SET"])
def test_the_rights_of_a_display_are_to_read_only(redis_server: RedisServer, forbidden: str) -> None:
    redis_server.client().execute_command(*acl_rule("ward-display"))
    word = "word"
    client = connect_redis(redis_server.settings(username="ward-display", password=word))
    assert client.xrevrange("nicu:alerts", count=1) == []
    assert list(client.scan_iter("nicu:heartbeat:*")) == []
    words = {"XADD": ("nicu:commands:station-1", "*", "a", "b"), "SET": ("nicu:heartbeat:station-1", "1")}
    with pytest.raises(Exception, match="no permissions"):
        client.execute_command(forbidden, *words[forbidden])
    client.close()
