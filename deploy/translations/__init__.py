"""The message catalogues of the page: what is to be translated, gathered from the source.

`python -m deploy.translations` writes `monitor/localization/catalogues/messages.pot` and brings every language's
catalogue up to date; what is new in it is empty until somebody translates it, which a test notices.
"""

import ast
import io
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

from monitor.localization import LANGUAGES
from monitor.pain.alarm import PERSON_REMEDY
from monitor.pain.conditions import CONDITIONS

__all__ = ["CATALOGUES", "catalogue_text", "gather", "updated", "write_all"]

_ROOT = Path(__file__).resolve().parents[2]
CATALOGUES = _ROOT / "monitor" / "localization" / "catalogues"
_PACKAGES = (
    "board",
    "cameras",
    "config",
    "control",
    "forwarding",
    "localization",
    "pain",
    "station",
    "video",
    "ward",
    "web",
)
_KEYWORDS = {"t": 1, "_t": 1, "message": 1, "translatable": 1, "Phrase": 1, "plural": 2}
"""Name of what is called to how many of its arguments are messages."""

_NOT_WORDS = frozenset({"", " ", "{text}", "{address} {fault}"})
_FORMAT = {"width": 120, "omit_header": False, "no_location": True, "sort_output": True}


def gather() -> Catalog:
    """Return every message of the page, the alerts and the refusals."""
    catalogue = Catalog(project="nicu-pain-monitor", fuzzy=False)
    for package in _PACKAGES:
        for file in sorted((_ROOT / "monitor" / package).rglob("*.py")):
            for found in _messages_in(file.read_text(encoding="utf-8")):
                catalogue.add(found)
    for condition in CONDITIONS.values():
        catalogue.add(condition.detail)
        catalogue.add(condition.remedy)
    catalogue.add(PERSON_REMEDY)
    return catalogue


def _messages_in(source: str) -> Iterator[str | tuple[str, ...]]:
    """Return the messages of one module, those within formatted strings included."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        texts = [arg.value for arg in node.args[: _KEYWORDS.get(name, 0)] if isinstance(arg, ast.Constant)]
        words = tuple(text for text in texts if isinstance(text, str) and text not in _NOT_WORDS)
        if name in _KEYWORDS and len(words) == _KEYWORDS[name]:
            yield words if len(words) > 1 else words[0]


def updated(language: str, messages: Catalog) -> Catalog:
    """Return a language's catalogue with exactly these messages, translated as far as they were."""
    path = CATALOGUES / f"{language.replace('-', '_')}.po"
    locale = language.replace("-", "_")
    with path.open("rb") as file:
        before = read_po(file, locale=locale)
    after = Catalog(locale=locale, project="nicu-pain-monitor", fuzzy=False)
    for item in messages:
        if item.id:
            known = before.get(item.id[0] if isinstance(item.id, tuple) else item.id)
            after.add(item.id, known.string if known is not None and known.id == item.id else "")
    return after


def catalogue_text(catalogue: Catalog) -> str:
    """Return a catalogue as a file, the same for the same messages: without dates, in the order of the messages."""
    target = io.BytesIO()
    write_po(target, catalogue, **_FORMAT)
    lines = target.getvalue().decode().splitlines()
    unstable = ('"POT-Creation-Date', '"PO-Revision-Date', '"Generated-By', '"Last-Translator', '"Report-Msgid', "#")
    return "\n".join(line for line in lines if not line.startswith(unstable)).strip() + "\n"


def write_all() -> None:
    """Write the template and bring the catalogues up to date."""
    messages = gather()
    (CATALOGUES / "messages.pot").write_text(catalogue_text(messages), encoding="utf-8")
    for language in LANGUAGES:
        if language != "en":
            path = CATALOGUES / f"{language.replace('-', '_')}.po"
            path.write_text(catalogue_text(updated(language, messages)), encoding="utf-8")
