from time import sleep

import numpy as np
import pytest

from monitor.errors import VideoError
from monitor.video.reader import open_video
from monitor.video.writer import VideoWriter


def _pictures(count: int, size=(320, 240)):
    width, height = size
    for number in range(count):
        image = np.full((height, width, 3), (200, 60, 20), np.uint8)
        image[:, : 4 + number * 4] = (20, 60, 200)
        yield image


def test_what_is_written_can_be_read_back(tmp_path):
    path = tmp_path / "out.mp4"
    times = [0.0, 0.1, 0.25, 0.3, 1.0, 1.5]
    with VideoWriter(path) as writer:
        for image, time in zip(_pictures(6), times, strict=True):
            writer.write(image, time)
    assert [item.name for item in tmp_path.iterdir()] == ["out.mp4"]
    with open_video(path) as reader:
        frames = list(reader)
        assert reader.codec == "H.264"
    assert [frame.time_seconds for frame in frames] == pytest.approx(times, abs=0.002)
    for original, frame in zip(_pictures(6), frames, strict=True):
        assert np.abs(original.astype(int) - np.asarray(frame.image)).mean() < 6.0


@pytest.mark.parametrize("size", [(321, 241), (322, 241), (333, 240)])
def test_odd_sizes(tmp_path, size):
    path = tmp_path / "odd.mp4"
    with VideoWriter(path, 30.0) as writer:
        for number, image in enumerate(_pictures(3, size)):
            writer.write(image, number / 30)
    with open_video(path) as reader:
        assert len(list(reader)) == 3
        assert reader.size_px == (size[0] + size[0] % 2, size[1] + size[1] % 2)


def test_error_leaves_nothing_behind(tmp_path):
    def fail() -> None:
        with VideoWriter(tmp_path / "out.mp4") as writer:
            for number, image in enumerate(_pictures(3)):
                writer.write(image, number / 30)
            raise RuntimeError("the replay failed")

    with pytest.raises(RuntimeError):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_former_file_stays_until_the_new_one_is_complete(tmp_path):
    path = tmp_path / "out.mp4"
    path.write_bytes(b"former")
    with VideoWriter(path) as writer:
        writer.write(next(_pictures(1)), 0.0)
        assert path.read_bytes() == b"former"
    assert path.stat().st_size > 100


def test_unwritable_paths_are_named_at_once(tmp_path):
    with pytest.raises(VideoError, match=r"nowhere/out\.mp4 cannot be written \(No such file or directory\)"):
        VideoWriter(tmp_path / "nowhere" / "out.mp4")
    with pytest.raises(VideoError, match="is a directory"):
        VideoWriter(tmp_path)


@pytest.mark.parametrize("pause_seconds", [0.0, 0.01])
def test_full_disk_is_said(pause_seconds):
    """A device that has no room for a single byte, and one that is found full before, in or after a wait."""
    from pathlib import Path

    writer = VideoWriter(Path("/dev/shm/nicu-writer-test.mp4"))  # noqa: S108 - a real file system, cleaned below
    try:
        writer._part = Path("/dev/full")
        rng = np.random.default_rng(0)

        def write() -> None:
            for number in range(50):
                sleep(pause_seconds)
                writer.write(rng.integers(0, 255, (480, 640, 3), dtype=np.uint8), number / 30)
            writer.finish()

        with pytest.raises(VideoError, match="the disk is full"):
            write()
    finally:
        writer._part = Path("/dev/shm/nicu-writer-test.mp4.part")  # noqa: S108 - as above
        writer.abandon()


def test_mistakes_of_the_caller(tmp_path):
    image = np.zeros((240, 320, 3), np.uint8)
    writer = VideoWriter(tmp_path / "a.mp4")
    writer.write(image, 0.1)
    with pytest.raises(VideoError, match="follows one of"):
        writer.write(image[:-2], 0.2)
    with pytest.raises(VideoError, match="follows one at"):
        writer.write(image, 0.1)
    writer.abandon()
    with pytest.raises(VideoError, match="there was no picture"), VideoWriter(tmp_path / "c.mp4"):
        pass
    assert list(tmp_path.iterdir()) == []
