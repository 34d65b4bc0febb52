"""What all charts of a report share: size, colours that are seen on white and on black, and SVG that fits into a page.

The text and the axes of an SVG have a colour of their own, `INK`, which stands for no colour yet: a page puts its text
colour instead, so that a chart follows the reader's light or dark background; a file gets black on white.
"""

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from trainer.evaluation.run_summary import RunSummary
from trainer.experiments.run import EXTERNAL

__all__ = [
    "INK",
    "axes_grid",
    "bar_of",
    "bar_words",
    "chart_style",
    "colour_of",
    "inline_svg",
    "legend_below",
    "plain",
    "standalone_svg",
    "style_of",
    "style_words",
    "svg_of",
]

INK = "#0a0b0c"
_PIXELS_PER_POINT = 1.6
_LEAST_SHARE = 0.55
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8a8f98", "#7f6bd6")
_PROTOCOLS = {
    "strict": "strict protocol",
    "dissertation": "dissertation protocol",
    EXTERNAL: "a finished model, evaluated",
}
_STYLES = {"strict": ("-", "whole lines"), "dissertation": ("--", "dashed"), EXTERNAL: ("-.", "dashed and dotted")}
_BARS = {"strict": "filled bars", "dissertation": "hollow bars", EXTERNAL: "hatched bars"}
_SETTINGS: Any = {
    "text.parse_math": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "report",
    "font.family": "sans-serif",
    "font.size": 9.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.titlesize": 9.0,
    "legend.frameon": False,
    "legend.fontsize": 8.0,
}


@contextmanager
def chart_style() -> Iterator[None]:
    """Let every chart that is made within have the report's look."""
    with mpl.rc_context(_SETTINGS):
        yield


def plain(text: str) -> str:
    """Return a text that matplotlib draws as it is: no hidden legend entry, no new line."""
    shown = " ".join(text.split())
    return f"\u200b{shown}" if shown.startswith("_") else shown


def colour_of(entry: RunSummary, models: Sequence[str]) -> str:
    """Return a model's colour, the same in every chart of a report."""
    return _COLOURS[models.index(entry.model) % len(_COLOURS)]


def style_of(entry: RunSummary) -> str:
    """Return the line of a protocol, as `style_words` tells."""
    return _STYLES.get(entry.protocol, _STYLES[EXTERNAL])[0]


def style_words(entries: Sequence[RunSummary]) -> str:
    """Return what the lines of a figure mean, for the protocols that are in it."""
    return _words([entry.protocol for entry in entries], {name: found[1] for name, found in _STYLES.items()})


def bar_of(entry: RunSummary, colour: str) -> dict[str, Any]:
    """Return how a bar of a protocol is filled, as `bar_words` tells."""
    return {"facecolor": colour if entry.protocol == "strict" else "none"} | (
        {"hatch": "////"} if entry.protocol == EXTERNAL else {}
    )


def bar_words(entries: Sequence[RunSummary]) -> str:
    """Return what the bars of a figure mean, for the protocols that are in it."""
    return _words([entry.protocol for entry in entries], _BARS)


def _words(present: Sequence[str], words: Mapping[str, str]) -> str:
    shown = [f"{words[name]}: {_PROTOCOLS[name]}" for name in words if name in present]
    return f"{'; '.join(shown).capitalize()}." if shown else ""


def axes_grid(count: int, *, columns: int = 2, width: float = 3.6, height: float = 2.9) -> tuple[Figure, list[Axes]]:
    """Return a figure with `count` axes in rows of at most `columns`, sizes in inches for each."""
    columns = max(1, min(columns, count))
    rows = -(-count // columns)
    figure = Figure(figsize=(width * columns, height * rows), layout="constrained")
    FigureCanvasSVG(figure)
    return figure, [figure.add_subplot(rows, columns, index + 1) for index in range(count)]


def legend_below(figure: Figure, axes: Sequence[Axes], columns: int = 1) -> None:
    """Put one legend for all axes below them, each entry once, and make the figure higher by what it needs."""
    handles = {label: handle for axis in axes for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)}
    lines = -(-len(handles) // columns)
    figure.set_figheight(figure.get_figheight() + 0.18 * lines)
    figure.legend(handles.values(), handles.keys(), loc="outside lower left", ncols=columns)


def svg_of(figure: Figure) -> bytes:
    """Return a figure as SVG without a background and without metadata."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = re.sub(r"<metadata>.*?</metadata>", "", buffer.getvalue().decode(), flags=re.DOTALL)
    return text[text.index("<svg") :].encode()


def inline_svg(content: bytes, name: str) -> str:
    """Return an SVG for a page: no namespace that names an address, ids of its own, the page's text colour.

    Args:
        content: From `svg_of`.
        name: Different for every figure of the page.
    """
    text = re.sub(r' xmlns(:xlink)?="[^"]*"', "", content.decode())
    text = re.sub(r'\bid="', f'id="{name}-', text)
    text = re.sub(r'href="#', f'href="#{name}-', text).replace("url(#", f"url(#{name}-")
    head, _, rest = text.partition(">")
    width = re.search(r' width="([\d.]+)pt"', head)
    widest = ""
    if width:
        wide_px = _PIXELS_PER_POINT * float(width.group(1))
        widest = f' style="max-width: {wide_px:.0f}px; min-width: {_LEAST_SHARE * wide_px:.0f}px"'
    head = re.sub(r' (width|height)="[^"]*"', "", head)
    return f'{head}{widest} aria-hidden="true" focusable="false">{rest}'.replace(INK, "currentColor")


def standalone_svg(content: bytes) -> bytes:
    """Return an SVG for a file of its own: black on white."""
    text = content.decode()
    end = text.index(">") + 1
    return f'{text[:end]}<rect width="100%" height="100%" fill="#ffffff"/>{text[end:]}'.replace(INK, "#1c1e21").encode()
