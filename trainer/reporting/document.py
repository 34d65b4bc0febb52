"""A report as data: sections of blocks, which every format renders in its own way."""

import re
from dataclasses import dataclass
from typing import ClassVar, Literal

from trainer.evaluation.tables import Table

__all__ = [
    "DEFAULT_TITLE",
    "Block",
    "Code",
    "Document",
    "Grid",
    "Listing",
    "Notice",
    "Picture",
    "Section",
    "Text",
    "anchor",
]

DEFAULT_TITLE = "Comparison of classifiers of pain in newborns' faces"


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph of plain text."""

    kind: ClassVar[str] = "text"
    text: str


@dataclass(frozen=True, slots=True)
class Notice:
    """A paragraph that nobody may overlook."""

    kind: ClassVar[str] = "notice"
    text: str


@dataclass(frozen=True, slots=True)
class Listing:
    """Points, one sentence or two each."""

    kind: ClassVar[str] = "listing"
    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Code:
    """Text that is shown letter by letter.

    Attributes:
        title: What it is.
        text: Lines.
    """

    kind: ClassVar[str] = "code"
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Grid:
    """A table.

    Attributes:
        table: Its text.
        folded: Whether a long table is closed until the reader opens it; it is printed open.
    """

    kind: ClassVar[str] = "grid"
    table: Table
    folded: bool = False


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure.

    Attributes:
        name: Of its file, without suffix; different for every figure of a report.
        suffix: "svg" or "jpg".
        content: The file. An SVG leaves its text colour open, see `plotting`.
        alt: What a reader who cannot see it must know.
        caption: Below it.
    """

    kind: ClassVar[str] = "picture"
    name: str
    suffix: Literal["svg", "jpg"]
    content: bytes
    alt: str
    caption: str


Block = Text | Notice | Listing | Code | Grid | Picture


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what stands below it."""

    title: str
    blocks: tuple[Block, ...]

    @property
    def anchor(self) -> str:
        """What links within the page name it by."""
        return anchor(self.title)


@dataclass(frozen=True, slots=True)
class Document:
    """A whole report.

    Attributes:
        title: Of the page.
        banner: Stands above everything.
        sections: In order.
    """

    title: str
    banner: str
    sections: tuple[Section, ...]

    @property
    def pictures(self) -> list[Picture]:
        """All metrics, in order."""
        return [block for section in self.sections for block in section.blocks if isinstance(block, Picture)]


def anchor(text: str) -> str:
    """Return a name for files and links: lower-case letters, digits and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "part"
