"""Infant by infant, and stimulus by stimulus."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from trainer.evaluation.comparison import groups_table
from trainer.evaluation.run_summary import RunSummary
from trainer.evaluation.tables import Table
from trainer.reporting.document import Block, Grid, Notice, Picture, Section, Text
from trainer.reporting.gathering import Comparison
from trainer.reporting.plotting import axes_grid, bar_of, bar_words, colour_of, legend_below, plain, svg_of
from trainer.reporting.words import percent, share_of, with_interval

__all__ = ["CONFUSERS", "groups_section", "infants_section", "stimuli_section"]

CONFUSERS = ("cry", "air", "friction")


def stimuli_section(comparison: Comparison) -> Section:
    """Return how often pain was predicted for each stimulus: crying, air puffs and friction are mistaken for it."""
    blocks: list[Block] = [
        Text(
            "A model that has learnt 'mouth open' calls crying pain; stimuli that were not trained on show that. The "
            "folded tables have, too, the AUC of separating the tested pictures of pain from each stimulus."
        )
    ]
    for number, data in enumerate(comparison.data):
        entries = [part.entry for part in comparison.of(data)]
        known = {found["stimulus"] for entry in entries for found in entry.metrics["per_stimulus"]}
        absent = [name for name in CONFUSERS if name not in known]
        if absent:
            text = f"{data}: no picture shows {', '.join(absent)}, so nothing is known about mistaking that for pain."
            blocks.append(Notice(text))
        blocks.append(_stimuli_picture(comparison, data, entries, number))
        blocks.append(Grid(_called_table(data, entries)))
        blocks += [Grid(_stimuli_table(entry), folded=True) for entry in entries]
    return Section("What is mistaken for pain", tuple(blocks))


def _stimuli_picture(comparison: Comparison, data: str, entries: list[RunSummary], number: int) -> Picture:
    names = sorted({found["stimulus"] for entry in entries for found in entry.metrics["per_stimulus"]})
    figure, (axis,) = axes_grid(1, width=7.2, height=1.0 + (0.16 * len(entries) + 0.1) * len(names))
    for index, entry in enumerate(entries):
        _bars(axis, entry, names, index, len(entries), colour_of(entry, comparison.models))
    axis.set(xlim=(0, 1), xlabel="share of pictures called pain, with 95 % interval over infants")
    axis.set_yticks(np.arange(len(names)), [plain(name) for name in names])
    axis.invert_yaxis()
    axis.set_title(plain(data))
    legend_below(figure, [axis], columns=2)
    alt = f"Bars: for each stimulus of {data} the share of pictures called pain by each run; numbers in the tables."
    caption = f"How often pain was predicted, {data}. {bar_words(entries)}"
    return Picture(f"stimuli-{number + 1}", "svg", svg_of(figure), alt, caption)


def _bars(axis: Axes, entry: RunSummary, names: list[str], index: int, count: int, colour: str) -> None:
    found = {item["stimulus"]: item for item in entry.metrics["per_stimulus"]}
    height, shown = 0.8 / count, [name for name in names if name in found]
    positions = np.array([names.index(name) for name in shown]) - 0.4 + (index + 0.5) * height
    shares = np.array([found[name]["said_pain_share"] for name in shown])
    label = f"{plain(entry.title)}, {entry.protocol}"
    filled = bar_of(entry, colour)
    axis.barh(positions, shares, 0.85 * height, **filled, edgecolor=colour, lw=1.0, alpha=0.85, label=label)
    for y, share, name in zip(positions, shares, shown, strict=True):
        ends = _ends(found[name])
        if ends is not None:
            axis.plot([min(ends[0], share), max(ends[1], share)], [y, y], color="#8a8f98", lw=1.2)


def _ends(found: dict[str, Any]) -> tuple[float, float] | None:
    interval = found.get("said_pain_interval") or {}
    low, high = interval.get("low"), interval.get("high")
    return None if low is None or high is None else (low, high)


def _called_table(data: str, entries: list[RunSummary]) -> Table:
    by_entry = [{found["stimulus"]: found for found in entry.metrics["per_stimulus"]} for entry in entries]
    rows = []
    for name in sorted({name for found in by_entry for name in found}):
        known = [found[name] for found in by_entry if name in found]
        row = [name, "yes" if any(item["trained_on"] for item in known) else "no"]
        row.append(str(max(item["subjects"] for item in known)))
        rows.append([*row, *(_called(found.get(name)) for found in by_entry)])
    head = ["Stimulus", "Trained on", "Infants", *(f"{entry.title}, {entry.protocol}" for entry in entries)]
    note = "Share of answers that are pain, with the 95 % interval over infants."
    return Table(f"Called pain, {data}", head, rows, note)


def _called(found: dict[str, Any] | None) -> str:
    if found is None:
        return "-"
    ends = _ends(found)
    share = percent(found["said_pain_share"])
    return share if ends is None else f"{share} [{100 * ends[0]:.0f}, {100 * ends[1]:.0f}]"


def _stimuli_table(entry: RunSummary) -> Table:
    head = ["Stimulus", "Trained on", "Infants", "Called pain", "95 % interval", "Mean score", "AUC of pain against it"]
    rows = []
    for found in entry.metrics["per_stimulus"]:
        ends, area = _ends(found), found.get("auc_of_pain_against_it")
        rows.append(
            [
                found["stimulus"],
                "yes" if found["trained_on"] else "no",
                str(found["subjects"]),
                share_of(found["said_pain"], found["pictures"]),
                "-" if ends is None else f"{percent(ends[0])} to {percent(ends[1])}",
                f"{found['mean_score']:.2f}",
                "-" if area is None else with_interval(area).replace("95 % interval ", ""),
            ]
        )
    return Table(f"Stimuli: {entry.title}, {entry.protocol}, {entry.data}", head, rows)


def groups_section(comparison: Comparison) -> Section:
    """Return how each run does in each group of infants: sex, skin tone, gestation, device, data set."""
    table = groups_table(comparison.entries, comparison.groups)
    if table.rows:
        return Section("Groups of infants", (Grid(table),))
    text = "No manifest has a column that divides its pictures, such as sex, skin tone, gestation or device."
    return Section("Groups of infants", (Text(text),))


def infants_section(comparison: Comparison) -> Section:
    """Return right answers of each infant by each run."""
    head = ["Model", "Protocol", "Data", "Infants", "Lowest accuracy", "Median", "Highest", "No better than half"]
    rows = []
    for entry in comparison.entries:
        shares = [found["accuracy"] for found in entry.metrics["per_subject"]]
        ends = [percent(value) for value in (min(shares), float(np.median(shares)), max(shares))]
        bad = share_of(sum(share <= 0.5 for share in shares), len(shares))
        rows.append([entry.title, entry.protocol, entry.data, str(len(shares)), *ends, bad])
    note = "Over the infants; few pictures of an infant make its accuracy coarse."
    blocks: list[Block] = [Grid(Table("Accuracy by infant", head, rows, note))]
    for data in comparison.data:
        entries = [part.entry for part in comparison.of(data)]
        blocks.append(Grid(_infants_table(data, entries), folded=True))
    return Section("Infant by infant", tuple(blocks))


def _infants_table(data: str, entries: list[RunSummary]) -> Table:
    found = [{item["subject"]: item for item in entry.metrics["per_subject"]} for entry in entries]
    names = sorted({name for items in found for name in items})
    rows = [[name, *(_right(items.get(name)) for items in found)] for name in names]
    head = ["Infant", *(f"{entry.title}, {entry.protocol}" for entry in entries)]
    return Table(f"Right answers of each infant, {data}", head, rows, "Right answers of all answers; with mean score.")


def _right(item: dict[str, Any] | None) -> str:
    if item is None:
        return "not tested"
    right = item.get("right", round(item["accuracy"] * item["pictures"]))
    return f"{right} of {item['pictures']}, {item['mean_score']:.2f}"
