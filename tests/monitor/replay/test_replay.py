"""A recorded video gives the same result as a camera, the same each time, and bad files one clear sentence."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from monitor.synthetic import SyntheticBed
from monitor.video.reader import open_video
from monitor.video.writer import VideoWriter

CLIPS_WITH_A_FACE = ["evm_face.mp4", "intel_asl_again.mkv", "intel_asl_night.mkv", "intel_asl_walk.mkv"]


def replay(video, *options):
    command = [str(Path(sys.executable).parent / "nicu-monitor"), "replay", str(video), *map(str, options)]
    return subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def write_video(path, scenario, seconds, seed=3, rate=10):
    painter = SyntheticBed(seed, scenario, width_px=640, height_px=360, fps=rate)
    with VideoWriter(path, rate) as writer:
        for index in range(int(seconds * rate)):
            writer.write(painter.frame(index / rate)[0], index / rate)
    return path


@pytest.fixture(scope="module")
def pain_video(tmp_path_factory):
    return write_video(tmp_path_factory.mktemp("videos") / "pain.mp4", "pain", 50)


@pytest.fixture(scope="module")
def first_replay(pain_video, tmp_path_factory):
    """Return the files of alerts and observations of one replay."""
    folder = tmp_path_factory.mktemp("first")
    alerts, seen = folder / "alerts.jsonl", folder / "observations.jsonl"
    done = replay(pain_video, "--alerts", alerts, "--observations", seen, "--bed", "bed-7")
    assert done.returncode == 0, done.stderr
    return alerts, seen


def test_a_video_of_pain_gives_an_alarm_with_start_and_end(first_replay):
    records = lines(first_replay[0])
    phases = [r["phase"] for r in records if r["code"] == "pain_sign"]
    assert phases[0] == "start"
    assert "end" in phases
    assert {r["bed"] for r in records} == {"bed-7"}
    assert {r["generation_mode"] for r in records} == {"replay"}
    assert [r["seq"] for r in records] == list(range(1, len(records) + 1))


def test_every_observation_says_what_was_seen(first_replay):
    records = lines(first_replay[1])
    assert len(records) == pytest.approx(250, abs=2)
    times = [r["time_s"] for r in records]
    assert times == sorted(set(times))
    for record in records:
        assert record["validity"] in {"valid", "questionable", "invalid"}
        assert (record["level"] is None) == (record["validity"] == "invalid")
        assert 0.0 <= record["coverage"] <= 1.0
        if record["face"] is not None:
            assert len(record["face"]["box"]) == 4
            assert len(record["face"]["points"]) == 5
            assert -180 < record["face"]["orientation_deg"] <= 180


def test_a_second_replay_gives_the_same_and_its_annotated_video_has_every_picture(pain_video, first_replay, tmp_path):
    annotated, alerts, seen = (tmp_path / name for name in ("seen.mp4", "alerts.jsonl", "seen.jsonl"))
    done = replay(pain_video, "--annotate", annotated, "--alerts", alerts, "--observations", seen, "--bed", "bed-7")
    assert done.returncode == 0, done.stderr
    assert [alerts.read_bytes(), seen.read_bytes()] == [file.read_bytes() for file in first_replay]
    with open_video(annotated) as shown, open_video(pain_video) as original:
        assert shown.size_px == original.size_px
        assert sum(1 for _ in shown) == sum(1 for _ in original) == 500


def test_every_frame_is_analysed_on_request(tmp_path):
    seen = tmp_path / "o.jsonl"
    replay(write_video(tmp_path / "calm.mp4", "calm", 3), "--observations", seen, "--every-frame")
    assert len(lines(seen)) == 30


def test_the_summary_can_be_read_by_a_script(tmp_path):
    summary = json.loads(replay(write_video(tmp_path / "calm.mp4", "calm", 3), "--json").stdout)
    assert summary["frames_analysed"] == 15
    assert summary["share_with_face"] == 1.0
    assert summary["alerts"] == {}


@pytest.mark.parametrize("kind", ["missing", "empty", "text", "directory"])
def test_a_file_that_is_no_video_gets_one_sentence(tmp_path, kind):
    path = tmp_path / "video.mp4"
    if kind == "empty":
        path.touch()
    elif kind == "text":
        path.write_text("this is no video\n" * 100)
    elif kind == "directory":
        path.mkdir()
    done = replay(path)
    assert done.returncode == 3
    assert done.stderr.startswith("error: ")
    assert str(path) in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_truncated_video_gives_what_is_there_and_names_where_it_ends(tmp_path):
    whole = tmp_path / "whole.mkv"
    subprocess.run(
        ["gst-launch-1.0", "-q", "videotestsrc", "num-buffers=150", "!", "video/x-raw,format=I420,width=320,height=240",
         "!", "x264enc", "key-int-max=15", "!", "matroskamux", "!", "filesink", f"location={whole}"],
        check=True, timeout=60,
    )  # fmt: skip
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    seen = tmp_path / "o.jsonl"
    done = replay(cut, "--observations", seen)
    assert done.returncode == 3
    assert "truncated" in done.stderr
    assert len(lines(seen)) >= 5


def test_an_unknown_bed_and_an_unwritable_output_are_named(pain_video, tmp_path):
    config = tmp_path / "station.yaml"
    config.write_text("beds: [{id: a, camera: {url: x}}, {id: b, camera: {url: x}}]\n")
    assert "say which one with --bed" in replay(pain_video, "--config", config).stderr
    assert "no bed 'c'" in replay(pain_video, "--config", config, "--bed", "c").stderr
    done = replay(pain_video, "--alerts", tmp_path / "no" / "where.jsonl")
    assert (done.returncode, "cannot be written" in done.stderr) == (3, True)


@pytest.mark.parametrize("option", ["--alerts", "--observations", "--annotate"])
def test_a_recording_is_not_written_over_by_what_was_seen_in_it(tmp_path, option):
    """`--alerts bed.mp4` emptied the recording, read a second of it from memory, and said "no alert"."""
    video = write_video(tmp_path / "bed.mp4", "calm", 3)
    (tmp_path / "linked.mp4").symlink_to(video)
    content = video.read_bytes()
    for name in ("bed.mp4", "linked.mp4", "../" + tmp_path.name + "/bed.mp4"):
        done = replay(video, option, tmp_path / name)
        assert done.returncode == 2
        assert f"{option} would write over {video}, which this command reads" in done.stderr
    assert video.read_bytes() == content
    done = replay(video, "--alerts", tmp_path / "seen", "--observations", tmp_path / "seen")
    assert (done.returncode, "which --alerts writes, too" in done.stderr) == (2, True)
    assert replay(video, "--alerts", "/dev/null", "--observations", "/dev/null").returncode == 0


@pytest.mark.media
@pytest.mark.parametrize("clip", CLIPS_WITH_A_FACE)
def test_real_faces_are_seen_in_nearly_every_frame(shared_media, tmp_path, clip):
    seen = tmp_path / "o.jsonl"
    assert replay(shared_media / clip, "--observations", seen).returncode == 0
    records = lines(seen)
    assert sum(r["face"] is not None for r in records) >= 0.95 * len(records)


@pytest.mark.media
def test_a_lying_infant_is_seen_the_right_way_up(shared_media, tmp_path):
    seen = tmp_path / "o.jsonl"
    assert replay(shared_media / "evm_baby.mp4", "--observations", seen).returncode == 0
    records = lines(seen)
    upright = [r for r in records if r["face"] is not None and abs(r["face"]["orientation_deg"] - 90) <= 30]
    assert len(upright) >= 0.95 * len(records)


@pytest.mark.media
def test_people_who_walk_by_raise_no_pain_alarm(shared_media, tmp_path):
    config, alerts = tmp_path / "station.yaml", tmp_path / "a.jsonl"
    # A picture without the patient is searched from all sides: at five a second a minute of them takes a minute.
    config.write_text("beds: [{id: a, camera: {url: x}}]\nanalysis: {frames_per_second: 1}\n")
    clip = shared_media / "intel_one-by-one-person-detection.mp4"
    assert replay(clip, "--config", config, "--alerts", alerts).returncode == 0
    assert not [r for r in lines(alerts) if r["kind"] == "physiological"]
