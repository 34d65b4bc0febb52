"""`nicu-monitor demo --stations 2`: one is killed, and the other goes on with its beds; run by `make fleet`."""

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
