"""Results of different machines and versions stand side by side."""

import json
import runpy
from pathlib import Path

import pytest

COMPARE = runpy.run_path(str(Path(__file__).resolve().parent / "compare.py"))["compare"]
MACHINE = {"model": "Processor A", "cores": 2, "load_average": 1.5, "python": "3.11.2", "onnxruntime": "1.32.0"}
NEW_MACHINE = {**MACHINE, "model": "Processor B", "physical_cores": 1, "memory_megabytes": 25276.5, "openvino": None}


def run(machine, cost, **more):
    return {
        "machine": machine,
        "cameras": 4,
        "clip": "clip.mp4",
        "cores_used": 1.0,
        "resident_megabytes": 700.0,
        "cpu_seconds_per_frame": cost,
        "cpu_seconds": {"decode": 2.0},
        "total": {"analysed_frames": 100},
        **more,
    }


def capacity(machine, cameras, **more):
    return {"cameras": cameras, "comfortable": None, "steps": [{"result": run(machine, 0.1)}], **more}


def spread(value):
    return {"median": value, "least": value / 2, "largest": value * 2}


@pytest.fixture
def table(tmp_path):
    def compared(*results):
        paths = []
        for number, one in enumerate(results):
            paths.append(tmp_path / f"{number}.json")
            paths[-1].write_text(json.dumps(one), encoding="utf-8")
        lines = COMPARE(paths)
        return {cells[0]: cells[1:] for cells in ([cell for cell in line.split("  ") if cell] for line in lines[1:])}

    return compared


def stripped(table):
    return {name.strip(): [cell.strip() for cell in cells] for name, cells in table.items()}


def test_a_run_of_an_earlier_version_stands_beside_medians(table):
    medians = {"cpu_seconds_per_frame": spread(0.05), "cpu_seconds_per_frame_decode": spread(0.01)}
    rows = stripped(table(run(MACHINE, 0.1), run(NEW_MACHINE, 0.06, medians=medians)))
    assert rows["model"] == ["Processor A", "Processor B", "-"]
    assert rows["physical_cores"] == ["-", "1", "-"]
    assert rows["memory_megabytes"] == ["-", "25276", "-"]
    assert rows["cpu_seconds_per_frame"] == ["0.1", "0.05", "0.50"]
    assert rows["cpu_seconds_per_frame_decode"] == ["0.02", "0.01", "0.50"]


def test_capacities_stand_side_by_side(table):
    rows = stripped(table(capacity(MACHINE, 15), capacity(NEW_MACHINE, 6, least=6, largest=7)))
    assert rows["capacity, beds"] == ["15", "6", "0.40"]
    assert rows["largest found"] == ["-", "7", "-"]


def test_both_streams_of_a_camera_are_told_apart(table):
    both = {"main": capacity(MACHINE, 4), "sub": capacity(MACHINE, 7)}
    rows = stripped(table(both, both, both))
    assert rows["main: capacity, beds"] == ["4"] * 3
    assert rows["sub: capacity, beds"] == ["7"] * 3
    assert rows["cores"] == ["2"] * 3


@pytest.mark.parametrize("text", ["", "[]", "{}", "3"])
def test_what_is_no_result_is_named(tmp_path, text):
    path = tmp_path / "other.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SystemExit, match=r"other\.json is no result"):
        COMPARE([path])


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(SystemExit, match=r"gone\.json is no result"):
        COMPARE([tmp_path / "gone.json"])
