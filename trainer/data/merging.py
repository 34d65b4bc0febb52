"""Several manifests as one: the data set stays with every picture, and no picture is taken twice."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from trainer.data.manifest import ImageRecord, Manifest, read_manifest, write_manifest
from trainer.errors import DataError

__all__ = ["merge_manifests"]


def merge_manifests(paths: Sequence[Path], out: Path) -> Manifest:
    """Write one manifest of the pictures of several.

    Each picture keeps its data set, so that results can be grouped by it, and its subject, which bears the name of
    the data set: infants of two data sets are two infants. Paths become relative to the new manifest where the pictures
    lie below its folder, else absolute.

    Args:
        paths: At least two manifests.
        out: The new one.

    Returns:
        What was written.

    Raises:
        DataError: A manifest is missing or damaged, a picture is in two of them, or a subject of one name is in two.
        CheckpointError: It cannot be written.
    """
    folder = out.resolve().parent
    seen: dict[str, tuple[Path, ImageRecord]] = {}
    owners: dict[str, Path] = {}
    records: list[ImageRecord] = []
    for path in paths:
        manifest = read_manifest(path)
        for record in manifest.records:
            if record.sha256 in seen:
                other, known = seen[record.sha256]
                raise DataError(
                    f"{record.image} of {path} is the same picture as {known.image} of {other}; a picture counts once: "
                    "remove it from one of them"
                )
            if owners.setdefault(record.subject, path) != path:
                raise DataError(
                    f"{owners[record.subject]} and {path} both have a subject {record.subject!r}; if it is another "
                    "infant, ingest one of them under another name of the data set"
                )
            seen[record.sha256] = path, record
            records.append(replace(record, image=_shown(manifest.path(record), folder)))
    write_manifest(out, records)
    return Manifest(tuple(records), folder)


def _shown(picture: Path, folder: Path) -> str:
    absolute = picture.resolve()
    return absolute.relative_to(folder).as_posix() if absolute.is_relative_to(folder) else str(absolute)
