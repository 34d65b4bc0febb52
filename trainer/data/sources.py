"""The data sets that can be taken in, and where their labels come from."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from trainer.data.ingest import Candidate, picture_files
from trainer.data.naming import Label, ParsedName, parse_cope, parse_fei, parse_label, parse_unifesp
from trainer.data.rejection import Reason, RejectedImageError
from trainer.data.table import FILE_COLUMNS, LABEL_COLUMNS, NFCS_COLUMNS, find_column, nfcs_label, nfcs_score, read_rows
from trainer.errors import DataError

__all__ = ["cope_candidates", "find_labels", "find_scores", "unifesp_candidates"]


def _named(path: Path, *parsers: Callable[[str], ParsedName]) -> ParsedName | RejectedImageError:
    """Read a name with the first parser that understands it; the first one's complaint is reported."""
    complaint: RejectedImageError | None = None
    for parse in parsers:
        try:
            return parse(path.stem)
        except RejectedImageError as refused:
            complaint = complaint or RejectedImageError(refused.reason, f"{path.name}: {refused}")
    return complaint or RejectedImageError(Reason.UNKNOWN_NAME, f"{path.name} cannot be understood")


def _number(folder: str) -> int | None:
    """Return the number that a folder's name is, as an infant's may be; None where it is a word."""
    return int(folder) if folder.isdecimal() else None


def _label_of(folder: str) -> Label | None:
    try:
        return parse_label(folder)
    except RejectedImageError:
        return None


def _numbers_are_labels(paths: Iterable[Path], root: Path) -> bool:
    """Return whether folders `0` and `1` are labels: no folder's name is one in words, and no other is a number.

    Beside those, a number is an infant's, as in `sem_dor/1`.
    """
    folders = {part for path in paths for part in path.relative_to(root).parts[:-1]}
    named = {part for part in folders if _number(part) is None and _label_of(part) is not None}
    return not named and {part for part in folders if _number(part) is not None} <= {"0", "1"}


def _folder_label(path: Path, root: Path, *, numbers: bool) -> Label | RejectedImageError | None:
    """Return the label that the folders on the way give, if one does; a complaint where they contradict each other."""
    found = {
        part: label
        for part in path.relative_to(root).parts[:-1]
        if (numbers or _number(part) is None) and (label := _label_of(part)) is not None
    }
    if len(set(found.values())) > 1:
        told = " and ".join(f"{part!r} {label}" for part, label in found.items())
        return RejectedImageError(
            Reason.CONFLICTING_LABEL, f"{path.name}: its folders contradict each other: {told}; rename one of them"
        )
    return next(iter(found.values()), None)


def cope_candidates(root: Path) -> Iterator[Candidate]:
    """Yield the files of a COPE folder; their names say everything."""
    for path in picture_files(root):
        yield Candidate(path, _named(path, parse_cope, parse_fei))


def unifesp_candidates(
    root: Path, labels: dict[str, Label], scores: Mapping[str, float] = MappingProxyType({})
) -> Iterator[Candidate]:
    """Yield the files of a UNIFESP folder; labels come from a table, else from the folders' names.

    Folders in which an infant's pictures lie may be numbered: a number is a label only where all of them are 0 or 1 and
    no folder is called in words.

    Args:
        root: The folder.
        labels: File name (with or without suffix) to label.
        scores: Likewise, to the NFCS score.
    """
    paths = list(picture_files(root))
    numbers = _numbers_are_labels(paths, root)
    for path in paths:
        named = _named(path, parse_unifesp, parse_fei)
        label = labels.get(path.name, labels.get(path.stem)) or _folder_label(path, root, numbers=numbers)
        if isinstance(label, RejectedImageError):
            named, label = label, None
        yield Candidate(path, named, label, scores.get(path.name, scores.get(path.stem)))


def find_labels(root: Path, table: Path | None, nfcs_threshold: float | None = None) -> dict[str, Label]:
    """Return the labels of a table, by file name and by its stem.

    Args:
        root: Where tables lie when none is named: all CSV files with a column of files and one of labels.
        table: The table, or None.
        nfcs_threshold: Take the column of NFCS scores instead of labels, and call scores from here on pain.

    Raises:
        DataError: The named table is missing or has no such columns, or rows or tables contradict each other.
    """
    wanted = LABEL_COLUMNS if nfcs_threshold is None else NFCS_COLUMNS

    def read(text: str) -> Label:
        return parse_label(text) if nfcs_threshold is None else nfcs_label(text, nfcs_threshold)

    return _by_file(root, table, wanted, read)


def find_scores(root: Path, table: Path | None) -> dict[str, float]:
    """Return the NFCS scores of a table, by file name and by its stem; an empty cell is no score.

    Args:
        root: Where tables lie when none is named.
        table: The table, or None.

    Raises:
        DataError: No table has a column of files and one of scores, or rows or tables contradict each other.
    """
    scores = _by_file(root, table, NFCS_COLUMNS, lambda text: nfcs_score(text) if text.strip() else None)
    if not scores:
        raise DataError(
            f"soft labels need a table with a column of files ({FILE_COLUMNS[0]}) and one of scores "
            f"({NFCS_COLUMNS[0]}), and {table or root} has none"
        )
    return scores


Value = TypeVar("Value")


def _by_file(
    root: Path, table: Path | None, wanted: tuple[str, ...], read: Callable[[str], Value | None]
) -> dict[str, Value]:
    if table is not None:
        return _one_table(table, wanted, read, required=True)
    found: dict[str, Value] = {}
    told_by: dict[str, Path] = {}
    for path in sorted(root.glob("*.csv")):
        for name, value in _one_table(path, wanted, read, required=False).items():
            first = told_by.setdefault(name, path)
            if found.setdefault(name, value) != value:
                raise DataError(
                    f"{first} and {path} contradict each other about {name}; name the table that counts with --labels"
                )
    return found


def _one_table(
    path: Path, wanted: tuple[str, ...], read: Callable[[str], Value | None], *, required: bool
) -> dict[str, Value]:
    rows = read_rows(path)
    names = list(rows[0]) if rows else []
    file_column, value_column = find_column(names, FILE_COLUMNS), find_column(names, wanted)
    if file_column is None or value_column is None:
        if required:
            raise DataError(f"{path} needs a column of files ({FILE_COLUMNS[0]}) and one of labels ({wanted[0]})")
        return {}
    values: dict[str, Value] = {}
    for number, row in enumerate(rows, start=2):
        try:
            value = read(row[value_column] or "")
        except RejectedImageError as error:
            raise DataError(f"{path}, line {number}: {error}") from error
        if value is None:
            continue
        name = Path(row[file_column].replace("\\", "/")).name
        for key in (name, Path(name).stem):
            if values.setdefault(key, value) != value:
                raise DataError(f"{path}, line {number}: {name} has two different labels")
    return values
