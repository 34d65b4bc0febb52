"""The reference of the configuration is made from its fields, and leaves none out."""

import re

from deploy.configuration import PAGE, page_text
from monitor.config import StationConfig


def test_the_page_is_fresh():
    assert PAGE.read_text(encoding="utf-8") == page_text(), "write it again: python -m deploy.configuration"


def test_every_field_has_a_value_a_default_and_a_meaning():
    rows = re.findall(r"^\| `(\w+)` \| (.*) \| (.*) \| (.*) \|$", page_text(), flags=re.MULTILINE)
    assert len(rows) > 90
    assert [row for row in rows if not all(cell.strip() for cell in row)] == []
    assert not re.search(r"\*{4}|<class|typing", page_text())


def test_the_bounds_are_those_that_the_program_checks():
    text = page_text()
    assert "| `port` | whole number, from 0 to 65535 | `9108` |" in text
    assert "| `hold_seconds` | number, above 0 to 86400 | `3` |" in text
    assert "| `id` | name: letters, digits, `_`, `.`, `-` | `station-1` |" in text
    assert "| `preview` | `off`, `blurred`, `full` | `off` |" in text
    assert "| `password` | text, secret | none |" in text
    assert set(StationConfig.model_fields) <= set(re.findall(r"^## `(\w+)", text, flags=re.MULTILINE))
