"""Figure 2 of the dissertation: the crop, its heat map, and both laid over each other."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from trainer.atomic_file import write_atomically

__all__ = ["FigureRow", "Panel", "coloured", "draw_figure", "overlaid"]

_INCHES = 1.7
_HEAD_INCHES = 0.75
_OPACITY = 0.55


@dataclass(frozen=True, slots=True)
class Panel:
    """One heat map of a picture, drawn twice: by itself, and over the crop.

    Attributes:
        crop: What the heat map is laid over, shape (S, S, 3), uint8, RGB.
        heat: Shape (S, S), not negative.
        top: The value that is drawn red; that of several panels that are to be compared.
        note: A few words above the pair of pictures in this row; "" for none.
    """

    crop: NDArray[np.uint8]
    heat: NDArray[np.float32]
    top: float
    note: str = ""


@dataclass(frozen=True, slots=True)
class FigureRow:
    """One picture of the figure.

    Attributes:
        crop: Shape (S, S, 3), uint8, RGB.
        panels: One for each of the figure's titles.
        caption: A few lines.
    """

    crop: NDArray[np.uint8]
    panels: Sequence[Panel]
    caption: str


def coloured(heat: NDArray[np.float32], top: float) -> NDArray[np.uint8]:
    """Return a heat map in colours from blue (0) to red (`top`), shape (S, S, 3), RGB; all blue if `top` is 0."""
    share = np.clip(heat / top, 0.0, 1.0) if top > 0 else np.zeros_like(heat)
    colours: NDArray[np.uint8] = colormaps["jet"](share, bytes=True)[..., :3]
    return colours


def overlaid(crop: NDArray[np.uint8], colours: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the colours over the crop in grey, shape (S, S, 3), RGB."""
    grey = cv2.cvtColor(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    return np.asarray(cv2.addWeighted(colours, _OPACITY, grey, 1.0 - _OPACITY, 0.0), np.uint8)


def draw_figure(path: Path, title: str, titles: Sequence[str], rows: Sequence[FigureRow]) -> None:
    """Draw one row for each picture: the crop, and each panel's heat map and overlay.

    Heat maps are drawn from nothing (blue) to their panel's `top` (red). Where that is 0, the figure says so: the
    network's last units were all silent, and its answer is a constant.

    Args:
        path: Of the PNG file.
        title: Model and method.
        titles: One for each panel of a row.
        rows: At least one.

    Raises:
        CheckpointError: The file cannot be written.
    """
    columns = 1 + 2 * len(titles)
    height = _INCHES * len(rows) + _HEAD_INCHES
    figure = Figure(figsize=(_INCHES * columns + 1.4, height), dpi=130)
    FigureCanvasAgg(figure)
    figure.suptitle(title, parse_math=False, fontsize=10, y=1.0 - 0.12 / height, va="top")
    axes = figure.subplots(len(rows), columns, squeeze=False)
    for line, row in zip(axes, rows, strict=True):
        pictures = [row.crop]
        for panel in row.panels:
            colours = coloured(panel.heat, panel.top)
            pictures += [colours, overlaid(panel.crop, colours)]
        for axis, picture in zip(line, pictures, strict=True):
            axis.imshow(picture)
            axis.set_xticks([])
            axis.set_yticks([])
        for axis, panel in zip(line[1::2], row.panels, strict=True):
            if panel.top <= 0.0:
                _write(axis, 0.5, "center", "no gradient:\nconstant answer")
            if panel.note:
                _write(axis, 0.98, "top", panel.note)
        line[0].set_ylabel(row.caption, parse_math=False, fontsize=7, rotation=0, ha="right", va="center", labelpad=4)
    for axis, name in zip(axes[0], ["original", *(name for own in titles for name in (own, "overlay"))], strict=True):
        axis.set_title(name, fontsize=8, parse_math=False)
    figure.subplots_adjust(
        left=0.14, right=0.995, bottom=0.05 / height, top=1.0 - _HEAD_INCHES / height, wspace=0.04, hspace=0.04
    )
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    write_atomically(path, buffer.getvalue())


def _write(axis: Axes, y: float, where: str, text: str) -> None:
    """Write a few words into a picture, at a height from 0 to 1."""
    behind = {"facecolor": "black", "alpha": 0.45, "edgecolor": "none", "pad": 1.5}
    axis.text(
        0.5,
        y,
        text,
        parse_math=False,
        transform=axis.transAxes,
        ha="center",
        va=where,
        color="white",
        fontsize=7,
        bbox=behind,
    )
