"""The tables of the performance page come from records, go between their markers, and nowhere else."""

import json
import runpy
import shutil
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
PAGE = HERE.parents[1] / "docs" / "performance.md"
TABLES = runpy.run_path(str(HERE / "tables.py"))

STARTUP = {"help_cpu_seconds": {"nicu-monitor": 0.06}, "first_result": {"cpu_seconds": 0.9, "wall_seconds": 1.25}}
SYNTHETIC = {
    "recall": 1.0,
    "frames": 300,
    "landmark_error_percent": 7.5,
    "landmark_error_p95_percent": 13.0,
    "cpu_ms_per_frame": 10.84,
    "cost_share": 0.2,
}
RECORDED = {"recall": 0.975, "frames": 40, "ambiguous": 2, "points_from_usual_percent": 1.234}
QUALITY = {"synthetic": {"guided": SYNTHETIC}, "recorded": {"baby": {"guided": RECORDED}}}


@pytest.fixture
def records(tmp_path):
    directory = tmp_path / "records"
    directory.mkdir()
    (directory / "startup.json").write_text(json.dumps(STARTUP), encoding="utf-8")
    (directory / "quality.json").write_text(json.dumps(QUALITY), encoding="utf-8")
    return directory


def between(text, name):
    return text.partition(f"<!-- {name} -->")[2].partition(f"<!-- /{name} -->")[0]


def without(text, names):
    for name in names:
        head, _, rest = text.partition(f"<!-- {name} -->")
        text = head + rest.partition(f"<!-- /{name} -->")[2]
    return text


def test_the_page_has_markers_for_every_run():
    text = PAGE.read_text(encoding="utf-8")
    for name in TABLES["RUNS"]:
        assert text.count(f"<!-- {name} -->") == text.count(f"<!-- /{name} -->") == 1
    assert set(TABLES["WRITERS"]) == set(TABLES["RUNS"])


def test_what_was_recorded_is_written_and_the_rest_is_left(tmp_path, records):
    page = tmp_path / "page.md"
    shutil.copy(PAGE, page)
    before = page.read_text(encoding="utf-8")

    TABLES["write"](records, page)

    text = page.read_text(encoding="utf-8")
    assert "| station, to its first analysed frame | 0.90 | 1.25 |" in between(text, "startup")
    assert "| guided | 300 | 1.000 | 7.50 % | 13.00 % | 10.8 | 0.20 |" in between(text, "quality")
    assert "| baby | guided | 40 | 0.975 | 2 | 1.23 % |" in between(text, "quality")
    assert without(text, ("startup", "quality")) == without(before, ("startup", "quality"))

    TABLES["write"](records, page)
    assert page.read_text(encoding="utf-8") == text


def test_a_page_without_markers_is_named(tmp_path, records):
    page = tmp_path / "page.md"
    page.write_text("# Nothing here\n", encoding="utf-8")
    with pytest.raises(SystemExit, match="pairs of markers for quality"):
        TABLES["write"](records, page)
