"""Figure 2 of the dissertation: the crop, its heat map, and both laid over each other."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from matplotlib import colormaps
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from trainer.training.storage import write_atomically

__all__ = ["FigureRow", "coloured", "draw_figure", "overlaid"]

_INCHES = 1.7
_HEAD_INCHES = 0.75
_OPACITY = 0.55
_COLUMNS = ("original", "evidence of pain", "overlay", "evidence of no pain", "overlay")


@dataclass(frozen=True, slots=True)
class FigureRow:
    """One picture of the figure.

    Attributes:
        crop: Shape (S, S, 3), uint8, RGB.
        pain: Evidence of pain, shape (S, S), not negative.
        no_pain: Evidence of no pain, likewise.
        caption: A few lines.
    """

    crop: NDArray[np.uint8]
    pain: NDArray[np.float32]
    no_pain: NDArray[np.float32]
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


def draw_figure(path: Path, title: str, rows: Sequence[FigureRow]) -> None:
    """Draw one row for each picture: the crop, and heat map and overlay for both answers.

    The two heat maps of a picture share one scale, from nothing (blue) to the larger one's maximum (red), so that weak
    evidence does not look as strong as that which decided. Where both are empty, the figure says so: the network's last
    units were all silent, and its answer is a constant.

    Args:
        path: Of the PNG file.
        title: Model and method.
        rows: At least one.

    Raises:
        CheckpointError: The file cannot be written.
    """
    height = _INCHES * len(rows) + _HEAD_INCHES
    figure = Figure(figsize=(_INCHES * len(_COLUMNS) + 1.4, height), dpi=130)
    FigureCanvasAgg(figure)
    figure.suptitle(title, fontsize=10, y=1.0 - 0.12 / height, va="top")
    axes = figure.subplots(len(rows), len(_COLUMNS), squeeze=False)
    for line, row in zip(axes, rows, strict=True):
        top = float(max(row.pain.max(), row.no_pain.max()))
        pictures = [row.crop]
        for heat in (row.pain, row.no_pain):
            colours = coloured(heat, top)
            pictures += [colours, overlaid(row.crop, colours)]
        for axis, picture in zip(line, pictures, strict=True):
            axis.imshow(picture)
            axis.set_xticks([])
            axis.set_yticks([])
        if top <= 0.0:
            for axis in (line[1], line[3]):
                place = {"transform": axis.transAxes, "ha": "center", "va": "center"}
                axis.text(0.5, 0.5, "no gradient:\nconstant answer", color="white", fontsize=7, **place)
        line[0].set_ylabel(row.caption, fontsize=7, rotation=0, ha="right", va="center", labelpad=4)
    for axis, name in zip(axes[0], _COLUMNS, strict=True):
        axis.set_title(name, fontsize=8)
    figure.subplots_adjust(
        left=0.14, right=0.995, bottom=0.05 / height, top=1.0 - _HEAD_INCHES / height, wspace=0.04, hspace=0.04
    )
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    write_atomically(path, buffer.getvalue())
