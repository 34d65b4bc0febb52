"""The data sets that can be taken in, and where their labels come from."""

from collections.abc import Callable, Iterator
from pathlib import Path

from trainer.data.ingest import Candidate, picture_files
from trainer.data.naming import Label, ParsedName, parse_cope, parse_fei, parse_label, parse_unifesp
from trainer.data.rejection import Reason, RejectedImageError
from trainer.data.table import FILE_COLUMNS, LABEL_COLUMNS, NFCS_COLUMNS, find_column, nfcs_label, read_rows
from trainer.errors import DataError

__all__ = ["cope_candidates", "find_labels", "unifesp_candidates"]


def _named(path: Path, *parsers: Callable[[str], ParsedName]) -> ParsedName | RejectedImageError:
    """Read a name with the first parser that understands it; the first one's complaint is reported."""
    complaint: RejectedImageError | None = None
    for parse in parsers:
        try:
            return parse(path.stem)
        except RejectedImageError as refused:
            complaint = complaint or RejectedImageError(refused.reason, f"{path.name}: {refused}")
    return complaint or RejectedImageError(Reason.UNKNOWN_NAME, f"{path.name} cannot be understood")


def _folder_label(path: Path, root: Path) -> Label | None:
    """Return the label that the nearest folder with a label gives, if one does."""
    for part in reversed(path.relative_to(root).parts[:-1]):
        try:
            return parse_label(part)
        except RejectedImageError:
            continue
    return None


def cope_candidates(root: Path) -> Iterator[Candidate]:
    """Yield the files of a COPE folder; their names say everything."""
    for path in picture_files(root):
        yield Candidate(path, _named(path, parse_cope, parse_fei))


def unifesp_candidates(root: Path, labels: dict[str, Label]) -> Iterator[Candidate]:
    """Yield the files of a UNIFESP folder; labels come from a table, else from the folders' names.

    Args:
        root: The folder.
        labels: File name (with or without suffix) to label.
    """
    for path in picture_files(root):
        label = labels.get(path.name, labels.get(path.stem)) or _folder_label(path, root)
        yield Candidate(path, _named(path, parse_unifesp, parse_fei), label)


def find_labels(root: Path, table: Path | None, nfcs_threshold: float | None = None) -> dict[str, Label]:
    """Return the labels of a table, by file name and by its stem.

    Args:
        root: Where a table lies when none is named: the only CSV file with a column of files and one of labels.
        table: The table, or None.
        nfcs_threshold: Take the column of NFCS scores instead of labels, and call scores from here on pain.

    Raises:
        DataError: The named table is missing or has no such columns, or its rows contradict each other.
    """
    if table is not None:
        return _label_table(table, nfcs_threshold, required=True)
    found: dict[str, Label] = {}
    for path in sorted(root.glob("*.csv")):
        found |= _label_table(path, nfcs_threshold, required=False)
    return found


def _label_table(path: Path, nfcs_threshold: float | None, *, required: bool) -> dict[str, Label]:
    rows = read_rows(path)
    names = list(rows[0]) if rows else []
    wanted = LABEL_COLUMNS if nfcs_threshold is None else NFCS_COLUMNS
    file_column, label_column = find_column(names, FILE_COLUMNS), find_column(names, wanted)
    if file_column is None or label_column is None:
        if required:
            raise DataError(f"{path} needs a column of files ({FILE_COLUMNS[0]}) and one of labels ({wanted[0]})")
        return {}
    labels: dict[str, Label] = {}
    for number, row in enumerate(rows, start=2):
        try:
            text = row[label_column]
            label = parse_label(text) if nfcs_threshold is None else nfcs_label(text, nfcs_threshold)
        except RejectedImageError as error:
            raise DataError(f"{path}, line {number}: {error}") from error
        name = Path(row[file_column].replace("\\", "/")).name
        for key in (name, Path(name).stem):
            if labels.setdefault(key, label) is not label:
                raise DataError(f"{path}, line {number}: {name} has two different labels")
    return labels
