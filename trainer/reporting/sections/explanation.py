"""Where the networks look, and what their answers hang on."""

import io
from pathlib import Path
from typing import Any

from PIL import Image

from trainer.evaluation.tables import Table
from trainer.explanation import METHOD_TITLES, intervention_tables, probe_table, score_tables
from trainer.reporting.document import Block, Grid, Notice, Picture, Section, Text, anchor
from trainer.reporting.explaining import Explained
from trainer.reporting.gathering import Comparison, Reported
from trainer.reporting.words import with_interval

__all__ = ["explanation_section", "silent_maps"]

_JPEG_QUALITY = 85


def explanation_section(comparison: Comparison) -> Section:
    """Return the figures, their scores and the interventions of every run that was explained."""
    blocks: list[Block] = [
        Text(
            "Every picture is explained by networks of the fold that tested it. Each cell of a Grad-CAM map is drawn "
            "where the network's own geometry says that it looks; stretching N-CNN's map over the crop would push its "
            "heat up to a tenth of the crop outwards. A heat map is a hint; the interventions are a measurement."
        )
    ]
    shown = {part.entry.data for part in comparison.reported if part.entry.name in comparison.explained}
    if real := sorted(name for name in shown if not comparison.data[name].is_synthetic):
        blocks.append(
            Notice(
                f"The figures below show faces from {', '.join(real)}. Give this page to nobody who may not see the "
                "photographs; a report with --no-explain shows no face."
            )
        )
    blocks += [
        Picture(
            f"figure2-beside-{anchor(data)}",
            "jpg",
            _smaller(path),
            f"{data}: for each picture the crop, and for each network the heat map of its answer and the overlay.",
            f"{data}: the networks side by side, each with what spoke for the answer that it gave, on its own scale.",
        )
        for data, path in comparison.beside.items()
    ]
    for part in comparison.reported:
        name = part.entry.name
        if name in comparison.explained:
            blocks += _of_run(part, comparison.explained[name])
        elif part.is_network:
            where = f"{part.entry.title}, {part.entry.protocol}, {part.entry.data}"
            blocks.append(Text(f"{where}: not explained: {comparison.unexplained.get(name, 'not asked for')}."))
    if not any(part.is_network for part in comparison.reported):
        blocks = [Text("No run has a network of its own; there is no map to draw.")]
    return Section("Where the networks look", tuple(blocks))


def _of_run(part: Reported, explained: Explained) -> list[Block]:
    where = f"{part.entry.title}, {part.entry.protocol}, {part.entry.data}"
    blocks: list[Block] = [
        Picture(
            f"figure2-{part.key}-{anchor(method)}",
            "jpg",
            _smaller(path),
            f"{METHOD_TITLES[method]} of {where}: for each picture the crop, the evidence of pain, its overlay on the "
            "crop, the evidence of no pain, and its overlay.",
            f"{where}: {METHOD_TITLES[method]}, for both answers on one scale (blue: nothing, red: most).",
        )
        for method, path in explained.figures.items()
    ]
    if explained.scores is not None:
        blocks += [Notice(sentence) for sentence in silent_maps(where, explained.scores)]
        blocks += [Grid(_named(table, where)) for table in score_tables(explained.scores)]
    if explained.interventions is not None:
        blocks.append(Text(f"{where}: {_verdict(explained.interventions)}"))
        blocks += [Grid(_named(table, where)) for table in intervention_tables(explained.interventions)]
    if explained.probes is not None:
        blocks.append(Grid(_named(probe_table(explained.probes), where)))
    return blocks


def _smaller(path: Path) -> bytes:
    """Return a figure as JPEG: a page that holds a dozen of them should still go into a letter."""
    buffer = io.BytesIO()
    with Image.open(path) as image:
        image.convert("RGB").save(buffer, format="JPEG", quality=_JPEG_QUALITY, subsampling=0)
    return buffer.getvalue()


def _named(table: Table, where: str) -> Table:
    return Table(f"{table.title}: {where}", table.head, table.rows, table.note)


def silent_maps(where: str, scores: dict[str, Any]) -> list[str]:
    """Return a sentence for each answer whose Grad-CAM was empty: nothing in the picture argued for it."""
    return [
        f"{where}: Grad-CAM was empty for {entry['empty']} of {entry['pictures']} answers '{entry['answer']}'. The "
        "hidden units before the output were silent there, so the answer is the network's constant and not something "
        "that it saw."
        for entry in scores["maps"]
        if entry["method"] == "grad-cam" and entry["empty"]
    ]


def _verdict(found: dict[str, Any]) -> str:
    """Return what the interventions say in words."""
    background, swap = found["auc"]["background"], found["background_swap"]
    text = f"with the face filled in, the AUC is {with_interval(background)}; "
    low, high = background["low"], background["high"]
    if low is None or high is None:
        text += "its interval is not defined. "
    elif low > 0.5 or high < 0.5:
        text += "what lies beside the face reveals the label to this model: a shortcut, or how the face was cut. "
    else:
        text += "that is no better than chance. "
    if swap["flip_rate"] is None:
        return text + "No background could be swapped."
    return text + (
        f"With the background of another infant and of the other label, {100 * swap['flip_rate']:.0f} % of "
        f"{swap['pictures']} answers flipped and the probability moved by {swap['mean_change']:.3f} on average."
    )
