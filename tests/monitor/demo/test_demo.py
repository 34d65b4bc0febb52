"""The demo as a newcomer runs it: one minute, and it says itself whether everything arrived."""

import json
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.timeout(180)
def test_one_minute_shows_a_pain_alarm_with_start_and_end_on_the_right_bed(tmp_path):
    summary = tmp_path / "s.json"
    command = [str(Path(sys.executable).parent / "nicu-monitor"), "demo", "--duration", "60", "--summary", str(summary)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=150, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads(summary.read_text())
    assert result["ok"] is True
    assert {"start", "end"} <= set(result["alerts"]["bed-pain"]["pain_sign"])
    assert not {"pain_sign", "pain_sustained"} & set(result["alerts"].get("bed-calm", {}))
    assert result["alerts_in_prometheus"] == result["alerts"]
    for bed in result["beds"]:
        assert result["frames"][bed]["judged"] > 100
        assert result["frames"][bed]["with_face"] >= 0.95 * result["frames"][bed]["judged"]
    assert set(result["latency_seconds"]) == {"p50", "p95", "p99"}
    assert result["addresses"]["redis"].startswith("redis://127.0.0.1:")
