"""Any two-class picture set as a CSV table: its columns, what its labels are called, where its pictures lie."""

import codecs
import csv
import io
import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from trainer.data.group_columns import KNOWN_GROUPS
from trainer.data.ingest import Candidate
from trainer.data.manifest import MANIFEST_COLUMNS, PAIN_WORD
from trainer.data.naming import Label, ParsedName, parse_label, plain_letters
from trainer.data.rejection import Reason, RejectedImageError
from trainer.errors import DataError

__all__ = [
    "FILE_COLUMNS",
    "LABEL_COLUMNS",
    "NFCS_COLUMNS",
    "PictureTable",
    "find_column",
    "nfcs_label",
    "nfcs_score",
    "read_rows",
    "read_table",
]

FILE_COLUMNS = (
    *("image", "file", "filename", "file_name", "path", "img", "image_path", "file_path", "filepath"),
    *("arquivo", "imagem", "nome_arquivo", "nome_do_arquivo", "caminho", "foto"),
)
LABEL_COLUMNS = (
    *("label", "class", "classe", "pain", "target", "emotion", "expression", "category"),
    *("rotulo", "dor", "categoria", "expressao"),
)
NFCS_COLUMNS = ("nfcs", "escore_nfcs", "nfcs_total", "nfcs_score")
_SUBJECT_COLUMNS = (
    *("subject", "infant", "person", "identity", "patient"),
    *("sujeito", "bebe", "paciente", "recem_nascido", "rn", "individuo"),
)
_STIMULUS_COLUMNS = ("stimulus", "estimulo")
_PLAIN_WORDS = {"neutral", "normal", "none", "off", "absent", "background", "other", "control", "calm", "negative"}
_PLAIN_BEGINNINGS = ("no_", "no-", "no ", "non", "not", "un", "without")


@dataclass(frozen=True, slots=True)
class PictureTable:
    """What a table says.

    Attributes:
        candidates: One for each row.
        notes: What was taken for granted, one sentence each, for the user to see.
        positive: What the table calls the positive class; "pain" for every word that means that.
    """

    candidates: list[Candidate]
    notes: list[str]
    positive: str = PAIN_WORD


def find_column(names: Sequence[str], wanted: tuple[str, ...]) -> str | None:
    """Return the name of the first wanted column that a table has, as the table spells it; accents do not matter."""
    known = {re.sub(r"[\s-]+", "_", plain_letters(name.strip().lower())): name for name in names if name}
    return next((known[name] for name in wanted if name in known), None)


def read_rows(path: Path) -> list[dict[str, str]]:
    """Return a table's rows; columns are divided by commas, semicolons, tabs, or what a first line `sep=` says.

    The text is UTF-8, UTF-16 with a byte order mark, or else Windows-1252, as spreadsheets write it.

    Raises:
        DataError: It is missing or cannot be read.
    """
    try:
        content = path.read_bytes()
        text = content.decode(_encoding(content))
    except FileNotFoundError:
        raise DataError(f"there is no table {path}") from None
    except UnicodeDecodeError as error:
        raise DataError(
            f"the table {path} is neither in UTF-8 nor in UTF-16 or Windows-1252 ({error}); save it as CSV in UTF-8"
        ) from error
    except OSError as error:
        raise DataError(f"the table {path} cannot be read: {error.strerror}") from error
    text = text.lstrip("\r\n")
    first = (text.splitlines() or [""])[0]
    if named := re.fullmatch(r'"?sep=(.)"?', first.rstrip(), re.IGNORECASE) or re.fullmatch(r"sep=(\t)", first):
        # The line by which spreadsheets say how columns are divided.
        text = text[len(first) :].lstrip("\r\n")
    delimiter = named[1] if named else max(",;\t", key=first.count)
    try:
        return list(csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, restval=""))
    except csv.Error as error:
        raise DataError(f"the table {path} cannot be read: {error}") from error


def _encoding(content: bytes) -> str:
    """Return the encoding of a table: by its byte order mark, else UTF-8 where that fits, else Windows-1252."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    try:
        content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8-sig"


def read_table(
    table: Path, positive: str | None = None, groups: Sequence[str] = (), *, with_scores: bool = False
) -> PictureTable:
    """Read a CSV table with the columns image, label, and optionally subject and stimulus.

    Paths are absolute, or relative to the table's folder, or else to the working directory. Without a column `subject`
    every picture counts as a person of its own. Labels are those that `parse_label` knows, or any two words.

    Args:
        table: The file.
        positive: The label of the class that is to be recognised; every other label is the other class. None takes the
            known words, or chooses one of two unknown ones and says so.
        groups: Further columns by which results are to be grouped, besides sex, skin tone, gestation and device.
        with_scores: Whether the column of NFCS scores is read; an empty cell is no score.

    Raises:
        DataError: The table is missing or empty, lacks a column, or its labels are not two classes.
    """
    rows = read_rows(table)
    if not rows:
        raise DataError(f"{table} has no row")
    names = list(rows[0])
    image_column, label_column = find_column(names, FILE_COLUMNS), find_column(names, LABEL_COLUMNS)
    for column, wanted in ((image_column, "image"), (label_column, "label")):
        if column is None:
            has = ", ".join(name for name in names if name) or "no header"
            raise DataError(f"{table} lacks the column {wanted!r}; it has {has}")
    subject_column, stimulus_column = find_column(names, _SUBJECT_COLUMNS), find_column(names, _STIMULUS_COLUMNS)
    grouped = _group_columns(table, names, groups)
    score_column = find_column(names, NFCS_COLUMNS) if with_scores else None
    if with_scores and score_column is None:
        raise DataError(f"soft labels need a column of NFCS scores ({NFCS_COLUMNS[0]}), and {table} has none")
    labels, notes = _read_labels([row[label_column or ""].strip() for row in rows], positive, table)
    if subject_column is None:
        notes.append(
            f"{table.name} has no column 'subject': every picture counts as a person of its own, so nothing keeps "
            f"pictures of one person on one side of a fold"
        )
    images = [row[image_column or ""].strip() for row in rows]
    folder = _folder(table, images)
    candidates = []
    for number, (row, image) in enumerate(zip(rows, images, strict=True), start=2):
        subject = None if subject_column is None else (row[subject_column] or "").strip()
        stimulus = "" if stimulus_column is None else (row[stimulus_column] or "").strip()
        try:
            named = _named(image, subject, stimulus, row[label_column or ""].strip(), labels)
            values = tuple((name, value) for name, column in grouped.items() if (value := (row[column] or "").strip()))
            text = "" if score_column is None else (row[score_column] or "").strip()
            score = nfcs_score(text) if text else None
            candidates.append(Candidate(_picture_path(folder, image), replace(named, groups=values), score=score))
        except RejectedImageError as refused:
            rejection = RejectedImageError(refused.reason, f"{table.name}, line {number}: {refused}")
            candidates.append(Candidate(folder / image, rejection))
    return PictureTable(candidates, notes, _positive_word(labels))


def _group_columns(table: Path, names: list[str], wanted: Sequence[str]) -> dict[str, str]:
    """Return the column that holds each group, by the group's name in the manifest.

    Raises:
        DataError: A wanted column is missing, or its name means something else in a manifest.
    """
    found = {group: column for group, words in KNOWN_GROUPS.items() if (column := find_column(names, words))}
    for name in wanted:
        column = find_column(names, (re.sub(r"[\s-]+", "_", plain_letters(name.strip().lower())),))
        if column is None:
            raise DataError(f"{table} has no column {name!r} to group by; it has {', '.join(filter(None, names))}")
        if name in MANIFEST_COLUMNS:
            raise DataError(f"{table}: a manifest has a column {name!r} of its own; rename the one to group by")
        if column not in found.values():
            found[name] = column
    return found


def _positive_word(labels: dict[str, Label]) -> str:
    """Return the word of the positive class: "pain" where it means that, else as the table writes it."""
    words = [word for word, label in labels.items() if label is Label.PAIN]
    try:
        means_pain = any(parse_label(word) is Label.PAIN for word in words)
    except RejectedImageError:
        means_pain = False
    return PAIN_WORD if means_pain or not words else "+".join(sorted(word.lower() for word in words))


def nfcs_label(text: str, threshold: float) -> Label:
    """Return the label that a score of the Neonatal Facial Coding System gives: pain from the threshold on.

    Raises:
        RejectedImageError: It is no finite number.
    """
    return Label.PAIN if nfcs_score(text) >= threshold else Label.NO_PAIN


def nfcs_score(text: str) -> float:
    """Return the number that a score of the Neonatal Facial Coding System is.

    Raises:
        RejectedImageError: It is none.
    """
    try:
        return _number(text.strip())
    except ValueError:
        raise RejectedImageError(Reason.NO_LABEL, f"{text!r} is no NFCS score") from None


def _named(image: str, subject: str | None, stimulus: str, word: str, labels: dict[str, Label]) -> ParsedName:
    if not image or subject == "":
        raise RejectedImageError(Reason.BAD_ROW, f"the {'subject' if image else 'image'} is empty")
    if word not in labels:
        raise RejectedImageError(Reason.NO_LABEL, f"{word!r} is no label; the labels are {', '.join(sorted(labels))}")
    return ParsedName(subject or "", stimulus, labels[word])


def _folder(table: Path, images: list[str]) -> Path:
    """Return the folder that the paths are relative to: the table's, unless only the working directory has them."""
    some = [image for image in images if image][:50]
    here, there = (any(_picture_path(folder, image).exists() for image in some) for folder in (table.parent, Path()))
    return Path.cwd() if there and not here else table.parent


def _picture_path(folder: Path, image: str) -> Path:
    """Return where a picture lies; tables from Windows divide folders by backslashes."""
    path = folder / image
    return folder / image.replace("\\", "/") if "\\" in image and not path.exists() else path


def _read_labels(words: list[str], positive: str | None, table: Path) -> tuple[dict[str, Label], list[str]]:
    """Return what each word means, and what the user should know about that."""
    found = Counter(word for word in words if word)
    listed = ", ".join(f"{word!r} ({count})" for word, count in found.most_common(8))
    if positive is not None:
        chosen = [word for word in found if word.lower() == positive.strip().lower()]
        if not chosen:
            raise DataError(f"no row of {table} has the label {positive!r}; it has {listed or 'no label'}")
        labels = {word: Label.PAIN if word in chosen else Label.NO_PAIN for word in found}
        return labels, [_label_summary(labels)]
    known: dict[str, Label] = {}
    for word in found:
        try:
            known[word] = parse_label(word)
        except RejectedImageError:
            continue
    if set(known.values()) == set(Label) or (known and len(known) == len(found)):
        return known, []
    if len(found) != len(Label):
        raise DataError(
            f"{table} must have two labels, but has {listed or 'none'}; name the wanted one with --positive"
        )
    if all(_is_number(word) for word in found):
        known = {}  # 1 and 2, say: the larger number is positive, whatever 1 means beside 0
    first, second = sorted(found, key=lambda word: (_rank(known.get(word)), *_plainness(word)))
    labels = {first: Label.PAIN, second: Label.NO_PAIN}
    return labels, [f"{_label_summary(labels)}; choose with --positive"]


def _label_summary(labels: dict[str, Label]) -> str:
    positive = " and ".join(repr(word) for word, label in labels.items() if label is Label.PAIN)
    others = " and ".join(repr(word) for word, label in labels.items() if label is Label.NO_PAIN)
    return f"{positive} is taken as the positive class, which is called pain from here on, and {others} as no pain"


def _rank(label: Label | None) -> int:
    """Order words whose meaning is known: the positive one first, the other one last."""
    return 1 if label is None else 0 if label is Label.PAIN else 2


def _is_number(word: str) -> bool:
    try:
        _number(word)
    except ValueError:
        return False
    return True


def _number(word: str) -> float:
    """Return the number that a word is; decimals may have a comma.

    Raises:
        ValueError: It is none; "NaN" and "inf", as spreadsheets and programs write missing values, are none.
    """
    value = float(word.replace(",", ".") if word.count(",") == 1 and "." not in word else word)
    if not math.isfinite(value):
        raise ValueError(f"{word!r} is not finite")
    return value


def _plainness(word: str) -> tuple[int, float, str]:
    """Order labels from the likeliest name of a positive class to the least likely; of numbers the larger one."""
    lower = word.lower()
    if _is_number(word):
        return 0, -_number(word), lower
    return int(lower in _PLAIN_WORDS or lower.startswith(_PLAIN_BEGINNINGS)), 0.0, lower
