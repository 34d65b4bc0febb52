"""A short clip for the benchmark's tests."""

from pathlib import Path

import pytest

from monitor.synthetic import SyntheticBed
from monitor.video.writer import VideoWriter


@pytest.fixture(scope="session")
def clip(tmp_path_factory) -> Path:
    """Two seconds of a small synthetic infant at 15 pictures/s."""
    path = tmp_path_factory.mktemp("bench") / "calm.mp4"
    bed = SyntheticBed(3, "calm", width_px=640, height_px=360, fps=15)
    with VideoWriter(path, 15.0) as writer:
        for index in range(30):
            writer.write(bed.frame(index / 15)[0], index / 15)
    return path
