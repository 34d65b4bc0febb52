import os
import struct
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.clock import ManualClock
from monitor.errors import VideoError
from monitor.video.file_probe import FileProbe
from monitor.video.pipeline import MediaPipeline
from monitor.video.reader import open_video
from monitor.video.sampling import Sampler


@pytest.mark.parametrize("kind", ["mp4", "mkv", "avi", "webm", "ts", "h264", "h265", "mjpeg"])
def test_every_picture_comes_once_and_in_order(make_clip, kind):
    with open_video(make_clip(kind)) as reader:
        frames = list(reader)
    assert [frame.index for frame in frames] == list(range(60))
    times = [frame.time_seconds for frame in frames]
    # A raw MJPEG stream announces no rate, so that 25 pictures/s are assumed.
    interval = 1 / 25 if kind == "mjpeg" else 1 / 30
    assert np.allclose(times, np.arange(60) * interval, atol=0.002)
    assert reader.size_px == (320, 240)
    assert frames[0].image.shape == (240, 320, 3)
    assert not any(plane.flags.writeable for plane in frames[0].image.planes)


@pytest.mark.parametrize("kind", ["mp4", "mkv", "avi"])
def test_due_pictures_are_those_nearest_to_the_due_times(make_clip, kind):
    with open_video(make_clip(kind), frames_per_second=5.0) as reader:
        assert [frame.index for frame in reader] == list(range(0, 60, 6))
        assert reader.duration_seconds == pytest.approx(2.0, abs=0.05)
        assert reader.frames_per_second == pytest.approx(30.0)


def test_the_same_file_gives_the_same_pictures(make_clip):
    def digests() -> list[tuple[float, int]]:
        with open_video(make_clip("mkv"), frames_per_second=7.0) as reader:
            return [(frame.time_seconds, hash(np.asarray(frame.image).tobytes())) for frame in reader]

    assert digests() == digests()


def test_sampling_in_the_reader_equals_sampling_all_pictures(make_clip):
    sampler = Sampler(5.0)
    with open_video(make_clip("mp4")) as every, open_video(make_clip("mp4"), 5.0) as some:
        chosen = [frame.index for frame in every if sampler.due(frame.time_seconds)]
        assert chosen == [frame.index for frame in some]


@pytest.mark.parametrize("size", [(322, 242), (326, 246), (330, 250), (4096, 64)])
def test_rows_are_cut_right_whatever_the_width(make_clip, size):
    """Rows of GStreamer's pictures begin at multiples of four bytes; a mistake would shear the picture."""
    with open_video(make_clip("mp4", frames=2, size=size, pattern="smpte")) as reader:
        image = np.asarray(next(iter(reader)).image)
    assert image.shape == (size[1], size[0], 3)
    column = image[: size[1] // 2, 3]
    assert np.ptp(column.astype(int), axis=0).max() <= 12


def test_colours_are_rgb(make_clip):
    with open_video(make_clip("mp4", frames=2, pattern="red")) as reader:
        red, green, blue = np.asarray(next(iter(reader)).image).mean(axis=(0, 1))
    assert red > 240
    assert max(green, blue) < 15


def test_sound_does_not_disturb(make_clip):
    with open_video(make_clip("mp4", sound=True)) as reader:
        assert len(list(reader)) == 60


def test_change_of_size_within_a_stream(make_clip, tmp_path):
    both = tmp_path / "both.h264"
    both.write_bytes(make_clip("h264").read_bytes() + make_clip("h264", size=(642, 482)).read_bytes())
    with open_video(both) as reader:
        shapes = [frame.image.shape for frame in reader]
    assert shapes == [(240, 320, 3)] * 60 + [(482, 642, 3)] * 60


def _error(path) -> str:
    with pytest.raises(VideoError) as caught, open_video(path) as reader:
        list(reader)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_files_that_are_no_videos_get_one_clear_sentence(tmp_path, make_clip):
    text, empty, sound = tmp_path / "notes.txt", tmp_path / "empty.mp4", tmp_path / "sound.wav"
    text.write_text("not a video\n" * 100, encoding="utf-8")
    empty.touch()
    _encode_sound(sound)
    assert _error(tmp_path / "missing.mp4") == f"{tmp_path / 'missing.mp4'} does not exist"
    assert "is a directory" in _error(tmp_path)
    assert _error(empty) == f"{empty} is empty"
    assert _error(text) == f"{text} is not a video"
    assert "holds no video" in _error(sound)


def test_a_file_that_ends_before_the_first_look_at_it_is_no_other_fault(tmp_path, monkeypatch):
    sound = tmp_path / "sound.wav"
    _encode_sound(sound)
    look = MediaPipeline.check

    def late(pipeline) -> None:
        time.sleep(0.5)
        look(pipeline)

    monkeypatch.setattr(MediaPipeline, "check", late)
    assert "holds no video" in _error(sound)


def _encode_sound(path) -> None:
    with path.open("wb") as file:
        samples = np.zeros(8000, dtype="<i2").tobytes()
        file.write(b"RIFF" + struct.pack("<I", 36 + len(samples)) + b"WAVEfmt ")
        file.write(struct.pack("<IHHIIHH", 16, 1, 1, 8000, 16000, 2, 16) + b"data" + struct.pack("<I", len(samples)))
        file.write(samples)


def test_unreadable_file(tmp_path, make_clip, monkeypatch):
    """The tests may run as root, who may read everything; so the file is one that cannot be opened by anybody."""
    loop = tmp_path / "loop.mp4"
    loop.symlink_to(loop)
    assert "cannot be read" in _error(loop)


@pytest.mark.parametrize("kind", ["mp4", "mkv", "avi"])
def test_truncated_file_gives_what_is_there_and_then_says_so(make_clip, tmp_path, kind):
    whole = make_clip(kind, frames=90, pattern="snow", faststart=True).read_bytes()
    cut = tmp_path / f"cut.{kind}"
    cut.write_bytes(whole[: int(len(whole) * 0.6)])
    frames = []
    with (
        pytest.raises(VideoError, match=r"is truncated at \d+\.\d s: \d+ bytes are missing"),
        open_video(cut) as reader,
    ):
        frames.extend(reader)
    assert 30 <= len(frames) <= 70


@pytest.fixture
def fragmented(tmp_path, run_encoder) -> Path:
    """An MP4 of 4 s in fragments of half a second, as cameras and recorders write it."""
    path = tmp_path / "fragments.mp4"
    run_encoder(
        "videotestsrc num-buffers=120 pattern=ball ! video/x-raw,format=I420,width=320,height=240,framerate=30/1"
        " ! x264enc speed-preset=ultrafast key-int-max=10 ! h264parse ! mp4mux fragment-duration=500"
        f" ! filesink location={path}"
    )
    return path


def test_damaged_fragment_gives_what_is_before_it_and_then_says_so(fragmented):
    """What was never seen would pass for "no alert"."""
    data = bytearray(fragmented.read_bytes())
    starts = [at for at in range(len(data)) if data[at : at + 4] == b"moof"]
    middle = starts[len(starts) // 2] - 4
    end = middle + int.from_bytes(data[middle : middle + 4], "big")
    # Each picture has a duration, a size and flags, of four bytes each: the size of the last picture but one.
    data[end - 20 : end - 16] = b"\x00\xff\xff\xff"
    fragmented.write_bytes(data)
    frames = []
    with (
        pytest.raises(VideoError, match=r"is damaged at 2\.\d s: its last 1\.\d s cannot be read"),
        open_video(fragmented) as reader,
    ):
        frames.extend(reader)
    assert 50 <= len(frames) <= 75


def test_whole_recording_in_fragments_ends_without_an_error(fragmented):
    with open_video(fragmented) as reader:
        assert len(list(reader)) == 120


def test_recording_that_was_never_finished(make_clip, tmp_path):
    """An MP4 whose index would have come last cannot be played at all."""
    whole = make_clip("mp4").read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole[: len(whole) // 2])
    assert _error(cut) == f"{cut} is not complete: its index is missing, so the recording was never finished"


def test_recording_that_is_cut_while_it_is_read(make_clip, tmp_path):
    """Its new end would pass for that of the recording, and what was never seen for "no alert"."""
    clip = tmp_path / "clip.ts"
    clip.write_bytes(make_clip("ts").read_bytes())
    with open_video(clip) as reader:
        frames = iter(reader)
        next(frames)
        os.truncate(clip, clip.stat().st_size - 1000)
        with pytest.raises(VideoError, match=r"is truncated at \d+\.\d s: 1000 bytes are missing"):
            list(frames)


def test_recording_that_is_removed_while_it_is_read_is_still_whole(make_clip, tmp_path):
    clip = tmp_path / "clip.ts"
    clip.write_bytes(make_clip("ts").read_bytes())
    with open_video(clip) as reader:
        frames = iter(reader)
        next(frames)
        clip.unlink()
        assert len(list(frames)) >= 1


def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.mp4")
    assert _error(tmp_path / "pipe.mp4") == f"{tmp_path}/pipe.mp4 is not a video"


def test_damaged_pictures_are_survived(make_clip, tmp_path):
    data = bytearray(make_clip("ts", frames=120, pattern="snow").read_bytes())
    rng = np.random.default_rng(3)
    for position in rng.integers(len(data) // 4, len(data) // 2, 300):
        data[position] ^= 0xFF
    damaged = tmp_path / "damaged.ts"
    damaged.write_bytes(data)
    with open_video(damaged) as reader:
        frames = list(reader)
    assert 60 <= len(frames) <= 120
    assert all(later.time_seconds > sooner.time_seconds for sooner, later in pairwise(frames))


def test_pictures_that_would_exhaust_the_memory_are_refused(make_clip, tmp_path):
    bomb = bytearray(make_clip("mjpeg", frames=3).read_bytes())
    for marker in range(len(bomb) - 9):
        if bomb[marker : marker + 2] == b"\xff\xc0":
            bomb[marker + 5 : marker + 9] = struct.pack(">HH", 65_000, 65_000)
    path = tmp_path / "bomb.mjpeg"
    path.write_bytes(bomb)
    assert "65000 x 65000 px; at most 8192 px a side" in _error(path)


def test_reader_can_be_left_early(make_clip):
    for _ in range(5):
        with open_video(make_clip("mkv")) as reader:
            assert next(iter(reader)).index == 0


stamps = st.lists(st.one_of(st.none(), st.integers(0, 2**63)), min_size=1, max_size=50)


@given(stamps)
def test_media_time_always_grows(pts):
    """Missing, stuck, wrapped and wild time stamps never make the time of a replay stand still or go back."""
    probe = FileProbe(ManualClock(), Sampler(None))
    times = []
    for value in pts:
        serial = probe.decoded(value, corrupt=False)
        times.append(probe.claim(serial).arrival_seconds)
    assert times[0] == 0.0
    assert all(later >= sooner for sooner, later in pairwise(times))
    assert probe._newest_ns is not None
