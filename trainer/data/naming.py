"""What the file names of the known data sets say.

COPE (iCOPE):   S<nn>_<M|F>_<stimulus>[_n].jpg      S04_M_air_1.jpg, with the known slips of the original files
UNIFESP:        <nn>_<hhmmss>[_k].bmp               02_114225_2.bmp; the label is in a table or in the folder's name
iCOPEvid:       S<nnn>_<Stimulus>_<n>_[<k>]_20s     S025_Rest_1_[0]_20s.avi
FEI copies:     ID<n>_<data set>_S<nn>_<class>.jpg  ID12_UNIFESP_S07_pain.jpg, of COPE and UNIFESP
"""

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

from trainer.data.rejection import Reason, RejectedImageError

__all__ = [
    "Label",
    "ParsedName",
    "Role",
    "parse_cope",
    "parse_fei",
    "parse_icopevid",
    "parse_label",
    "parse_unifesp",
    "plain_letters",
]


class Label(StrEnum):
    """The two classes."""

    PAIN = "pain"
    NO_PAIN = "no_pain"


class Role(StrEnum):
    """What a picture is for: MAIN ones are trained and tested on, STRESS ones only show what is mistaken for pain."""

    MAIN = "main"
    STRESS = "stress"


@dataclass(frozen=True, slots=True)
class ParsedName:
    """What a name says.

    Attributes:
        subject: Whose face it is, unique within the data set; "" where nobody knows: the picture then stands alone.
        stimulus: What was done, in the data set's words; "" where the name does not say.
        label: None where the name does not say.
        sex: "M", "F", or "" where the name does not say.
        slip: The misspelt word that was understood, or "".
        groups: (column, value) of what else a table says; results are grouped by it.
    """

    subject: str
    stimulus: str
    label: Label | None
    sex: str = ""
    slip: str = ""
    groups: tuple[tuple[str, str], ...] = ()


_STIMULI = {
    "pain": Label.PAIN,
    "pain_post_sucrose": Label.PAIN,
    "rest": Label.NO_PAIN,
    "cry": Label.NO_PAIN,
    "air": Label.NO_PAIN,
    "friction": Label.NO_PAIN,
    "sucrose": Label.NO_PAIN,
    "yawn": Label.NO_PAIN,
    "sneeze": Label.NO_PAIN,
}
_SLIPS = {
    "friciton": "friction",
    "fricton": "friction",
    "succrose": "sucrose",
    "pain_post_succrose": "pain_post_sucrose",
    "nopain": "rest",
    "no_pain": "rest",
}
_LABEL_WORDS = {
    Label.PAIN: {
        "1",
        "pain",
        "dor",
        "com_dor",
        "comdor",
        "p",
        "true",
        "yes",
        "positive",
        "sim",
        "verdadeiro",
        "positivo",
    },
    Label.NO_PAIN: {
        *{"0", "nopain", "no_pain", "non_pain", "sem_dor", "semdor", "not_pain", "n", "false", "no"},
        *{"negative", "rest", "nao_dor", "naodor", "nao", "falso", "negativo", "repouso"},
    },
}
_COPE = re.compile(r"S(\d{1,3})[_ ]([MF])[_ ](.+)", re.IGNORECASE)
_UNIFESP = re.compile(r"(\d{1,2})_(\d{6})(?:_(\d{1,3}))?")
_ICOPEVID = re.compile(r"S(\d{1,3})[_ ]([A-Z_ ]+?[_ ]*\d+[A-Z]?)(?:[_ ]\[\d+\])?(?:[_ ]\d+s)?", re.IGNORECASE)
_FEI = re.compile(r"ID(\d+)_([A-Za-z]+)_S?(\d{1,3})_(.+)", re.IGNORECASE)


def plain_letters(text: str) -> str:
    """Return a text without accents: `não` becomes `nao`, `rótulo` becomes `rotulo`."""
    return "".join(letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter))


def _word(text: str) -> str:
    """Return a stimulus word without its counter: `Pain _1`, `air2` and `friction_2b` become pain, air, friction."""
    joined = re.sub(r"[\s_]+", "_", text.strip().lower())
    return re.sub(r"_?\d+[a-z]?$", "", joined).strip("_")


def _stimulus(text: str, stem: str) -> tuple[str, str]:
    """Return the stimulus and the misspelt word that stood for it, if one did."""
    word = _word(text)
    stimulus = _SLIPS.get(word, word)
    if stimulus not in _STIMULI:
        known = ", ".join(sorted(_STIMULI))
        raise RejectedImageError(Reason.UNKNOWN_NAME, f"{stem}: {word!r} is no known stimulus ({known})")
    tidy = re.fullmatch(r"[a-z_]+?(?:_\d+)?", text)
    return stimulus, "" if stimulus == word and tidy else text


def parse_label(text: str) -> Label:
    """Read a label in the words that tables use (1, pain, dor; 0, nopain, sem dor).

    Raises:
        RejectedImageError: It is none of them.
    """
    word = re.sub(r"[\s_-]+", "_", plain_letters(text.strip().lower()))
    word = re.sub(r"([01])[.,]0+", r"\1", word)  # 1,0 is 1 where decimals have a comma
    for label, words in _LABEL_WORDS.items():
        if word in words:
            return label
    raise RejectedImageError(Reason.NO_LABEL, f"{text!r} is no label; write pain or no_pain (or 1 or 0)")


def parse_cope(stem: str) -> ParsedName:
    """Read a COPE name without its suffix.

    Raises:
        RejectedImageError: It is not of this form, or its stimulus is unknown.
    """
    match = _COPE.fullmatch(stem)
    if match is None:
        raise RejectedImageError(Reason.UNKNOWN_NAME, f"{stem} is not of the form S<nn>_<M|F>_<stimulus>[_n]")
    number, sex, rest = match.groups()
    stimulus, slip = _stimulus(rest, stem)
    return ParsedName(f"S{int(number):02d}", stimulus, _STIMULI[stimulus], sex.upper(), slip)


def parse_unifesp(stem: str) -> ParsedName:
    """Read a UNIFESP name without its suffix; it says nothing about the label.

    Raises:
        RejectedImageError: It is not of this form.
    """
    match = _UNIFESP.fullmatch(stem)
    if match is None:
        raise RejectedImageError(Reason.UNKNOWN_NAME, f"{stem} is not of the form <subject>_<hhmmss>[_k]")
    return ParsedName(f"{int(match.group(1)):02d}", "", None)


def parse_icopevid(stem: str) -> ParsedName:
    """Read an iCOPEvid name without its suffix; the label is the stimulus's.

    Raises:
        RejectedImageError: It is not of this form, or its stimulus is unknown.
    """
    match = _ICOPEVID.fullmatch(stem)
    if match is None:
        raise RejectedImageError(Reason.UNKNOWN_NAME, f"{stem} is not of the form S<nnn>_<Stimulus>_<n>_[<k>]_20s")
    number, rest = match.groups()
    stimulus, slip = _stimulus(rest.lower(), stem)
    return ParsedName(f"S{int(number):03d}", stimulus, _STIMULI[stimulus], slip=slip)


def parse_fei(stem: str) -> ParsedName:
    """Read the FEI group's standard name without its suffix.

    Raises:
        RejectedImageError: It is not of this form.
    """
    match = _FEI.fullmatch(stem)
    if match is None:
        raise RejectedImageError(Reason.UNKNOWN_NAME, f"{stem} is not of the form ID<n>_<data set>_S<nn>_<class>")
    _, data_set, number, word = match.groups()
    label = parse_label(_word(word))
    prefix = "S" if data_set.lower() in {"cope", "icope"} else ""
    return ParsedName(f"{prefix}{int(number):02d}", "pain" if label is Label.PAIN else "rest", label)
