"""Tables hold whatever text they are given, in every format."""

import csv
import io
import re
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from trainer.evaluation.tables import Table

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=40)
HOSTILE = r"<b>|*_`[a](javascript:x)~~$x$&amp;\ ~^#%{}"


def cells_of(markdown):
    """Return a table's cells as a Markdown renderer shows them."""
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(markdown)
    lines = [token for before, token in pairwise(tokens) if before.type in {"th_open", "td_open"}]
    shown = []
    for line in lines:
        assert {child.type for child in line.children} <= {"text", "text_special"}, "something was made of the text"
        shown.append("".join(child.content for child in line.children))
    return shown


@settings(max_examples=150, deadline=None)
@given(TEXT, TEXT)
def test_markdown_shows_a_cell_as_it_is(first, second):
    table = Table("Title", ["one", "two"], [[first, second]])

    assert cells_of(table.markdown())[2:] == [" ".join(first.split()), " ".join(second.split())]


def test_nothing_hostile_becomes_markup():
    assert cells_of(Table("Title", ["one"], [[HOSTILE]]).markdown())[1] == HOSTILE


@settings(max_examples=50, deadline=None)
@given(TEXT)
def test_csv_is_read_back(text):
    assert list(csv.reader(io.StringIO(Table("Title", ["one"], [[text]]).csv(), newline="")))[1] == [text]


def test_latex_has_no_bare_special_and_as_many_columns_as_it_says():
    table = Table("All & sundry", ["model", "a", "b"], [[HOSTILE, "87.2 ± 3.6", "5 % <x>"]], "n = 77")

    text = table.latex()
    rows = [line for line in text.splitlines() if line.endswith(r"\\")]

    assert r"\begin{tabular}{lcc}" in text
    assert [len(re.findall(r"(?<!\\)&", row)) for row in rows] == [2, 2]
    assert text.count("{") == text.count("}")
    bare = re.sub(r"\\[a-z]+|\\.|\$\\pm\$|[{}&]", "", rows[1])
    assert not set(bare) & set("%$#_~^<>|")


def test_a_wide_table_is_shrunk_to_the_line():
    wide = Table("Wide", [str(column) for column in range(12)], [["x"] * 12])

    assert r"\resizebox{\linewidth}{!}{%" in wide.latex()
    assert r"\resizebox" not in Table("Narrow", ["a", "b"], [["x", "y"]]).latex()


@given(st.text(max_size=40))
def test_plain_latex_knows_every_letter_that_is_written(cell):
    text = Table("≥ 50 %", ["\u22121", "\u00d7"], [[cell, "87 ± 3"]], "µ ≤ \u03c3 → °").latex()

    assert all(letter <= "\u017f" or letter in "\u2013\u2014\u2018\u2019\u201c\u201d\u2026" for letter in text)
