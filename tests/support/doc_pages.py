"""The pages of the documentation, and the commands on them.

Every command stands in a fenced block with a language. `sh`, `python` and `js` are run by the tests in the order of the
page, unless a comment on the line above the fence says otherwise:

    <!-- not run by the tests: needs root -->     the reason is one of REASONS, so that it cannot become an excuse
    <!-- runs until it is stopped -->             started in the background, and stopped at the end of the page
    <!-- is stopped here -->                      everything that runs in the background is stopped before this block
"""

import re
from dataclasses import dataclass
from pathlib import Path

__all__ = ["PAGES", "REASONS", "REPOSITORY", "RUN", "Block", "blocks_of", "indented_code"]

REPOSITORY = Path(__file__).resolve().parents[2]
PAGES = [*sorted(REPOSITORY.glob("*.md")), *sorted((REPOSITORY / "docs").glob("*.md"))]
RUN = ("sh", "python", "js")
REASONS = (
    "needs root",
    "needs a GPU",
    "needs a camera",
    "needs a cluster",
    "needs Docker",
    "needs data that may not be shared",
    "needs the internet",
    "takes minutes; tests/export does the same",
    "measures for minutes; `make bench` and tests/bench do",
    "runs the tests themselves",
)

_FENCE = re.compile(r"^(?P<above>[^\n]*)\n```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_SKIP = re.compile(r"<!-- not run by the tests: (.+) -->")


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        page: The page's file.
        line: Number of its first line.
        language: As the fence says it.
        text: What is in it.
        skip: Why it is not run; None where it is.
        in_background: It runs until it is stopped.
        stops_others: What runs in the background is stopped before it.
    """

    page: Path
    line: int
    language: str
    text: str
    skip: str | None
    in_background: bool
    stops_others: bool


def blocks_of(page: Path) -> list[Block]:
    """Return the fenced blocks of a page, in their order."""
    text = "\n" + page.read_text(encoding="utf-8")
    found = []
    for match in _FENCE.finditer(text):
        above = match["above"].strip()
        skip = _SKIP.fullmatch(above)
        found.append(
            Block(
                page,
                text.count("\n", 0, match.start("text")),
                match["language"],
                match["text"],
                None if skip is None else skip[1],
                above == "<!-- runs until it is stopped -->",
                above == "<!-- is stopped here -->",
            )
        )
    return found


def indented_code(page: Path) -> list[str]:
    """Return the lines that Markdown takes for code although no fence says in which language."""
    outside = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    lines = outside.splitlines()
    return [
        line
        for before, line in zip(["", *lines], lines, strict=False)
        if re.match(r" {4}\S", line) and not before.strip()
    ]
