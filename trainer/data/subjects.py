"""One person under several spellings: a fold by person would put the same face on both sides."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable

__all__ = ["name_key", "namesake_warning", "same_subject", "spelling_warnings"]

_SHOWN_AT_MOST = 20


def same_subject(subject: str) -> str:
    """Return a subject's name with what no reader sees made equal: composed letters, and the blanks in it."""
    return " ".join(unicodedata.normalize("NFC", subject).split())


def spelling_warnings(subjects: Iterable[str]) -> list[str]:
    """Return a sentence for every group of names that differ only in spelling.

    That is in capitals, accents' forms, blanks, dashes and dots, leading zeros, or a `.0` that a spreadsheet added.
    """
    groups: dict[str, set[str]] = defaultdict(set)
    for subject in subjects:
        groups[_key(subject)].add(subject)
    alike = sorted(sorted(names) for names in groups.values() if len(names) > 1)
    sentences = [
        f"Subjects {' and '.join(repr(name) for name in names)} differ only in spelling but count as several infants; "
        "write one spelling, or folds by subject put one infant on both sides."
        for names in alike[:_SHOWN_AT_MOST]
    ]
    if len(alike) > _SHOWN_AT_MOST:
        sentences.append(f"{len(alike) - _SHOWN_AT_MOST} more groups of subjects differ only in spelling.")
    return sentences


def name_key(subject: str) -> str:
    """Return what is equal for subjects of a manifest whose names differ at most in the data set and in spelling."""
    return _key(subject.partition("/")[2] or subject)


def namesake_warning(subjects: Iterable[str]) -> str | None:
    """Return a sentence about subjects of several data sets that have one name; None where there are none.

    Args:
        subjects: As a manifest names them: data set and name.
    """
    groups: dict[str, set[str]] = defaultdict(set)
    for subject in subjects:
        groups[name_key(subject)].add(subject)
    alike = sorted(sorted(names) for names in groups.values() if len(names) > 1)
    if not alike:
        return None
    such = " and ".join(repr(name) for name in alike[0])
    count = sum(map(len, alike))
    return (
        f"{count} infants have the name of another one, up to its spelling, such as {such}. They count as several, and "
        "folds keep them together; if they are the same, merge with --same-infants, or metrics give too many infants "
        "and too narrow intervals."
    )


def _key(subject: str) -> str:
    folded = unicodedata.normalize("NFKC", subject).casefold()
    whole = re.sub(r"(?<=\d)[.,]0+$", "", folded.strip())
    # Between two numbers a mark counts, whichever it is: 1-2 is not 12.
    parts = re.sub(r"(?<=\d)[\s_.\-\u2010-\u2015]+(?=\d)", "/", whole)
    plain = re.sub(r"[\s_.\-\u2010-\u2015]+", "", parts)
    return re.sub(r"(?<!\d)0+(?=\d)", "", plain)
