"""Draws the figures of some pictures: one model for both answers, or several models beside each other."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trainer.errors import DataError
from trainer.explanation.evidence import TargetClass
from trainer.explanation.figure import FigureRow, Panel, draw_figure
from trainer.explanation.inputs import ExplanationInput
from trainer.explanation.methods import heat_maps

__all__ = ["FIGURE_NAME", "draw_figures", "draw_side_by_side"]

FIGURE_NAME = "figure2-{method}.png"
_BOTH_ANSWERS = ("evidence of pain", "evidence of no pain")


def draw_figures(
    material: ExplanationInput, rows: NDArray[np.int64], methods: Sequence[str], folder: Path
) -> list[Path]:
    """Draw one figure for each method, with the evidence for both answers.

    The two heat maps of a picture share one scale, so that weak evidence does not look as strong as that which decided.

    Args:
        material: Pictures and networks.
        rows: Which pictures, in the figure's order.
        methods: Keys of `METHODS`.
        folder: Where the figures are written.

    Returns:
        The figures' files.

    Raises:
        CheckpointError: A file cannot be written.
    """
    paths = []
    for method in methods:
        seen = _seen(material, rows, method)
        path = folder / FIGURE_NAME.format(method=method)
        draw_figure(path, f"{material.title}: {method}", _BOTH_ANSWERS, [_row(seen[int(row)]) for row in rows])
        paths.append(path)
    return paths


def draw_side_by_side(
    materials: Sequence[ExplanationInput], names: Sequence[str], count: int, method: str, folder: Path, seed: int = 0
) -> Path:
    """Draw several models beside each other on the same pictures, each with the evidence for the answer that it gave.

    Args:
        materials: At least one.
        names: What each is called where two have one title.
        count: At most so many pictures, of those that all materials hold.
        method: Key of `METHODS`.
        folder: Where the figure is written.
        seed: Decides which pictures.

    Raises:
        DataError: No picture is in all of them.
        CheckpointError: The file cannot be written.
    """
    first = materials[0]
    places = [material.places() for material in materials]
    common = set.intersection(*(set(place) for place in places))
    hashes = [
        first.study.records[row].sha256
        for row in first.chosen(len(first.study.records), seed)
        if first.study.records[row].sha256 in common
    ][:count]
    if not hashes:
        raise DataError("no picture was tested in all of these runs, so they cannot be drawn side by side")
    seen = [
        _seen(material, np.array([place[sha256] for sha256 in hashes]), method)
        for material, place in zip(materials, places, strict=True)
    ]
    drawn = []
    for sha256 in hashes:
        each = [found[place[sha256]] for found, place in zip(seen, places, strict=True)]
        drawn.append(FigureRow(each[0].crop, [_answered(picture) for picture in each], each[0].caption))
    titles = [material.title for material in materials]
    if len(set(titles)) < len(titles):
        titles = list(names)
    path = folder / FIGURE_NAME.format(method=method)
    draw_figure(path, f"Figure 2: {method}", titles, drawn)
    return path


@dataclass(frozen=True, slots=True)
class _Seen:
    """A picture with one model's heat maps for both answers, and the probability of pain that it gave."""

    crop: NDArray[np.uint8]
    pain: NDArray[np.float32]
    no_pain: NDArray[np.float32]
    score: float
    caption: str


def _row(picture: _Seen) -> FigureRow:
    top = float(max(picture.pain.max(), picture.no_pain.max()))
    panels = [Panel(picture.crop, heat, top) for heat in (picture.pain, picture.no_pain)]
    return FigureRow(picture.crop, panels, f"{picture.caption}\nscore {picture.score:.2f}")


def _answered(picture: _Seen) -> Panel:
    """Return the evidence for the answer that was given, on a scale of its own: models have no common one."""
    says_pain = picture.score >= 0.5
    heat, other = (picture.pain, picture.no_pain) if says_pain else (picture.no_pain, picture.pain)
    note = f"{'pain' if says_pain else 'no pain'} ({picture.score:.2f})"
    return Panel(picture.crop, heat, float(heat.max()) or float(other.max()), note)


def _seen(material: ExplanationInput, rows: NDArray[np.int64], method: str) -> dict[int, _Seen]:
    """Return what a model makes of some pictures, by row."""
    study, seen = material.study, {}
    for part in (part.keeping(rows) for part in material.parts):
        if not len(part.rows):
            continue
        inputs = material.inputs(part.rows)
        pain, no_pain = (heat_maps(method, part.networks, inputs, evidence) for evidence in TargetClass)
        for place, (row, crop, score) in enumerate(
            zip(part.rows.tolist(), material.exact(part.rows), part.scores(inputs), strict=True)
        ):
            caption = f"{study.subjects[row]}\n{study.records[row].label.value}"
            seen[row] = _Seen(crop, pain[place], no_pain[place], float(score), caption)
    return seen
