"""The station killed with SIGKILL between any two steps of publishing.

The promise: every record is in the stream, in order, exactly once: a life that finds an unfinished delivery searches
the stream before it sends again. 20 kills run with the other tests; the loop of 200 is
marked slow: `pytest -m slow tests/faults`.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tcp_link import TcpLink

SUPPORT = Path(__file__).parents[1] / "support"


def run_lives(state: Path, url: str, kills: int, seed: int) -> int:
    done = subprocess.run(
        [sys.executable, SUPPORT / "publishing_process.py", state, url, str(kills), str(seed)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(SUPPORT)},
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def check_stream(server, expected: int) -> None:
    entries = [fields for _, fields in server.client().xrange("nicu:alerts")]
    alerts = [json.loads(fields["alert"]) for fields in entries]
    assert [(alert["alert_id"], alert["phase"]) for alert in alerts] == [
        (f"alert-{(number + 1) // 2}", "start" if number % 2 else "end") for number in range(1, expected + 1)
    ]
    assert [alert["seq"] for alert in alerts] == list(range(1, expected + 1))
    assert len({alert["producer_id"] for alert in alerts}) == 1


def fault(what: str) -> pytest.MarkDecorator:
    promise = "every record is in the stream, in order, exactly once"
    return pytest.mark.fault(what, "SIGKILL at random moments", promise, slo="0 alerts lost when the station dies")


@fault("station killed between any two steps of publishing")
@pytest.mark.fault(
    "publisher killed between any two steps",
    "SIGKILL 0 to 0.15 s after its start, at hundreds of alerts a second",
    "every alert in the stream, in order, exactly once",
    slo="nothing lost",
)
@pytest.mark.parametrize("kills", [20, pytest.param(200, marks=[pytest.mark.slow, pytest.mark.timeout(600)])])
def test_a_station_that_is_killed_again_and_again(redis_server, tmp_path, kills) -> None:
    expected = run_lives(tmp_path / "state", redis_server.url, kills, seed=7)
    # On a very busy machine many lives end before their first alert.
    assert expected > kills // 4
    check_stream(redis_server, expected)


@fault("station killed while Redis answers slowly")
@pytest.mark.fault(
    "publisher killed between sending and the answer",
    "20 SIGKILLs with 20 ms on the line",
    "every alert in the stream, in order, exactly once",
)
def test_a_station_that_is_killed_while_answers_are_slow(redis_server, tmp_path) -> None:
    """With 20 ms on the line most kills fall between sending and the answer."""
    with TcpLink(redis_server.port) as link:
        link.delay_seconds = 0.01
        expected = run_lives(tmp_path / "state", f"redis://127.0.0.1:{link.port}/0", 20, seed=11)
    check_stream(redis_server, expected)
