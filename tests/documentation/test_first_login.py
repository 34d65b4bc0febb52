"""The tour's user can log in: the example's comment about users becomes a setting by the line that the tour gives."""

import subprocess
from pathlib import Path

from monitor.config.file import read_config

ROOT = Path(__file__).resolve().parents[2]


def test_the_tour_s_line_names_the_file_of_users(tmp_path):
    tour = (ROOT / "docs" / "tour.md").read_text(encoding="utf-8")
    [line] = [line for line in tour.splitlines() if line.startswith("sed ") and "users_file" in line]
    (tmp_path / "station.yaml").write_text((ROOT / "configs" / "example.yaml").read_text(encoding="utf-8"))
    subprocess.run(["sh", "-c", line], cwd=tmp_path, check=True, timeout=60)
    assert read_config(tmp_path / "station.yaml").web.users_file == tmp_path / "secrets" / "users"
