"""The clip that the benchmark's cameras send when the user gives none: a synthetic infant at rest, encoded once."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from monitor.synthetic import SyntheticBed
from monitor.video.writer import CameraEncoding, VideoWriter

__all__ = ["PICTURES_PER_SECOND", "SIZES_PX", "SUB_STREAM_HEIGHT", "draw_clip", "draw_sub_stream"]

SIZES_PX = {360: (640, 360), 720: (1280, 720), 1080: (1920, 1080)}
SUB_STREAM_HEIGHT = 360

PICTURES_PER_SECOND = 30.0
"""What a camera sends where nobody asked it for less."""
_SEED = 3
_SCENARIO = "calm"
_NOISE_LEVELS = 3.0
"""Standard deviation of a sensor's noise."""
_SUB_STREAM_NOISE_LEVELS = 1.0
"""A third of it: a camera makes each pixel of a sub-stream of 640 px from 3 x 3 pixels of 1920."""
_SUB_STREAM_KBIT_PER_SECOND = 512


def draw_sub_stream(path: Path, seconds: float, pictures_per_second: float = PICTURES_PER_SECOND) -> None:
    """Draw what a camera sends beside its stream in 1080p: the same infant in 640 x 360 px, with 512 kbit/s.

    Args:
        path: The file to write.
        seconds: Length.
        pictures_per_second: As `draw_clip` takes it.

    Raises:
        VideoError: As `draw_clip` does.
    """
    encoding = CameraEncoding(kbit_per_second=_SUB_STREAM_KBIT_PER_SECOND)
    draw_clip(path, SUB_STREAM_HEIGHT, seconds, encoding, _SUB_STREAM_NOISE_LEVELS, pictures_per_second)


def draw_clip(
    path: Path,
    height: int,
    seconds: float,
    encoding: CameraEncoding | None = None,
    noise_levels: float = _NOISE_LEVELS,
    pictures_per_second: float = PICTURES_PER_SECOND,
) -> None:
    """Draw and encode a clip (H.264, MP4) that can be repeated without a seam.

    The infant's movements are shown forwards in its first half and backwards in its second.

    Args:
        path: The file to write.
        height: A key of `SIZES_PX`.
        seconds: Length.
        encoding: Encode as a camera does, with a sensor's noise in the pictures; clean pictures of a constant quality,
            which are easy to decode, when absent.
        noise_levels: Standard deviation of that noise, in levels of 256.
        pictures_per_second: What the camera sends. A camera-like stream keeps its bits a picture: fewer pictures take
            less of the network, and each looks as it does at 30.

    Raises:
        VideoError: The file cannot be written, or GStreamer's encoder is missing.
    """
    width_px, height_px = SIZES_PX[height]
    bed = SyntheticBed(_SEED, _SCENARIO, width_px=width_px, height_px=height_px, fps=pictures_per_second)
    rng = np.random.default_rng(_SEED)
    if encoding is not None:
        kbit_per_second = round(encoding.kbit_per_second * pictures_per_second / PICTURES_PER_SECOND)
        encoding = replace(encoding, kbit_per_second=kbit_per_second)
    with VideoWriter(path, pictures_per_second, encoding) as writer:
        count = round(seconds * pictures_per_second)
        for index in range(count):
            image = bed.frame(min(index, count - index) / pictures_per_second)[0]
            shown = image if encoding is None else _noisy(image, rng, noise_levels)
            writer.write(shown, index / pictures_per_second)


def _noisy(image: NDArray[np.uint8], rng: np.random.Generator, levels: float) -> NDArray[np.uint8]:
    """Add noise of its own to each pixel, alike in all three colours: that is what survives the encoding."""
    noise = rng.standard_normal(image.shape[:2], dtype=np.float32) * np.float32(levels)
    return np.asarray(np.clip(np.rint(image + noise[..., None]), 0, 255), dtype=np.uint8)
