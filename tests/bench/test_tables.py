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


MACHINE = {
    "model": "Processor",
    "cores": 2,
    "memory_megabytes": 16000.0,
    "load_average": 1.5,
    "kernel": "Linux 6",
    "python": "3.11.2",
    "onnxruntime": "1.32.0",
    "gstreamer": "1.22.0",
    "opencv": "4.14.0",
}
FIGURES = {
    "station_cpu_seconds_per_frame": 0.03,
    "cpu_seconds_per_frame": 0.04,
    "cpu_seconds_per_frame_decode": 0.01,
    "frames_per_second_per_bed": 5.0,
    "age_p50_seconds": 0.02,
    "age_p95_seconds": 0.03,
    "age_p99_seconds": 0.05,
    "cores_used": 0.5,
    "kernel_share": 0.1,
    "resident_megabytes": 700.0,
    "efficiency": 0.5,
    "face_px": 120.0,
    "decoder_seconds_per_picture": 0.004,
    "voluntary_switches_per_bed_and_second": 300.0,
    "involuntary_switches_per_bed_and_second": 20.0,
}
RUN = {
    "machine": MACHINE,
    "cameras": 4,
    "size_px": [1280, 720],
    "seconds": 20.0,
    "rounds": [{}] * 3,
    "medians": {
        name: {"median": value, "least": 0.9 * value, "largest": 1.2 * value} for name, value in FIGURES.items()
    },
}
STEP = {
    "cameras": 4,
    "reason": None,
    "result": {
        "machine": MACHINE,
        "cores_used": 1.0,
        "cameras_cores_used": 0.25,
        "resident_megabytes": 700.0,
        "wanted_frames_per_second": 1.0,
        "beds": {"bed-1": {"frames_per_second": 5.0}},
        "total": {"age_seconds": {"p99": 0.2}},
        "face_px": 120.0,
    },
}
CAPACITY = {
    "cameras": 4,
    "agrees": True,
    "comfortable": STEP,
    "steps": [STEP] * 2,
    "searches": [{"cameras": 5}, {"cameras": 4}],
}
GROWTH = {
    "steps": [STEP],
    "rounds": [[STEP]] * 3,
    "medians": {"slopes": {"cores_per_further_bed": {"median": 0.05, "least": 0.04, "largest": 0.06}}},
}


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


@pytest.mark.parametrize(
    ("name", "found", "words"),
    [
        ("stages-720-camera-like", RUN, ["| decode | 10.00 | 9.00 | 12.00 |", "| all | 30.00 | 27.00 | 36.00 |"]),
        ("stages-720", RUN, ["medians of 3 rounds of 20 s", "10 % of the CPU time in the kernel", "p99 50 ms"]),
        ("sub-stream", {"main": RUN, "sub": RUN}, ["| sub | 1280 x 720 | 120 | 4.00 | 40.0 | 36.0 | 48.0 |"]),
        ("capacity", CAPACITY, ["Capacity: 4 beds; the searches found 5, 4.", "| 4 | 1.00 | 0.25 | 700 |"]),
        ("capacity", {**CAPACITY, "agrees": False}, ["does not agree with itself: the searches found 5, 4"]),
        ("capacity-camera-like", CAPACITY, ["Capacity: 4 beds"]),
        ("capacity-sub-stream", {"main": CAPACITY, "sub": CAPACITY}, ["On the sub stream, where the face has 120 px:"]),
        ("growth-1080", GROWTH, ["at 1 frames/s, median of 3 rounds: 0.050 cores (0.040 to 0.060)."]),
    ],
)
def test_each_kind_of_run_has_its_table(tmp_path, name, found, words):
    page = tmp_path / "page.md"
    shutil.copy(PAGE, page)
    (tmp_path / f"{name}.json").write_text(json.dumps(found), encoding="utf-8")
    TABLES["write"](tmp_path, page)
    text = between(page.read_text(encoding="utf-8"), name)
    for part in words:
        assert part in text


def test_a_page_without_markers_is_named(tmp_path, records):
    page = tmp_path / "page.md"
    page.write_text("# Nothing here\n", encoding="utf-8")
    with pytest.raises(SystemExit, match="pairs of markers for quality"):
        TABLES["write"](records, page)
