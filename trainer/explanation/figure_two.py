"""The dissertation's Figure 2 in its own shape: pictures of several runs as rows, what was made of each as columns."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from trainer.atomic_file import write_atomically
from trainer.explanation.choices import METHOD_TITLES, SEGMENT_AT
from trainer.explanation.drawing import ExplainedPicture, explained_pictures
from trainer.explanation.figure import coloured, overlaid
from trainer.explanation.inputs import ExplanationInput

__all__ = ["FIGURE_TWO_NAME", "draw_figure_two", "segmented"]

FIGURE_TWO_NAME = "figure2-databases-{method}.png"
_BLANK = 255
_INCHES, _HEAD_INCHES, _WORDS_INCHES = 1.3, 0.9, 0.95
_WORDS = 3


def segmented(crop: NDArray[np.uint8], heat: NDArray[np.float32], threshold: float = SEGMENT_AT) -> NDArray[np.uint8]:
    """Return the crop where its heat map reaches a share of its maximum, and white elsewhere.

    Args:
        crop: Shape (S, S, 3), RGB.
        heat: Shape (S, S), not negative; a map without heat has no segment.
        threshold: In (0, 1].
    """
    top = float(heat.max())
    inside = (heat >= threshold * top) & (top > 0.0)
    return np.where(inside[..., None], crop, np.uint8(_BLANK))


def draw_figure_two(
    several_explained: Sequence[ExplanationInput],
    count: int,
    method: str,
    folder: Path,
    seed: int = 0,
    threshold: float = SEGMENT_AT,
) -> Path:
    """Draw pictures of pain and of no pain of every run: database, label, prediction, and four views of the crop.

    The views are the original, the heat map of the given answer, the overlay and the segmentation. The runs may be of
    different data sets: every picture is explained by the networks of its own run.

    Args:
        several_explained: At least one.
        count: At most so many pictures of each run; the labels alternate.
        method: Key of `METHODS`.
        folder: Where the figure is written.
        seed: Decides which pictures.
        threshold: Share of the map's maximum from which on a position belongs to the segmentation.

    Returns:
        The figure's file.

    Raises:
        CheckpointError: The file cannot be written.
    """
    rows: list[tuple[tuple[str, str, str], ExplainedPicture]] = []
    for explained in several_explained:
        chosen = explained.chosen(count, seed)
        pictures = explained_pictures(explained, chosen, method)
        for row in chosen.tolist():
            record, picture = explained.study.records[row], pictures[row]
            database = record.data_set.upper()
            if len({other.title for other in several_explained}) > 1:
                database += f"\n{explained.title}"
            label = record.label.value.replace("_", " ")
            rows.append(((database, label, f"{picture.answer}\n({picture.score:.2f})"), picture))
    path = folder / FIGURE_TWO_NAME.format(method=method)
    write_atomically(path, _drawn(rows, method, threshold))
    return path


def _drawn(rows: Sequence[tuple[tuple[str, str, str], ExplainedPicture]], method: str, threshold: float) -> bytes:
    title = METHOD_TITLES[method]
    names = ["database", "label", "prediction", "original", title, "overlay"]
    names.append(f"segmentation\n(≥ {threshold:.0%} of the maximum)")
    widths = [_WORDS_INCHES] * _WORDS + [_INCHES] * (len(names) - _WORDS)
    height = _INCHES * len(rows) + _HEAD_INCHES
    figure = Figure(figsize=(sum(widths), height), dpi=130)
    FigureCanvasAgg(figure)
    heading = f"Figure 2: {title}, evidence for the given answer"
    figure.suptitle(heading, fontsize=10, y=1.0 - 0.1 / height, va="top", parse_math=False)
    axes = figure.subplots(len(rows), len(names), squeeze=False, gridspec_kw={"width_ratios": widths})
    for line, (words, picture) in zip(axes, rows, strict=True):
        for axis, word in zip(line, words, strict=False):
            axis.axis("off")
            axis.text(0.5, 0.5, word, parse_math=False, ha="center", va="center", fontsize=8, transform=axis.transAxes)
        heat = picture.answered
        colours = coloured(heat, float(heat.max()))
        views = [picture.crop, colours, overlaid(picture.crop, colours), segmented(picture.crop, heat, threshold)]
        for axis, view in zip(line[_WORDS:], views, strict=True):
            axis.imshow(view)
            axis.set_xticks([])
            axis.set_yticks([])
        if heat.max() <= 0.0:
            behind = {"facecolor": "black", "alpha": 0.45, "edgecolor": "none", "pad": 1.5}
            place = {"transform": line[_WORDS + 1].transAxes, "ha": "center", "va": "center", "fontsize": 7}
            line[_WORDS + 1].text(0.5, 0.5, "no evidence:\nconstant answer", color="white", bbox=behind, **place)
    for axis, name in zip(axes[0], names, strict=True):
        axis.set_title(name, fontsize=8, parse_math=False)
    figure.subplots_adjust(
        left=0.01, right=0.99, bottom=0.05 / height, top=1.0 - _HEAD_INCHES / height, wspace=0.04, hspace=0.04
    )
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()
