"""A synthetic video with a planted episode through the command: detector, tracker, classifier and alarms."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from monitor.synthetic import SyntheticBed
from trainer.commands.evaluate_clips import command
from trainer.synthetic import write_video


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips")
    bed = SyntheticBed(1, "pain", width_px=320, height_px=240, fps=4.0)
    written = write_video(bed, folder / "bed.mp4", seconds=45.0, fps=4.0)
    episode = json.loads(written.truth.read_text())["episodes"][0]
    table = folder / "clips.csv"
    begin, end = episode["onset_s"], min(44.0, episode["plateau_end_s"])
    table.write_text(f"file,infant,start_s,end_s,label,stimulus\nbed.mp4,one,{begin},{end},pain,lance\n")
    config = folder / "station.yaml"
    config.write_text(
        "beds:\n  - id: bed-1\n    camera:\n      url: synthetic://calm\nanalysis:\n  frames_per_second: 2\n"
    )
    return table, config


def test_the_planted_episode_is_found_and_scores_are_computed_once(clips, tmp_path):
    table, config = clips
    arguments = ["ncnn-demo", str(table), "--config", str(config), "--out", str(tmp_path), "--resamples", "100"]
    first = CliRunner().invoke(command, arguments, catch_exceptions=False)
    results = json.loads((tmp_path / "clips.json").read_text())

    assert (results["episodes"], results["found"]) == (1, 1)
    assert "episodes found         1 of 1: 1.000" in first.stdout
    assert results["sensitivity"]["low"] is None  # one infant
    assert 0.0 < results["delay"]["median_s"] < 25.0
    assert results["coverage"]["value"] > 0.8
    [stored] = (tmp_path / "scores").iterdir()
    with np.load(stored) as content:
        faces = set(content["face_ids"].tolist())
    assert len(faces) == 1  # one infant, followed without a break
    assert min(faces) >= 0
    before = stored.stat().st_mtime_ns

    config.write_text(config.read_text() + "alarms:\n  on_level: 1.0\n  off_level: 0.5\n  hold_seconds: 60\n")
    CliRunner().invoke(command, arguments, catch_exceptions=False)

    assert json.loads((tmp_path / "clips.json").read_text())["found"] == 0
    assert [path.stat().st_mtime_ns for path in (tmp_path / "scores").iterdir()] == [before]
