"""Takes a data set in: finds its pictures, reads their names and labels, checks every file."""

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trainer.data.duplicates import near_duplicates, perceptual_hash
from trainer.data.manifest import PAIN_WORD, ImageRecord, unknown_subject
from trainer.data.naming import Label, ParsedName, Role
from trainer.data.pictures import PICTURE_SUFFIXES, file_sha256, guessed_bits, read_picture
from trainer.data.rejection import Reason, RejectedImageError
from trainer.data.report import IngestReport
from trainer.data.soft_labels import SoftLabels, soft_summary, softened
from trainer.data.subjects import same_subject, spelling_warnings
from trainer.errors import DataError

__all__ = ["Candidate", "ingest", "picture_files", "printable"]

_IGNORED = frozenset({".csv", ".json", ".md", ".txt", ".db", ".ini", ".xlsx", ".pdf", ".html", ".ds_store"})


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file that may become a part of the data set.

    Attributes:
        path: Where it lies.
        named: What its name or its row says; a `RejectedImageError` where that cannot be understood.
        label: What a table or a folder says, if anything; it must agree with the name.
        score: The NFCS score that a table gives, if any.
    """

    path: Path
    named: ParsedName | RejectedImageError
    label: Label | None = None
    score: float | None = None


def picture_files(folder: Path, suffixes: frozenset[str] = PICTURE_SUFFIXES) -> Iterator[Path]:
    """Yield every file below a folder in a fixed order, tables, texts and hidden files left aside.

    A file of another kind is yielded too, so that it is refused by name and not passed over.

    Raises:
        DataError: The folder does not exist or holds no file of the wanted kinds.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is no folder; give the folder that holds the pictures")
    files = sorted(
        path
        for path in _walk(folder)
        # A link whose target is gone is yielded as well: it is refused by name.
        if (path.is_file() or not path.exists())
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and path.suffix.lower() not in _IGNORED
    )
    if not any(path.suffix.lower() in suffixes for path in files):
        raise DataError(f"there is no picture below {folder} (looked for {', '.join(sorted(suffixes))})")
    yield from files


def _walk(folder: Path) -> Iterator[Path]:
    """Yield all files below a folder and its linked folders, each folder once, so that links in a ring end."""
    seen: set[str] = set()
    for parent, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(parent)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders.sort()
        yield from (Path(parent) / name for name in names)


def ingest(
    candidates: Iterable[Candidate],
    data_set: str,
    folder: Path,
    *,
    is_main: Callable[[ParsedName], bool] = lambda _: True,
    progress: Callable[[int], None] = lambda _: None,
    read: Callable[[Path], NDArray[np.uint8]] = read_picture,
    positive: str = PAIN_WORD,
    soft: SoftLabels | None = None,
) -> IngestReport:
    """Check every candidate and take in what is right.

    Args:
        candidates: The files, with what is known about them.
        data_set: Name of the data set; becomes a part of the subjects' names.
        folder: Where the manifest will lie; paths below it are stored relative.
        is_main: Whether a picture is trained and tested on.
        progress: Called with the number of candidates done.
        read: Reads a picture.
        positive: What the positive class is called.
        soft: How scores become soft labels; without it they are left aside.

    Returns:
        What was taken and what was refused. Nothing is passed over in silence.

    Raises:
        DataError: Grey pictures of more than 8 bits do not say how many count, and seem to differ in it.
    """
    report = IngestReport()
    sexes: dict[str, set[str]] = defaultdict(set)
    by_hash: dict[str, list[ImageRecord]] = defaultdict(list)
    scores: dict[str, float] = {}
    depths: dict[int, list[str]] = defaultdict(list)
    for done, candidate in enumerate(candidates, start=1):
        shown = _shown(candidate.path, folder)
        try:
            _check_name(shown)
            record = replace(_take(candidate, shown, data_set, is_main, read), positive=positive)
            if soft is not None and candidate.score is not None:
                record, scores[record.sha256] = softened(record, candidate.score, soft), candidate.score
            if read is read_picture and (bits := guessed_bits(candidate.path)) is not None:
                depths[bits].append(shown)
            named = candidate.named
            if isinstance(named, ParsedName):
                sexes[record.subject] |= {named.sex} - {""}
                if named.slip:
                    report.slips[shown] = named.slip
            by_hash[record.sha256].append(record)
        except RejectedImageError as refused:
            report.refuse(printable(shown), refused.reason, printable(str(refused)))
        progress(done)
    report.warnings += _depth_warnings(depths)
    report.records = _without_copies(by_hash, report)
    used = [record.label for record in report.records if record.role is Role.MAIN]
    if len(set(used)) == 1:
        report.warnings.append(
            f"All {len(used)} pictures to train and test on are labelled {used[0]}; both are needed."
        )
    if soft is not None:
        report.warnings.append(soft_summary(report.records, scores, soft))
    report.warnings += spelling_warnings(record.subject for record in report.records)
    pairs = near_duplicates([record.perceptual_hash for record in report.records])
    report.near_duplicates = [(report.records[first], report.records[second]) for first, second in pairs]
    report.warnings += [
        f"Subject {subject} is both M and F in the file names; is it one infant?"
        for subject, found in sorted(sexes.items())
        if len(found) > 1
    ]
    return report


def _depth_warnings(depths: dict[int, list[str]]) -> list[str]:
    """Return a sentence about grey pictures of more than 8 bits that do not say how many count.

    Raises:
        DataError: They seem to differ in it. Scaled picture by picture, one lamp or one bright pixel would darken a
            picture up to 256 times, and where that goes with the label a model learns it.
    """
    if not depths:
        return []
    count = sum(map(len, depths.values()))
    if len(depths) > 1:
        low, high = min(depths), max(depths)
        raise DataError(
            f"{count} grey pictures have more than 8 bits and do not say how many count; by their brightest pixels it "
            f"is {low} in some ({depths[low][0]}) and {high} in others ({depths[high][0]}), so that they would be "
            "scaled differently. Scale all of them to 8 bits alike, or write TIFF files with the tag MaxSampleValue"
        )
    return [
        f"{count} grey pictures have more than 8 bits and do not say how many count; {min(depths)} are taken for all."
    ]


def _shown(path: Path, folder: Path) -> str:
    path, folder = path.absolute(), folder.absolute()
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.as_posix()


def _check_name(shown: str) -> None:
    if not shown.isascii() and printable(shown) != shown:
        raise RejectedImageError(
            Reason.BAD_NAME, f"{shown}: its name is not UTF-8, so no table can hold it; rename the file or its folder"
        )


def printable(text: str) -> str:
    r"""Return a text with the bytes of a file's name that are not UTF-8 as escapes, such as \xfc."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _take(
    candidate: Candidate,
    shown: str,
    data_set: str,
    is_main: Callable[[ParsedName], bool],
    read: Callable[[Path], NDArray[np.uint8]],
) -> ImageRecord:
    named = candidate.named
    if isinstance(named, RejectedImageError):
        raise named
    if candidate.label is not None and named.label is not None and candidate.label is not named.label:
        raise RejectedImageError(
            Reason.CONFLICTING_LABEL, f"{shown}: the name says {named.label}, the table or folder {candidate.label}"
        )
    label = candidate.label or named.label
    if label is None:
        raise RejectedImageError(
            Reason.NO_LABEL, f"{shown} has no label: give a table of labels, or folders called pain and no_pain"
        )
    image = read(candidate.path)
    sha256 = file_sha256(candidate.path)
    return ImageRecord(
        image=shown,
        subject=f"{data_set}/{same_subject(named.subject)}" if named.subject else unknown_subject(data_set, sha256),
        label=label,
        stimulus=named.stimulus or ("pain" if label is Label.PAIN else ""),
        data_set=data_set,
        role=Role.MAIN if is_main(named) else Role.STRESS,
        sha256=sha256,
        perceptual_hash=perceptual_hash(image),
        width_px=image.shape[1],
        height_px=image.shape[0],
        groups=((("sex", named.sex),) if named.sex else ()) + named.groups,
    )


def _without_copies(by_hash: dict[str, list[ImageRecord]], report: IngestReport) -> list[ImageRecord]:
    """Keep one of identical files, and none where they are labelled or attributed differently."""
    unique = []
    for records in by_hash.values():
        first, *copies = records
        if any((copy.label, copy.subject) != (first.label, first.subject) for copy in copies):
            names = " and ".join(f"{record.image} ({record.label}, {record.subject})" for record in records)
            for record in records:
                report.refuse(
                    record.image, Reason.CONFLICTING_LABEL, f"{record.image}: the same picture is given as {names}"
                )
            continue
        unique.append(first)
        for copy in copies:
            report.refuse(copy.image, Reason.DUPLICATE, f"{copy.image} is the same file as {first.image}")
    return sorted(unique, key=lambda record: record.image)
