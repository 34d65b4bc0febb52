"""Videos of synthetic beds: H.264 in MP4, and one line of ground truth for every frame."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monitor.synthetic import SyntheticBed
from monitor.synthetic.episodes import Episode
from monitor.video.writer import VideoWriter
from trainer.errors import DataError

__all__ = ["WrittenVideo", "forget_when", "write_video"]


@dataclass(frozen=True, slots=True)
class WrittenVideo:
    """Where a video and its ground truth lie.

    Attributes:
        video: The MP4 file.
        truth: JSON: what the video is made from, its `episodes`, and one object a line in `frames`: `frame` and the
            fields of `GroundTruth.as_json`.
    """

    video: Path
    truth: Path


def write_video(
    bed: SyntheticBed,
    path: Path,
    *,
    seconds: float,
    fps: float,
    start_seconds: float = 0.0,
    progress: Callable[[int], None] = lambda _: None,
) -> WrittenVideo:
    """Write a video of a bed, with its ground truth beside it as <stem>.truth.json.

    Args:
        bed: The bed; its scenario decides what happens.
        path: The MP4 file.
        seconds: Length.
        fps: Frames a second.
        start_seconds: Where in the scenario the video begins; the times of the ground truth are those of the video.
        progress: Called with how many frames are written.

    Raises:
        VideoError: The video cannot be encoded.
        DataError: The ground truth cannot be written.
    """
    count = max(1, round(seconds * fps))
    lines = []
    with VideoWriter(path, fps) as writer:
        for index in range(count):
            image, truth = bed.frame(start_seconds + index / fps)
            writer.write(image, index / fps)
            lines.append(json.dumps({"frame": index, **truth.as_json(), "time_s": round(index / fps, 4)}))
            progress(index + 1)
    about = {
        "note": "Synthetic infants. They test software and say nothing about pain in infants.",
        "scenario": bed.scenario,
        "seed": bed.seed,
        "seconds": count / fps,
        "fps": fps,
        "size_px": [bed.setting.width_px, bed.setting.height_px],
        "episodes": [
            _episode_json(episode, start_seconds)
            for episode in bed.episodes(start_seconds + count / fps)
            if episode.plateau_end_seconds >= start_seconds
        ],
    }
    forget_when(path)
    written = WrittenVideo(path, path.with_suffix(".truth.json"))
    head = json.dumps(about, indent=1).removesuffix("\n}")
    try:
        written.truth.write_text(head + ',\n "frames": [\n' + ",\n".join(lines) + "\n]}\n", encoding="utf-8")
    except OSError as error:
        raise DataError(f"the ground truth of {path} cannot be written ({error.strerror})") from error
    return written


def forget_when(path: Path) -> None:
    """Set the times of creation and change inside an MP4 file to zero, so that equal videos are equal files.

    Raises:
        DataError: The file cannot be read or written.
    """
    try:
        content = bytearray(path.read_bytes())
        start = content.rfind(b"moov")
        for kind in (b"mvhd", b"tkhd", b"mdhd"):
            position = content.find(kind, start)
            while start >= 0 and position >= 0:
                # Version and flags, four bytes, then two times of four bytes each (of eight in version 1).
                length = 16 if content[position + 4] == 1 else 8
                content[position + 8 : position + 8 + length] = bytes(length)
                position = content.find(kind, position + 4)
        path.write_bytes(content)
    except OSError as error:
        raise DataError(f"the times in {path} cannot be removed ({error.strerror})") from error


def _episode_json(episode: Episode, start_seconds: float) -> dict[str, Any]:
    return {
        "episode": episode.number,
        "state": episode.state.value,
        "onset_s": round(episode.onset_seconds - start_seconds, 3),
        "plateau_end_s": round(episode.plateau_end_seconds - start_seconds, 3),
        "decay_tau_s": round(episode.decay_seconds, 3),
        "shows": episode.shows,
    }
