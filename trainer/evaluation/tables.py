"""A table that can be printed for people, for spreadsheets and for LaTeX."""

import csv
import io
from dataclasses import dataclass

__all__ = ["Table"]

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
}


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
        body = "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
        return f"### {self.title}\n\n{body}\n" + (f"\n{self.note}\n" if self.note else "")

    def csv(self) -> str:
        """Return comma-separated values."""
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\n").writerows([self.head, *self.rows])
        return text.getvalue()

    def latex(self) -> str:
        """Return a `table` environment for the booktabs package."""
        lines = [" & ".join(_escaped(cell) for cell in line) + r" \\" for line in [self.head, *self.rows]]
        body = "\n".join([r"\toprule", lines[0], r"\midrule", *lines[1:], r"\bottomrule"])
        columns = "l" + "c" * (len(self.head) - 1)
        caption = _escaped(f"{self.title}. {self.note}".strip())
        return (
            "\\begin{table}\n\\centering\n"
            f"\\caption{{{caption}}}\n\\begin{{tabular}}{{{columns}}}\n{body}\n\\end{{tabular}}\n\\end{{table}}\n"
        )


def _escaped(text: str) -> str:
    return "".join(_LATEX.get(letter, letter) for letter in text)
