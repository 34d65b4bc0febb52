"""Labelled clips: a table of times within videos, or a folder whose files bear iCOPEvid's names."""

import csv
import io
import math
from dataclasses import dataclass
from pathlib import Path

from trainer.data.clips import CLIP_SUFFIXES
from trainer.data.naming import Label, parse_icopevid, parse_label
from trainer.data.rejection import RejectedImageError
from trainer.errors import DataError

__all__ = ["Clip", "read_clips"]

_COLUMNS = ("file", "infant", "start_s", "end_s", "label", "stimulus")


@dataclass(frozen=True, slots=True)
class Clip:
    """A stretch of a video with one label.

    Attributes:
        file: The video.
        infant: Whose face it shows.
        start_seconds: Media time at which the label begins to hold.
        end_seconds: Until when; None for the end of the video.
        is_pain: The label.
        stimulus: What was done; "" where unknown.
        nfcs: Neonatal Facial Coding System score, None where it was not coded.
    """

    file: Path
    infant: str
    start_seconds: float
    end_seconds: float | None
    is_pain: bool
    stimulus: str
    nfcs: float | None = None


def read_clips(path: Path) -> list[Clip]:
    """Read a table with the columns file, infant, start_s, end_s, label, stimulus and optionally nfcs, or a folder.

    Files are relative to the table's folder. An empty start is the beginning and an empty end the end of the video.
    Time of a video in no clip of pain counts as time without pain.

    Raises:
        DataError: It is missing or wrong; the sentence names the line.
    """
    clips = _folder(path) if path.is_dir() else _table(path)
    if not clips:
        raise DataError(f"{path} lists no clip")
    owners: dict[Path, str] = {}
    for clip in clips:
        if owners.setdefault(clip.file, clip.infant) != clip.infant:
            raise DataError(f"{path}: {clip.file.name} is given to the infants {owners[clip.file]} and {clip.infant}")
    return clips


def _folder(folder: Path) -> list[Clip]:
    clips = []
    for file in sorted(folder.rglob("*")):
        if file.suffix.lower() in CLIP_SUFFIXES:
            try:
                named = parse_icopevid(file.stem)
            except RejectedImageError as refused:
                raise DataError(f"{file}: {refused}; list the clips in a table, or move the file away") from refused
            clips.append(Clip(file, named.subject, 0.0, None, named.label is Label.PAIN, named.stimulus))
    return clips


def _table(path: Path) -> list[Clip]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"the table of clips {path} cannot be read: {error}") from error
    rows = csv.DictReader(io.StringIO(text, newline=""))
    missing = [column for column in _COLUMNS if column not in (rows.fieldnames or ())]
    if missing:
        raise DataError(f"{path} lacks the columns {', '.join(missing)}; it needs {', '.join(_COLUMNS)}")
    clips = []
    for row in rows:
        try:
            clips.append(_clip({name: (value or "").strip() for name, value in row.items() if name}, path.parent))
        except (ValueError, RejectedImageError) as error:
            raise DataError(f"{path}, line {rows.line_num}: {error}") from error
    return clips


def _clip(row: dict[str, str], folder: Path) -> Clip:
    start = _number(row["start_s"], "start_s") or 0.0
    end = _number(row["end_s"], "end_s")
    if start < 0.0 or (end is not None and end <= start):
        raise ValueError(f"the clip ends ({row['end_s']}) before it begins ({row['start_s']})")
    if not row["file"] or not row["infant"]:
        raise ValueError("file and infant must be given")
    label = parse_label(row["label"])
    return Clip(
        (folder / row["file"]).absolute(),
        row["infant"],
        start,
        end,
        label is Label.PAIN,
        row["stimulus"],
        _number(row.get("nfcs", ""), "nfcs"),
    )


def _number(text: str, column: str) -> float | None:
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"{column} must be a number, not {text!r}")
    return value
