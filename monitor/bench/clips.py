"""The clip that the benchmark's cameras send when the user gives none: a synthetic infant at rest, encoded once."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from monitor.synthetic import SyntheticBed
from monitor.video.writer import CameraEncoding, VideoWriter

__all__ = ["SIZES_PX", "draw_clip"]

SIZES_PX = {720: (1280, 720), 1080: (1920, 1080)}

_FRAMES_PER_SECOND = 30.0
_SEED = 3
_SCENARIO = "calm"
_NOISE_LEVELS = 3.0
"""Standard deviation of a sensor's noise."""


def draw_clip(path: Path, height: int, seconds: float, encoding: CameraEncoding | None = None) -> None:
    """Draw and encode a clip with 30 pictures per second (H.264, MP4).

    Args:
        path: The file to write.
        height: A key of `SIZES_PX`.
        seconds: Length.
        encoding: Encode as a camera does, with a sensor's noise in the pictures; clean pictures of a constant quality,
            which are easy to decode, when absent.

    Raises:
        VideoError: The file cannot be written, or GStreamer's encoder is missing.
    """
    width_px, height_px = SIZES_PX[height]
    bed = SyntheticBed(_SEED, _SCENARIO, width_px=width_px, height_px=height_px, fps=_FRAMES_PER_SECOND)
    rng = np.random.default_rng(_SEED)
    with VideoWriter(path, _FRAMES_PER_SECOND, encoding) as writer:
        for index in range(round(seconds * _FRAMES_PER_SECOND)):
            time_seconds = index / _FRAMES_PER_SECOND
            image = bed.frame(time_seconds)[0]
            writer.write(image if encoding is None else _noisy(image, rng), time_seconds)


def _noisy(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Add noise of its own to each pixel, alike in all three colours: that is what survives the encoding."""
    noise = rng.standard_normal(image.shape[:2], dtype=np.float32) * np.float32(_NOISE_LEVELS)
    return np.asarray(np.clip(np.rint(image + noise[..., None]), 0, 255), dtype=np.uint8)
