"""Several manifests as one: the data set stays with every picture, and no picture is taken twice."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from trainer.atomic_file import write_atomically
from trainer.data.manifest import ImageRecord, Manifest, read_manifest, write_manifest
from trainer.data.subjects import name_key, namesake_warning
from trainer.errors import DataError

__all__ = ["merge_manifests"]


def merge_manifests(paths: Sequence[Path], out: Path, *, same_infants: bool = False) -> tuple[Manifest, list[str]]:
    """Write one manifest of the pictures of several, and beside it what a person should check.

    Each picture keeps its data set, so that results can be grouped by it, and its subject, which bears the name of
    the data set: infants of two data sets are two infants, unless `same_infants` says that a name means one infant in
    all of them. Paths become relative to the new manifest where the pictures lie below its folder, else absolute.

    Args:
        paths: At least two manifests.
        out: The new one; <out>.report.json is written, too.
        same_infants: Whether infants of one name, up to its spelling, are one infant, as in two tables of one study.

    Returns:
        What was written, and warnings as sentences.

    Raises:
        DataError: A manifest is missing or damaged, a picture is in two of them, or so is a subject of one name that
            nobody says is the same infant.
        CheckpointError: It cannot be written.
    """
    folder = out.resolve().parent
    seen: dict[str, tuple[Path, ImageRecord]] = {}
    owners: dict[str, Path] = {}
    names: dict[str, str] = {}
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
            if owners.setdefault(record.subject, path) != path and not same_infants:
                raise DataError(
                    f"{owners[record.subject]} and {path} both have a subject {record.subject!r}; if it is the same "
                    "infant, merge with --same-infants, else ingest one of them under another name of the data set"
                )
            seen[record.sha256] = path, record
            subject = names.setdefault(name_key(record.subject), record.subject) if same_infants else record.subject
            records.append(replace(record, image=_shown(manifest.path(record), folder), subject=subject))
    warning = namesake_warning(record.subject for record in records)
    warnings = [] if warning is None else [warning]
    write_manifest(out, records)
    report = json.dumps({"taken": len(records), "warnings": warnings}, indent=2, ensure_ascii=False) + "\n"
    write_atomically(out.with_suffix(".report.json"), report.encode())
    return Manifest(tuple(records), folder), warnings


def _shown(picture: Path, folder: Path) -> str:
    absolute = picture.resolve()
    return absolute.relative_to(folder).as_posix() if absolute.is_relative_to(folder) else str(absolute)
