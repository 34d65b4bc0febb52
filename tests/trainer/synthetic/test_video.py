"""Videos: what can be decoded from the file is what was rendered, frame by frame."""

import json
import time

import cv2
import numpy as np
import pytest

from monitor.synthetic import SyntheticBed
from trainer.synthetic import WrittenVideo, icopevid, plan_icopevid, write_clip, write_video


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    bed = SyntheticBed(1, "pain", width_px=160, height_px=120, fps=10.0)
    return write_video(bed, tmp_path_factory.mktemp("video") / "pain.mp4", seconds=3.0, fps=10.0, start_seconds=7.5)


def decoded(path):
    capture = cv2.VideoCapture(str(path))
    frames = []
    while (answer := capture.read())[0]:
        frames.append(cv2.cvtColor(answer[1], cv2.COLOR_BGR2RGB))
    codec = int(capture.get(cv2.CAP_PROP_FOURCC)).to_bytes(4, "little").decode()
    capture.release()
    return frames, codec


def test_every_frame_of_the_h264_file_is_the_rendered_one(written):
    frames, codec = decoded(written.video)
    assert codec in {"avc1", "h264"}
    assert len(frames) == 30
    bed = SyntheticBed(1, "pain", width_px=160, height_px=120, fps=10.0)
    for index in (0, 10, 29):
        rendered = bed.frame(7.5 + index / 10.0)[0]
        assert np.abs(frames[index].astype(int) - rendered).mean() < 8.0


def test_the_ground_truth_has_a_line_for_every_frame_and_the_episode(written):
    truth = json.loads(written.truth.read_text())
    assert [frame["frame"] for frame in truth["frames"]] == list(range(30))
    assert truth["frames"][10]["time_s"] == 1.0
    assert truth["frames"][0]["state"] == "rest"
    assert truth["frames"][-1]["is_pain"]
    assert truth["frames"][-1]["episode"] == truth["episodes"][0]["episode"] == 1
    assert 0.0 <= truth["episodes"][0]["onset_s"] <= 2.0
    assert len(truth["frames"][0]["face"]["points_px"]) == 5


def test_a_second_video_of_the_same_bed_is_the_same_file(written, tmp_path):
    time.sleep(1.1)  # An MP4 file would say when it was made, in seconds.
    bed = SyntheticBed(1, "pain", width_px=160, height_px=120, fps=10.0)
    again = write_video(bed, tmp_path / "again.mp4", seconds=3.0, fps=10.0, start_seconds=7.5)
    assert again.truth.read_text() == written.truth.read_text()
    assert again.video.read_bytes() == written.video.read_bytes()


def test_a_pain_clip_begins_before_the_stimulus_shows(tmp_path):
    clip = next(clip for clip in plan_icopevid(0, 1) if clip.stimulus == "Pain")
    path = write_clip(clip, tmp_path, seconds=20.0, fps=1.0)
    assert path.name == "S001_Pain_1_[0]_20s.mp4"
    truth = json.loads(path.with_suffix(".truth.json").read_text())
    assert not truth["frames"][0]["is_pain"]
    assert 3.0 <= truth["episodes"][0]["onset_s"] <= 5.0


def test_a_short_pain_clip_shows_the_pain(tmp_path):
    clip = next(clip for clip in plan_icopevid(0, 1) if clip.stimulus == "Pain")
    truth = json.loads(write_clip(clip, tmp_path, seconds=2.5, fps=4.0).with_suffix(".truth.json").read_text())
    assert truth["episodes"][0]["shows"]
    assert [frame["is_pain"] for frame in truth["frames"]][0::9] == [False, True]


def test_two_long_clips_of_an_infant_at_rest_share_no_moment(tmp_path, monkeypatch):
    begins = []

    def written(_bed, path, *, start_seconds, **_):
        begins.append(start_seconds)
        return WrittenVideo(path, path)

    monkeypatch.setattr(icopevid, "write_video", written)
    for clip in plan_icopevid(0, 1):
        if clip.stimulus == "Rest":
            write_clip(clip, tmp_path, seconds=90.0, fps=1.0)
    assert begins == [0.0, 90.0]
