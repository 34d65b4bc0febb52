"""Draws the figures of some pictures of a study, one for each method."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trainer.explanation.evidence import Evidence
from trainer.explanation.figure import FigureRow, draw_figure
from trainer.explanation.material import Material, Part
from trainer.explanation.methods import heat_maps

__all__ = ["FIGURE_NAME", "draw_figures"]

FIGURE_NAME = "figure2-{method}.png"


def draw_figures(material: Material, rows: NDArray[np.int64], methods: Sequence[str], folder: Path) -> list[Path]:
    """Draw one figure for each method.

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
        drawn: dict[int, FigureRow] = {}
        for part in material.parts:
            drawn |= _rows(material, part.keeping(rows), method)
        path = folder / FIGURE_NAME.format(method=method)
        draw_figure(path, f"{material.title}: {method}", [drawn[int(row)] for row in rows])
        paths.append(path)
    return paths


def _rows(material: Material, part: Part, method: str) -> dict[int, FigureRow]:
    if not len(part.rows):
        return {}
    inputs = material.inputs(part.rows)
    pain, no_pain = (heat_maps(method, part.networks, inputs, evidence) for evidence in Evidence)
    crops, scores = material.exact(part.rows), part.scores(inputs)
    study = material.study
    captions = [
        f"{study.subjects[row]}\n{study.records[row].label.value}\nscore {score:.2f}"
        for row, score in zip(part.rows, scores, strict=True)
    ]
    return {int(row): FigureRow(*parts) for row, *parts in zip(part.rows, crops, pain, no_pain, captions, strict=True)}
