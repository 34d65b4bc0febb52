"""Draws the figures of some pictures: one model for both answers, or several models beside each other."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trainer.errors import DataError
from trainer.explanation.choices import METHOD_TITLES
from trainer.explanation.figure import FigureRow, Panel, draw_figure
from trainer.explanation.inputs import ExplanationInput
from trainer.explanation.methods import heat_maps_of_both
from trainer.explanation.target_class import TargetClass

__all__ = ["FIGURE_NAME", "ExplainedPicture", "draw_figures", "draw_side_by_side", "explained_pictures", "in_all"]

FIGURE_NAME = "figure2-{method}.png"
_BOTH_ANSWERS = ("evidence of pain", "evidence of no pain")


def draw_figures(
    explained: ExplanationInput, rows: NDArray[np.int64], methods: Sequence[str], folder: Path
) -> list[Path]:
    """Draw one figure for each method, with the evidence for both answers.

    The two heat maps of a picture share one scale, so that weak evidence does not look as strong as that which decided.

    Args:
        explained: Pictures and networks.
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
        seen = explained_pictures(explained, rows, method)
        path = folder / FIGURE_NAME.format(method=method)
        draw_figure(
            path, f"{explained.title}: {METHOD_TITLES[method]}", _BOTH_ANSWERS, [_row(seen[int(row)]) for row in rows]
        )
        paths.append(path)
    return paths


def draw_side_by_side(
    several_explained: Sequence[ExplanationInput],
    names: Sequence[str],
    count: int,
    method: str,
    folder: Path,
    seed: int = 0,
) -> Path:
    """Draw several models beside each other on the same pictures, each with the evidence for the answer that it gave.

    Args:
        several_explained: At least one.
        names: What each is called where two have one title.
        count: At most so many pictures, of those that all materials hold.
        method: Key of `METHODS`.
        folder: Where the figure is written.
        seed: Decides which pictures.

    Raises:
        DataError: No picture is in all of them.
        CheckpointError: The file cannot be written.
    """
    first = several_explained[0]
    rows_by_hash = [explained.rows_by_hash() for explained in several_explained]
    common = in_all(several_explained)
    hashes = [
        first.study.records[row].sha256
        for row in first.chosen(len(first.study.records), seed)
        if first.study.records[row].sha256 in common
    ][:count]
    if not hashes:
        raise DataError("no picture was tested in all of these runs, so they cannot be drawn side by side")
    seen = [
        explained_pictures(explained, np.array([row_of[sha256] for sha256 in hashes]), method)
        for explained, row_of in zip(several_explained, rows_by_hash, strict=True)
    ]
    figure_rows = []
    for sha256 in hashes:
        each = [found[row_of[sha256]] for found, row_of in zip(seen, rows_by_hash, strict=True)]
        figure_rows.append(FigureRow(each[0].crop, [_answered(picture) for picture in each], each[0].caption))
    titles = [explained.title for explained in several_explained]
    if len(set(titles)) < len(titles):
        titles = list(names)
    path = folder / FIGURE_NAME.format(method=method)
    draw_figure(path, f"Figure 2: {METHOD_TITLES[method]}", titles, figure_rows)
    return path


def in_all(several_explained: Sequence[ExplanationInput]) -> set[str]:
    """Return the SHA-256 of every picture that all of them explain."""
    return set.intersection(*(set(explained.rows_by_hash()) for explained in several_explained))


@dataclass(frozen=True, slots=True)
class ExplainedPicture:
    """A picture with one model's heat maps for both answers, and the probability of pain that it gave."""

    crop: NDArray[np.uint8]
    pain: NDArray[np.float32]
    no_pain: NDArray[np.float32]
    score: float
    caption: str

    @property
    def answer(self) -> str:
        """The answer that was given, in words."""
        return "pain" if self.score >= 0.5 else "no pain"

    @property
    def answered(self) -> NDArray[np.float32]:
        """Shape (S, S): the evidence for the answer that was given."""
        return self.pain if self.score >= 0.5 else self.no_pain


def _row(picture: ExplainedPicture) -> FigureRow:
    top = float(max(picture.pain.max(), picture.no_pain.max()))
    panels = [Panel(picture.crop, heat, top) for heat in (picture.pain, picture.no_pain)]
    return FigureRow(picture.crop, panels, f"{picture.caption}\nscore {picture.score:.2f}")


def _answered(picture: ExplainedPicture) -> Panel:
    """Return the evidence for the answer that was given, on a scale of its own: models have no common one."""
    heat = picture.answered
    other = picture.no_pain if heat is picture.pain else picture.pain
    note = f"{picture.answer} ({picture.score:.2f})"
    return Panel(picture.crop, heat, float(heat.max()) or float(other.max()), note)


def explained_pictures(
    explained: ExplanationInput, rows: NDArray[np.int64], method: str
) -> dict[int, ExplainedPicture]:
    """Return what a model makes of some pictures, by row."""
    study, seen = explained.study, {}
    for part in (part.keeping(rows) for part in explained.parts):
        if not len(part.rows):
            continue
        inputs = explained.inputs(part.rows)
        maps = heat_maps_of_both(method, part.networks, inputs)
        pain, no_pain = maps[TargetClass.PAIN], maps[TargetClass.NO_PAIN]
        for row_of, (row, crop, score) in enumerate(
            zip(part.rows.tolist(), explained.exact(part.rows), part.scores(inputs), strict=True)
        ):
            caption = f"{study.subjects[row]}\n{study.records[row].label.value}"
            seen[row] = ExplainedPicture(crop, pain[row_of], no_pain[row_of], float(score), caption)
    return seen
