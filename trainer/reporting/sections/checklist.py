"""The TRIPOD+AI checklist: filled from the runs where they know, and otherwise saying who must fill it."""

from importlib import resources

import yaml

from trainer.evaluation.tables import Table
from trainer.reporting.document import Grid, Section, Text
from trainer.reporting.gathering import Comparison
from trainer.reporting.sections.checklist_answers import answers

__all__ = ["checklist_section"]

_FILE = "tripod_ai.yaml"


def checklist_section(comparison: Comparison) -> Section:
    """Return all 27 items, parts of an item on lines of their own."""
    items = yaml.safe_load((resources.files("trainer.reporting") / "templates" / _FILE).read_text(encoding="utf-8"))
    filled = answers(comparison)
    rows = []
    for item in items:
        answer, asked = filled.get(item["item"], ""), item.get("researcher", "")
        missing = f"The researcher must {asked}." if asked else ""
        state = "in part" if answer and missing else "from the runs" if answer else "open"
        rows.append([item["item"], item["topic"], item["asks"], state, f"{answer} {missing}".strip()])
    counts = {state: sum(row[3] == state for row in rows) for state in ("from the runs", "in part", "open")}
    summary = (
        f"Of {len(rows)} lines {counts['from the runs']} are filled from the runs, {counts['in part']} in part, and "
        f"{counts['open']} are open. Nothing here is assumed: what the runs do not know is left to the researcher."
    )
    note = "TRIPOD+AI: Collins et al., BMJ 2024;385:e078378, in short words; the original's words hold."
    head = ["Item", "Topic", "Asks for", "State", "Answer"]
    return Section("TRIPOD+AI checklist", (Text(summary), Grid(Table("Checklist", head, rows, note))))
