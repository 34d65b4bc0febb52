"""The demo as a newcomer runs it: one minute, and it says itself whether everything arrived."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from ports import free_port

from monitor.demo.cameras import FULL_SIZE_PX, SMALL_SIZE_PX, choose_size


@pytest.mark.timeout(180)
def test_one_minute_shows_a_pain_alarm_with_start_and_end_on_the_right_bed(tmp_path):
    summary = tmp_path / "s.json"
    command = [str(Path(sys.executable).parent / "nicu-monitor"), "demo", "--duration", "60", "--summary", str(summary)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=150, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^its page: http://127\.0\.0\.1:\d+/$", done.stderr, re.MULTILINE)
    result = json.loads(summary.read_text())
    assert result["ok"] is True
    assert {"start", "end"} <= set(result["alerts"]["bed-pain"]["pain_sign"])
    assert not {"pain_sign", "pain_sustained"} & set(result["alerts"].get("bed-calm", {}))
    assert result["alerts_in_prometheus"] == result["alerts"]
    for bed in result["beds"]:
        assert result["frames"][bed]["analysed"] > 100
        assert result["frames"][bed]["with_face"] >= 0.95 * result["frames"][bed]["analysed"]
    assert set(result["latency_seconds"]) == {"p50", "p95", "p99"}
    assert result["addresses"]["redis"].startswith("redis://127.0.0.1:")


def test_a_machine_that_paints_slowly_gets_small_pictures():
    assert choose_size(0.02) == FULL_SIZE_PX
    assert choose_size(0.2) == SMALL_SIZE_PX


@pytest.mark.timeout(90)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_ctrl_c_or_the_end_of_a_terminal_ends_the_demo_with_its_report(number):
    """A terminal signals every process of the demo; Redis and Prometheus ended first, and the report was an error.

    A terminal that was closed left them running.
    """
    port = free_port()
    command = [str(Path(sys.executable).parent / "nicu-monitor"), "demo", "--http-port", str(port)]
    demo = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    try:
        give_up = time.monotonic() + 60
        while True:
            assert demo.poll() is None, demo.stderr.read()
            assert time.monotonic() < give_up
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5).close()
                break
            except (urllib.error.URLError, OSError):
                time.sleep(0.2)
        time.sleep(2)
        os.killpg(demo.pid, number)
        out, err = demo.communicate(timeout=30)
    finally:
        demo.kill()
        demo.wait()
    assert demo.returncode == 0, out + err
    assert "alerts in the Redis stream" in out
    assert "too short for a whole episode" in out
    assert "error" not in err
