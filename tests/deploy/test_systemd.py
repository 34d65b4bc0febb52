"""The unit as systemd itself rates it."""

import configparser
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

UNIT = Path(__file__).resolve().parents[2] / "deploy" / "systemd" / "nicu-monitor.service"
MOST_EXPOSED = 2.0
"""systemd's own score, from 0 (nothing to attack) to 10; below 2 the tool says OK."""


@pytest.fixture
def unit(tmp_path):
    """The unit, with the program where it lies here: systemd checks whether it exists."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed; run: apt-get install systemd")
    copy = tmp_path / UNIT.name
    program = Path(sys.executable).parent / "nicu-monitor"
    copy.write_text(UNIT.read_text().replace("/opt/nicu-monitor/bin/nicu-monitor", str(program)))
    return copy


def analyze(*arguments):
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, timeout=60, check=False)


def test_systemd_finds_nothing_wrong(unit):
    done = analyze("verify", "--man=no", str(unit))
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_a_misspelt_field_would_be_found(unit):
    unit.write_text(unit.read_text().replace("WatchdogSec", "WatchDogSeconds"))
    assert "WatchDogSeconds" in analyze("verify", "--man=no", str(unit)).stderr


def test_the_service_offers_little_to_attack(unit):
    done = analyze("security", "--offline=true", "--no-pager", str(unit))
    exposure = float(re.search(r"exposure level for \S+: ([\d.]+)", done.stdout).group(1))
    print(f"exposure {exposure}")
    assert exposure <= MOST_EXPOSED
    page = (UNIT.parents[2] / "docs" / "operate.md").read_text()
    assert f"exposure of {exposure:.1f}" in page, f"docs/operate.md must give the value {exposure}"


def test_it_is_watched_and_started_again_for_ever():
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str
    parser.read(UNIT)
    service = parser["Service"]
    assert service["Type"] == "notify"
    assert int(service["WatchdogSec"]) >= 10
    assert service["Restart"] == "always"
    assert parser["Unit"]["StartLimitIntervalSec"] == "0"
    assert service["ExecStart"].endswith("run --config /etc/nicu/station.yaml")


def test_decoders_and_gpus_may_be_used_whenever_their_nodes_are_made():
    """Paths are looked up when the service starts, and left out where nothing is there yet."""
    fields = [line.partition("=")[::2] for line in UNIT.read_text().splitlines() if "=" in line]
    allowed = {value for key, value in fields if key == "DeviceAllow"}
    assert {f"char-{group} rw" for group in ("drm", "media", "video4linux", "nvidia", "nvidia-uvm")} <= allowed
    assert all(value.startswith("char-") for value in allowed)
    assert ("SupplementaryGroups", "video render") in fields
