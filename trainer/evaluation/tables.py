"""A table that can be printed for people, for spreadsheets and for LaTeX."""

import csv
import io
import re
from dataclasses import dataclass

__all__ = ["Table", "markdown_text"]

_LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    "≥": r"$\geq$",
    "≤": r"$\leq$",
    "\N{MINUS SIGN}": "$-$",
    "\N{MULTIPLICATION SIGN}": r"$\times$",
    "→": r"$\to$",
    "µ": r"$\mu$",
    "μ": r"$\mu$",
    "\N{GREEK SMALL LETTER SIGMA}": r"$\sigma$",
    "°": r"$^\circ$",
    "²": "$^2$",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': "''",
}
_WIDE = 5
_LAST_LATIN = "\u017f"
_PUNCTUATION = "\u2013\u2014\u2018\u2019\u201c\u201d\u2026"  # dashes, quotation marks, three dots


def markdown_text(text: str) -> str:
    """Return a text that Markdown shows as it is: no HTML, no emphasis, no link, no new line, no end of a cell."""
    one_line = " ".join(text.split())
    safe = re.sub(r"([\\`*|~])", r"\\\1", one_line).replace("](", r"]\(")
    safe = re.sub(r"(?<![^\W_])_|_(?![^\W_])", r"\_", safe)
    return safe.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


@dataclass(frozen=True, slots=True)
class Table:
    """Text in rows and columns.

    Attributes:
        title: Above it.
        head: One entry a column.
        rows: One list a row, as long as `head`.
        note: Below it.
    """

    title: str
    head: list[str]
    rows: list[list[str]]
    note: str = ""

    def markdown(self) -> str:
        """Return GitHub's Markdown."""
        lines = [self.head, ["---"] * len(self.head), *self.rows]
        body = "\n".join("| " + " | ".join(markdown_text(cell) for cell in line) + " |" for line in lines)
        note = f"\n{markdown_text(self.note)}\n" if self.note else ""
        return f"### {markdown_text(self.title)}\n\n{body}\n{note}"

    def csv(self) -> str:
        """Return comma-separated values."""
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\n").writerows([self.head, *self.rows])
        return text.getvalue()

    def latex(self) -> str:
        """Return a `table` environment for pdfLaTeX with the packages booktabs and, where it is wide, graphicx."""
        lines = [" & ".join(_escaped(cell) for cell in line) + r" \\" for line in [self.head, *self.rows]]
        body = "\n".join([r"\toprule", lines[0], r"\midrule", *lines[1:], r"\bottomrule"])
        columns = "l" + "c" * (len(self.head) - 1)
        caption = _escaped(f"{self.title}. {self.note}".strip())
        tabular = f"\\begin{{tabular}}{{{columns}}}\n{body}\n\\end{{tabular}}"
        if len(self.head) > _WIDE:
            tabular = f"\\resizebox{{\\linewidth}}{{!}}{{%\n{tabular}}}"
        return f"\\begin{{table}}\n\\centering\n\\caption{{{caption}}}\n{tabular}\n\\end{{table}}\n"


def _escaped(text: str) -> str:
    """Return a text that plain pdfLaTeX takes; a letter that its fonts lack becomes a question mark."""
    return "".join(
        _LATEX.get(letter, letter if letter <= _LAST_LATIN or letter in _PUNCTUATION else "?") for letter in text
    )
