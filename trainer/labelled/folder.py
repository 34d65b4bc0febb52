"""Reads a folder of labelled pictures: `labels.csv` with the columns image, subject and label."""

import csv
from dataclasses import dataclass
from pathlib import Path

from trainer.errors import DataError

__all__ = ["TABLE_NAME", "LabelledPicture", "read_folder"]

TABLE_NAME = "labels.csv"
_COLUMNS = ("image", "subject", "label")


@dataclass(frozen=True, slots=True)
class LabelledPicture:
    """One row.

    Attributes:
        path: The picture's file.
        subject: The unit for resampling: pictures of one subject are alike.
        label: What a reader saw.
    """

    path: Path
    subject: str
    label: str


def read_folder(folder: Path) -> list[LabelledPicture]:
    """Return the rows of a folder's table.

    Raises:
        DataError: The table is missing, lacks a column, is empty, or names a file outside the folder or not there.
    """
    table = folder / TABLE_NAME
    try:
        with table.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            if missing := [column for column in _COLUMNS if column not in (reader.fieldnames or [])]:
                raise DataError(f"{table} lacks the columns {', '.join(missing)}; it needs {', '.join(_COLUMNS)}")
            rows = [tuple((row[column] or "").strip() for column in _COLUMNS) for row in reader]
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{table} cannot be read ({error}); give a folder with {TABLE_NAME}") from error
    if not rows:
        raise DataError(f"{table} has no rows; each needs {', '.join(_COLUMNS)}")
    pictures = []
    for number, (image, subject, label) in enumerate(rows, start=2):
        path = folder / image
        if not (image and subject and label):
            raise DataError(f"{table}, line {number}: an image, a subject or a label is empty")
        if not path.resolve().is_relative_to(folder.resolve()) or not path.is_file():
            raise DataError(f"{table}, line {number}: {image} is no file in this folder")
        pictures.append(LabelledPicture(path, subject, label))
    return pictures
