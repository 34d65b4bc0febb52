"""Where the face is in each picture of a manifest: found once, stored as lines of JSON."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from monitor.faces import OrientedBox
from trainer.errors import DataError

__all__ = ["FaceRecord", "drop_cut_line", "read_faces"]


@dataclass(frozen=True, slots=True)
class FaceRecord:
    """What was found in one picture.

    Attributes:
        sha256: Of the picture's file.
        box: The infant's face; None where no face was found.
        landmarks: Shape (5, 2), x and y in pixels of the upright-by-EXIF picture, in RetinaFace's order; None where
            there is no face, or the whole picture was taken as one.
        score: The detector's confidence; 0 without a face.
        candidates: How many faces there were; the largest one was taken.
        how: "detected", "whole" (the picture is a face already) or "none".
        detector: SHA-256 of the model of the detector that looked for it; empty where none did, or nobody knows.
    """

    sha256: str
    box: OrientedBox | None
    landmarks: NDArray[np.float64] | None
    score: float
    candidates: int
    how: str
    detector: str = ""

    def to_line(self) -> str:
        """Return one line of JSON."""
        box = self.box
        content = {
            "sha256": self.sha256,
            "how": self.how,
            "score": round(self.score, 5),
            "candidates": self.candidates,
            "box": None
            if box is None
            else [box.center_x_px, box.center_y_px, box.width_px, box.height_px, box.orientation_deg],
            "landmarks": None if self.landmarks is None else self.landmarks.tolist(),
        }
        return json.dumps(content | ({"detector": self.detector} if self.detector else {}))

    @classmethod
    def from_line(cls, line: str) -> "FaceRecord":
        """Read what `to_line` wrote.

        Raises:
            ValueError: The line is cut off or of another kind.
        """
        content = json.loads(line)
        try:
            box, points = content["box"], content["landmarks"]
            return cls(
                sha256=content["sha256"],
                box=None if box is None else OrientedBox(*box),
                landmarks=None if points is None else np.array(points, dtype=np.float64).reshape(5, 2),
                score=float(content["score"]),
                candidates=int(content["candidates"]),
                how=str(content["how"]),
                detector=str(content.get("detector", "")),
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a face record: {error}") from error


def drop_cut_line(path: Path) -> None:
    """Remove a last line that a kill cut off, so that lines can be added behind the others.

    Raises:
        DataError: The file cannot be read or written.
    """
    try:
        content = path.read_bytes()
        if content and not content.endswith(b"\n"):
            path.write_bytes(content[: content.rfind(b"\n") + 1])
    except OSError as error:
        raise DataError(f"{path} cannot be read and written: {error.strerror}") from error


def read_faces(path: Path, detector: str | None = None) -> dict[str, FaceRecord]:
    """Return the records of a file by the pictures' SHA-256; a cut-off last line is left aside.

    Args:
        path: The file.
        detector: Digest of the detector whose records are wanted; None for those of any.

    Raises:
        DataError: The file is missing or has a wrong line.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise DataError(f"there are no faces at {path}; `nicu-trainer crop` finds them") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    return {record.sha256: record for record in _parsed(lines, path) if detector in (None, record.detector)}


def _parsed(lines: Iterable[str], path: Path) -> Iterator[FaceRecord]:
    numbered = list(enumerate(lines, start=1))
    for number, line in numbered:
        try:
            yield FaceRecord.from_line(line)
        except ValueError as error:
            if number == len(numbered):  # the process was killed while it wrote this line
                return
            raise DataError(f"{path}, line {number}: {error}") from error
