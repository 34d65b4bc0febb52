"""The command, on real streams, as a user runs it."""

import json
import subprocess
import sys
from importlib.util import find_spec

import pytest
from click.testing import CliRunner

from monitor.commands.bench import command
from monitor.errors import EngineError

PROGRAM = [sys.executable, "-c", "from monitor.cli import main; main()", "bench"]


def bench(*arguments):
    ended = subprocess.run([*PROGRAM, *arguments], check=False, capture_output=True, text=True, timeout=110)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


@pytest.mark.parametrize("source", ["rtsp", "file"])
def test_two_beds_are_measured_and_the_parts_make_the_whole(clip, source):
    found = bench("--cameras", "2", "--seconds", "4", "--source", source, "--clip", str(clip), "--json")

    assert set(found["beds"]) == {"bed-1", "bed-2"}
    assert found["size_px"] == [640, 360]
    assert found["total"]["analysed_frames"] == sum(bed["analysed_frames"] for bed in found["beds"].values()) > 0
    ages = found["total"]["age_seconds"]
    assert 0 < ages["p50"] <= ages["p95"] <= ages["p99"]
    assert set(found["total"]["drops"]) == {"sampling", "superseded", "queue", "corrupt", "keyframes_only"}
    stages = found["cpu_seconds"]
    assert {"decode", "convert", "copy", "detect", "classify", "filter", "publish"} <= set(stages)
    assert stages["detect"] > stages["filter"]
    assert sum(stages.values()) == pytest.approx(found["cpu_seconds_total"], rel=0.15)
    passes = ("detector_passes_full", "detector_passes_scan", "detector_passes_face", "detector_passes_track")
    # Every frame had a pass, or a face that its mesh followed.
    assert sum(found[kind] for kind in passes) + found["frames_from_mesh"] >= found["total"]["analysed_frames"]
    # The parts alone cannot cost more than the whole, but for how busy the machine's caches were at either time.
    assert 0.1 < found["efficiency"]["share"] < 1.5
    assert found["resident_megabytes"] > found["resident_megabytes_before"] > 10
    assert found["machine"]["cores"] >= 1
    if source == "rtsp":
        assert 0.0 < found["cameras_cores_used"] < found["cores_used"]
    else:
        assert found["cameras_cores_used"] is None
    assert 0.0 < found["kernel_share"] < 1.0
    assert found["kernel_seconds_per_bed"] == pytest.approx(found["kernel_share"] * found["cpu_seconds_total"] / 2)
    assert found["context_switches_per_bed"]["voluntary"] > found["total"]["analysed_frames"] / 2
    assert found["context_switches_per_bed"]["involuntary"] >= 0


def test_the_search_reports_every_step(clip):
    found = bench("--find-capacity", "--largest", "1", "--seconds", "1", "--clip", str(clip), "--json")
    assert [search["tried"] for search in found["searches"]] == [[1]] * len(found["searches"])
    assert [step["cameras"] for step in found["steps"]] == [1] * len(found["searches"])
    assert found["agrees"]
    last = found["steps"][-1]
    assert found["cameras"] == min(search["cameras"] for search in found["searches"][-2:])
    assert found["searches"][-1]["cameras"] == (1 if last["reason"] is None else 0)


@pytest.mark.parametrize("numbers", ["1,x", "0", "1,,2"])
def test_growth_takes_numbers_of_cameras_only(clip, numbers):
    outcome = CliRunner().invoke(command, ["--clip", str(clip), "--growth", numbers])
    assert outcome.exit_code == 2
    assert "--growth" in outcome.output


def test_rounds_are_all_recorded_beside_their_medians(clip):
    found = bench("--seconds", "1", "--rounds", "2", "--clip", str(clip), "--json")
    costs = sorted(one["cpu_seconds_per_frame"] for one in found["rounds"])
    spread = found["medians"]["cpu_seconds_per_frame"]
    assert [spread["least"], spread["largest"]] == costs
    assert spread["median"] == pytest.approx(sum(costs) / 2)
    assert found["cpu_seconds_per_frame"] in costs


def test_a_sub_stream_stands_beside_its_camera():
    found = bench("--sub-stream", "--seconds", "1", "--json")
    assert {name: one["size_px"] for name, one in found.items()} == {"main": [1920, 1080], "sub": [640, 360]}
    assert found["sub"]["face_px"] == pytest.approx(found["main"]["face_px"] / 3, rel=0.1)
    decoding = {name: one["efficiency"]["decoder_seconds_per_picture"] for name, one in found.items()}
    assert decoding["sub"] < decoding["main"] / 2


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--find-capacity", "--rounds", "2"], "--rounds"),
        (["--sub-stream", "--growth", "1,2"], "--growth"),
        (["--sub-stream", "--size", "720"], "--size"),
        (["--clip", "any.mp4", "--picture-rate", "10"], "--picture-rate"),
    ],
)
def test_options_that_contradict_each_other_are_named(options, words):
    outcome = CliRunner().invoke(command, options)
    assert outcome.exit_code == 2
    assert words in outcome.output


def test_growth_measures_each_number(clip):
    found = bench("--growth", "1,2", "--seconds", "1", "--clip", str(clip), "--rate", "1", "--json")
    assert [step["cameras"] for step in found["steps"]] == [1, 2]
    assert found["resident_megabytes_per_further_bed"] is not None


@pytest.mark.parametrize("option", [["--size", "720"], ["--camera-like"]])
def test_size_and_encoding_belong_to_the_synthetic_clip_only(clip, option):
    result = CliRunner().invoke(command, ["--clip", str(clip), *option])
    assert result.exit_code == 2
    assert option[0] in result.output


def test_a_missing_clip_is_named(tmp_path):
    result = CliRunner().invoke(command, ["--clip", str(tmp_path / "gone.mp4")])
    assert "gone.mp4 is no file" in str(result.exception)


@pytest.mark.skipif(find_spec("tensorrt") is not None, reason="TensorRT is installed here")
def test_an_engine_that_is_asked_for_by_name_is_never_another_ones_figures(clip):
    outcome = CliRunner().invoke(command, ["--clip", str(clip), "--engine", "tensorrt", "--seconds", "1"])
    assert isinstance(outcome.exception, EngineError)
    assert "tensorrt is not installed" in str(outcome.exception)
