"""One person under several spellings: a fold by person would put the same face on both sides."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable

__all__ = ["same_subject", "spelling_warnings"]

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


def _key(subject: str) -> str:
    folded = unicodedata.normalize("NFKC", subject).casefold()
    whole = re.sub(r"(?<=\d)[.,]0+$", "", folded.strip())
    # Between two numbers a mark counts, whichever it is: 1-2 is not 12.
    parts = re.sub(r"(?<=\d)[\s_.\-\u2010-\u2015]+(?=\d)", "/", whole)
    plain = re.sub(r"[\s_.\-\u2010-\u2015]+", "", parts)
    return re.sub(r"(?<!\d)0+(?=\d)", "", plain)
