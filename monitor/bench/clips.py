"""The clip that the benchmark's cameras send when the user gives none: a synthetic infant at rest, encoded once."""

from pathlib import Path

from monitor.synthetic import SyntheticBed
from monitor.video.writer import VideoWriter

__all__ = ["SIZES_PX", "draw_clip"]

SIZES_PX = {720: (1280, 720), 1080: (1920, 1080)}

_FRAMES_PER_SECOND = 30.0
_SEED = 3
_SCENARIO = "calm"


def draw_clip(path: Path, height: int, seconds: float) -> None:
    """Draw and encode a clip with 30 pictures per second (H.264, MP4).

    Args:
        path: The file to write.
        height: A key of `SIZES_PX`.
        seconds: Length.

    Raises:
        VideoError: The file cannot be written, or GStreamer's encoder is missing.
    """
    width_px, height_px = SIZES_PX[height]
    bed = SyntheticBed(_SEED, _SCENARIO, width_px=width_px, height_px=height_px, fps=_FRAMES_PER_SECOND)
    with VideoWriter(path, _FRAMES_PER_SECOND) as writer:
        for index in range(round(seconds * _FRAMES_PER_SECOND)):
            time_seconds = index / _FRAMES_PER_SECOND
            writer.write(bed.frame(time_seconds)[0], time_seconds)
