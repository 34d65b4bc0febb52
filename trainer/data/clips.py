"""Stills from video clips (iCOPEvid): the label of a clip is the stimulus that was given, not what the face shows."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from trainer.atomic_file import write_atomically
from trainer.data.ingest import Candidate, picture_files
from trainer.data.naming import parse_icopevid
from trainer.data.pictures import PICTURE_SUFFIXES
from trainer.data.rejection import Reason, RejectedImageError

__all__ = ["CLIP_SUFFIXES", "clip_candidates"]

CLIP_SUFFIXES = frozenset({".avi", ".mp4", ".mov", ".mkv", ".wmv", ".mpg", ".mpeg", ".m4v"})


def clip_candidates(root: Path, frames_folder: Path, frames_per_clip: int) -> Iterator[Candidate]:
    """Yield stills of every clip, evenly spread over it, and pictures that already are stills of one.

    Args:
        root: Folder of clips; a folder of pictures that bears a clip's name counts as that clip.
        frames_folder: Where the stills are written, as PNG files, in folders like those of the clips.
        frames_per_clip: How many.
    """
    cut: dict[Path, Path] = {}
    for path in picture_files(root, CLIP_SUFFIXES | PICTURE_SUFFIXES):
        is_clip = path.suffix.lower() in CLIP_SUFFIXES
        stem = path.stem if is_clip or path.parent == root else path.parent.name
        try:
            named = parse_icopevid(stem)
            if not is_clip:
                yield Candidate(path, named)
                continue
            start = frames_folder / path.relative_to(root).with_suffix("")
            if (first := cut.setdefault(start, path)) != path:
                why = f"it has the name of {first.name} beside it but for the ending; rename one of both"
                yield Candidate(path, RejectedImageError(Reason.DUPLICATE, f"{path.name}: {why}"))
                continue
            for still in _stills(path, start, frames_per_clip):
                yield Candidate(still, named)
        except RejectedImageError as refused:
            yield Candidate(path, RejectedImageError(refused.reason, f"{path.name}: {refused}"))


def _stills(clip: Path, start: Path, count: int) -> list[Path]:
    """Write `count` stills of a clip and return their files, whose names begin with `start`.

    Raises:
        RejectedImageError: It cannot be decoded.
        CheckpointError: A still cannot be written.
    """
    capture = cv2.VideoCapture(str(clip))
    try:
        total = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        if not capture.isOpened() or total < 1:
            raise RejectedImageError(Reason.UNREADABLE, "no video can be decoded from it")
        wanted = set(np.unique(np.linspace(0, total - 1, count).astype(int)).tolist())
        written = []
        for index in range(max(wanted) + 1):
            if not capture.grab():
                break
            if index in wanted:
                decoded, image = capture.retrieve()
                if decoded:
                    path = start.with_name(f"{start.name}_frame{index:05d}.png")
                    write_atomically(path, cv2.imencode(".png", image)[1].tobytes())
                    written.append(path)
        if not written:
            raise RejectedImageError(Reason.TRUNCATED, "it holds no complete frame")
        return written
    finally:
        capture.release()
