"""Makes the tables of docs/reliability.md from what the fault tests measured.

tests/faults/results.json holds the newest result of every fault test; `make reliability` renews those of the quick
ones, `make faults-slow` those of the slow ones.
"""

import sys
from collections import defaultdict
from pathlib import Path

from reliability import Measurement, Record, load, published

REPOSITORY = Path(__file__).resolve().parents[2]
FOLDER = REPOSITORY / "tests" / "faults"
RESULTS = FOLDER / "results.json"
PAGE = REPOSITORY / "docs" / "reliability.md"

OBJECTIVES = {
    "frame age": "Age of a frame at its decision: p99 <= 500 ms at rated load",
    "camera loss": "Alarm <= 5 s after a camera's loss; frames analysed <= 3 s after the stream returns",
    "frozen picture": "Alarm <= 10 s after a picture stands still although the stream goes on",
    "publishing": "An alert is in the stream <= 2 s after its condition was determined",
    "nothing lost": "No alert is lost in any outage of Redis that the disk can hold",
    "start": "First decision <= 30 s after the start; a restart runs <= 5 s after it",
}


def rows() -> list[list[Record]]:
    """Return the results, those of one test together, in the order of files and names."""
    by_test: dict[str, list[Record]] = defaultdict(list)
    for record in load(RESULTS):
        by_test[record.test].append(record)
    return [by_test[test] for test in sorted(by_test)]


def faults_table() -> str:
    """Return one line for every fault test."""
    lines = ["| Fault | How it is injected | Promise | Measured | Test |", "|---|---|---|---|---|"]
    for records in rows():
        newest = records[-1]
        cells = (newest.fault, newest.injected, newest.promise, _measured(records), _link(newest.test))
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)


def objectives_table() -> str:
    """Return one line for every objective, with the tests that show it."""
    lines = ["| Objective | Measured | Shown by |", "|---|---|---|"]
    for name, words in OBJECTIVES.items():
        shown = [records for records in rows() if records[0].slo == name]
        measured = "; ".join(dict.fromkeys(_measured(records) for records in shown))
        lines.append(f"| {words} | {measured} | {', '.join(_link(records[0].test) for records in shown)} |")
    return "\n".join(lines)


def _measured(records: list[Record]) -> str:
    """Say the worst item of every name, over all variants of a test."""
    worst: dict[str, Measurement] = {}
    for item in (item for record in records for item in published(record)):
        if item.name not in worst or item.value > worst[item.name].value:
            worst[item.name] = item
    words = [_say(item) for item in worst.values()]
    load_text = f"load {max(record.load for record in records):.1f} a core"
    if any(len(published(record)) < len(record.measurements) for record in records):
        load_text += ", too busy to show all durations"
    runs = f"{len(records)} variants, " if len(records) > 1 else ""
    return f"{', '.join(words) or 'holds'} ({runs}{load_text}, {max(record.at for record in records)})"


def _say(item: Measurement) -> str:
    limit = "" if item.limit is None else f" of {item.limit:g}"
    value = f"{item.value:.2f}" if item.unit in {"s", "MB", "MB/h", "x", "h"} else f"{item.value:g}"
    return f"{item.name} {value}{limit} {item.unit}".rstrip()


def _link(test: str) -> str:
    file, _, name = test.partition("::")
    return f"[{name.removeprefix('test_').replace('_', ' ')}](../{file})"


def with_tables(page: str) -> str:
    """Return the page with both tables renewed between their marks."""
    for name, table in (("objectives", objectives_table()), ("faults", faults_table())):
        begin, end = f"<!-- {name}: made by `make reliability` -->\n", f"\n<!-- end of {name} -->"
        before, mark, rest = page.partition(begin)
        _, second_mark, after = rest.partition(end)
        if not mark or not second_mark:
            sys.exit(f"{PAGE} lacks the marks of the table of {name}")
        page = before + begin + table + end + after
    return page


def main() -> None:
    """Renew the page."""
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
