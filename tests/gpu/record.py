"""Writes what ran on a GPU into docs/engines.md: `python tests/gpu/record.py RESULTS docs/engines.md`.

A step that did not run, failed, or was only rehearsed leaves no number behind; one that was cut short says so.
"""

import json
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

_REMARK = "Since then some of this has run: the records at the end of this page say what, and on which GPU."


def record(results: Path, day: str) -> str:
    """Return the record of all steps that ran, as Markdown; empty where none did."""
    steps = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(results.glob("[a-f]_*.json"))]
    # What a step measured before it was cut short is measured.
    ended = {"ran", "cut short"}
    ran = [step for step in steps if step["outcome"] in ended and step["numbers"] and not step["is_rehearsal"]]
    if not ran:
        return ""
    lines = [f"## Record: {day}, {ran[0]['device']}", "", "Made by `tests/gpu/run.sh run`."]
    for step in ran:
        cut = ", cut short" if step["outcome"] == "cut short" else ""
        lines += ["", f"### {step['step']}{cut}", "", "| what | measured |", "|---|---|"]
        lines += [f"| {what} | {value} |" for what, value in _rows(step["numbers"])]
    others = [step for step in steps if step not in ran]
    if others:
        reasons = ", ".join(f"{step['step']} ({step.get('reason', step['outcome'])})" for step in others)
        lines += ["", f"Not run to their end: {reasons}."]
    return "\n".join(lines) + "\n"


def _rows(numbers: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    rows = []
    for name, value in numbers.items():
        if isinstance(value, dict):
            rows += _rows(value, f"{prefix}{name}, ")
        else:
            rows.append((f"{prefix}{name}", f"{value:.4g}" if isinstance(value, float) else str(value)))
    return rows


def add(page: str, text: str) -> str:
    """Return a page with a record at its end, and with a remark where it says that nothing has run on a GPU."""
    if _REMARK not in page:
        page = re.sub(r"^(## Record: .*no GPU at hand.*)$", rf"\1\n\n{_REMARK}", page, count=1, flags=re.MULTILINE)
    return f"{page.rstrip()}\n\n{text}"


def main() -> None:
    """Add the record to the page."""
    results, page = Path(sys.argv[1]), Path(sys.argv[2])
    text = record(results, datetime.now(UTC).date().isoformat())
    if not text:
        print("no step ran on a GPU; the record stays as it is")
        return
    page.write_text(add(page.read_text(encoding="utf-8"), text), encoding="utf-8")
    print(f"{page} has the record now")


if __name__ == "__main__":
    main()
