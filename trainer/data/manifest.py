"""The manifest: one row for each picture of a data set, as a CSV file that people can read.

Paths are relative to the manifest's folder where the pictures lie below it, so that the folder can be moved.
"""

import csv
import hashlib
import io
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path

from trainer.atomic_file import write_atomically
from trainer.data.naming import Label, Role
from trainer.data.rejection import RejectedImageError
from trainer.errors import DataError

__all__ = [
    "MANIFEST_COLUMNS",
    "PAIN_WORD",
    "ImageRecord",
    "Manifest",
    "is_manifest",
    "read_manifest",
    "unknown_subject",
    "write_manifest",
]

PAIN_WORD = "pain"
"""The positive class of a set whose labels say pain."""


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """One picture.

    Attributes:
        image: Path, relative to the manifest's folder or absolute.
        subject: Whose face it is: data set and number, so that subjects of several data sets stay apart.
        label: Pain or no pain.
        stimulus: What was done; "" where unknown.
        data_set: Where it comes from.
        role: Whether it is trained and tested on.
        sha256: Of the file.
        perceptual_hash: 80 hexadecimal digits; pictures that look alike differ in few bits.
        width_px: Of the upright picture.
        height_px: Of the upright picture.
        positive: What the positive class, called pain here, was called where the labels come from.
        soft_label: How much pain a rater's score says, in [0, 1]; learnt instead of the label. None: there is none.
        groups: (column, value) of each further column by which results are grouped, such as sex; no empty values.
    """

    image: str
    subject: str
    label: Label
    stimulus: str
    data_set: str
    role: Role
    sha256: str
    perceptual_hash: str
    width_px: int
    height_px: int
    positive: str = PAIN_WORD
    soft_label: float | None = None
    groups: tuple[tuple[str, str], ...] = ()


def unknown_subject(data_set: str, sha256: str) -> str:
    """Return the name that stands for the subject of a picture of which nobody says whose face it shows."""
    return f"{data_set}/{sha256[:16]}"


@dataclass(frozen=True, slots=True)
class Manifest:
    """All pictures of one or more data sets.

    Attributes:
        records: In a fixed order.
        folder: To which relative paths refer.
    """

    records: tuple[ImageRecord, ...]
    folder: Path

    def path(self, record: ImageRecord) -> Path:
        """Return where a picture lies."""
        return self.folder / record.image

    @property
    def positive(self) -> str:
        """What the positive class was called; several words of several sets are joined by "+"."""
        return "+".join(sorted({record.positive for record in self.records}))

    @property
    def subjects_are_known(self) -> bool:
        """Whether every picture says whose face it is; without that each counts as a person of its own."""
        return not any(record.subject == unknown_subject(record.data_set, record.sha256) for record in self.records)

    @property
    def sha256(self) -> str:
        """The digest of everything that matters to a result: pictures, subjects, labels, roles; not where they lie."""
        digest = hashlib.sha256()
        for row in sorted(
            f"{record.sha256},{record.subject},{record.label},{record.stimulus},{record.role}"
            + ("" if record.positive == PAIN_WORD else f",{record.positive}")
            + ("" if record.soft_label is None else f",soft {record.soft_label!r}")
            for record in self.records
        ):
            digest.update(row.encode() + b"\n")
        return digest.hexdigest()


MANIFEST_COLUMNS = tuple(field.name for field in fields(ImageRecord) if field.name != "groups")
"""Columns that every manifest has; all others are groups."""
_SOFT = "soft_label"
_NEW_COLUMNS = {"positive": PAIN_WORD, _SOFT: ""}
"""Columns that manifests may lack, and what holds there."""


def write_manifest(path: Path, records: Iterable[ImageRecord]) -> None:
    """Write a manifest, atomically; columns of groups follow the others.

    Raises:
        CheckpointError: It cannot be written.
    """
    records = list(records)
    further = sorted({name for record in records for name, _ in record.groups})
    is_soft = any(record.soft_label is not None for record in records)
    columns = [column for column in MANIFEST_COLUMNS if is_soft or column != _SOFT]
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow((*columns, *further))
    writer.writerows(
        [
            *("" if (value := getattr(record, column)) is None else str(value) for column in columns),
            *(dict(record.groups).get(name, "") for name in further),
        ]
        for record in records
    )
    write_atomically(path, text.getvalue().encode())


def is_manifest(path: Path) -> bool:
    """Return whether a file begins as a manifest does, or is empty, so that a new manifest may take its place.

    Raises:
        OSError: It cannot be read.
    """
    with path.open(encoding="utf-8", errors="replace") as file:
        first = file.readline(10_000)
    return not first or {"image", "sha256"} <= set(first.strip().split(","))


def read_manifest(path: Path) -> Manifest:
    """Read what `write_manifest` wrote.

    Raises:
        DataError: It is missing, no manifest, or has a wrong row; the sentence names the line.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise DataError(f"there is no manifest {path}; `nicu-trainer ingest` writes one") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"the manifest {path} cannot be read: {error}") from error
    rows = csv.DictReader(io.StringIO(text, newline=""))
    missing = [column for column in MANIFEST_COLUMNS if column not in (*(rows.fieldnames or ()), *_NEW_COLUMNS)]
    if missing:
        raise DataError(
            f"{path} is no manifest: it lacks the columns {', '.join(missing)}; to use a table of your own, run "
            f"`nicu-trainer ingest table {path.name}` first"
        )
    further = [name for name in rows.fieldnames or () if name and name not in MANIFEST_COLUMNS]
    records = []
    for row in rows:
        try:
            values = {
                column: row.get(column) or _NEW_COLUMNS[column] if column in _NEW_COLUMNS else row[column]
                for column in MANIFEST_COLUMNS
            }
            numbers = {name: int(values.pop(name)) for name in ("width_px", "height_px")}
            soft = _soft_label(values.pop(_SOFT))
            kinds = {"label": Label(values.pop("label")), "role": Role(values.pop("role"))}
            groups = tuple((name, value) for name in further if (value := (row[name] or "").strip()))
            records.append(ImageRecord(**values, **numbers, **kinds, soft_label=soft, groups=groups))  # type: ignore[arg-type]  # built from the columns
        except (ValueError, TypeError, RejectedImageError) as error:
            raise DataError(f"{path}, line {rows.line_num}: {error}") from error
    if not records:
        raise DataError(f"the manifest {path} lists no picture")
    return Manifest(tuple(records), path.parent)


def _soft_label(text: str) -> float | None:
    """Return the soft label that a cell holds.

    Raises:
        ValueError: It is no number in [0, 1].
    """
    if not text:
        return None
    if not 0.0 <= (value := float(text)) <= 1.0:
        raise ValueError(f"a soft label lies between 0 and 1, not at {text}")
    return value
