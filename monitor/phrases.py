"""Sentences in English that can still be said in another language."""

from typing import Self

__all__ = ["Phrase", "joined", "message"]


class Phrase(str):
    """An English sentence that remembers its template and its values; everywhere else it is the plain text.

    Args:
        template: A message of the catalogue, with names in braces: `No face for {time}.`
        values: What stands for the names; a phrase among them is translated as well.
    """

    __slots__ = ("template", "values")

    template: str
    values: dict[str, object]

    def __new__(cls, template: str = "", **values: object) -> Self:
        """Make the English text."""
        phrase = super().__new__(cls, template.format(**values) if values else template)
        phrase.template, phrase.values = template, values
        return phrase

    def __getnewargs_ex__(self) -> tuple[tuple[str], dict[str, object]]:
        """Return what a copy is made of."""
        return (self.template,), self.values


def joined(*sentences: str) -> Phrase:
    """Return sentences one after another, as one phrase; empty ones are left out."""
    named = {f"part_{number}": sentence for number, sentence in enumerate(filter(None, sentences))}
    return Phrase(" ".join(f"{{{name}}}" for name in named), **named)


def message(text: str) -> str:
    """Mark a text for the catalogue where it is written, to be translated where it is shown."""
    return text
