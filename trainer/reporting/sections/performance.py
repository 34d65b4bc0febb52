"""Right and wrong answers, ROC curves, and whether a probability means what it says."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from scipy.special import expit

from trainer.evaluation.metrics import reliability_bins
from trainer.evaluation.recalibration import RECALIBRATED
from trainer.evaluation.run_summary import RunSummary
from trainer.evaluation.tables import Table
from trainer.reporting.document import Block, Grid, Picture, Section, anchor
from trainer.reporting.gathering import Comparison, Reported
from trainer.reporting.plotting import INK, axes_grid, colour_of, legend_below, plain, style_of, style_words, svg_of
from trainer.reporting.words import decimals, with_interval

__all__ = ["calibration_section", "confusion_section", "roc_section"]

_CALIBRATION = (
    *("ece", "brier", "brier_skill", "calibration_slope", "calibration_intercept"),
    "calibration_in_the_large",
)


def confusion_section(comparison: Comparison) -> Section:
    """Return the confusion matrices, drawn and as numbers."""
    entries = comparison.entries
    figure, axes = axes_grid(len(entries), columns=3, width=2.7, height=2.5)
    for axis, entry in zip(axes, entries, strict=True):
        _matrix(axis, entry)
    rows = [
        [entry.title, entry.protocol, entry.data, *(str(entry.metrics["confusion"][name]) for name in _CELLS)]
        for entry in entries
    ]
    head = ["Model", "Protocol", "Data", *_CELLS.values()]
    note = "Counts of pictures at probability 0.5, each once: of several folds' answers one is counted."
    alt = "One two by two matrix for each run; the same counts are in the table below."
    picture = Picture("confusion", "svg", svg_of(figure), alt, "Confusion matrices. Shade: share of the row.")
    return Section("Confusion matrices", (picture, Grid(Table("Counts", head, rows, note))))


_UNKNOWN = {"value": None, "low": None, "high": None}
_CELLS = {"tp": "pain called pain", "fn": "pain called no pain", "fp": "no pain called pain", "tn": "no pain as such"}


def _matrix(axis: Axes, entry: RunSummary) -> None:
    counts = entry.metrics["confusion"]
    matrix = np.array([[counts["tp"], counts["fn"]], [counts["fp"], counts["tn"]]], np.float64)
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1.0)
    for row in range(2):
        for column in range(2):
            share = shares[row, column]
            axis.fill_between([column, column + 1], 1 - row, 2 - row, color="#0072b2", alpha=0.08 + 0.62 * share, lw=0)
            text = f"{matrix[row, column]:.0f}\n{100 * share:.0f} %"
            axis.text(column + 0.5, 1.5 - row, text, ha="center", va="center", color=INK)
    axis.set(xlim=(0, 2), ylim=(0, 2), xlabel="answer", ylabel="label")
    axis.set_xticks([0.5, 1.5], ["pain", "no pain"])
    axis.set_yticks([1.5, 0.5], ["pain", "no pain"], rotation=90, va="center")
    axis.tick_params(length=0)
    axis.set_title(f"{plain(entry.title)}\n{entry.protocol}, {plain(entry.data)}", fontsize=8)


def roc_section(comparison: Comparison) -> Section:
    """Return the ROC curves of each data set."""
    figure, axes = axes_grid(len(comparison.data))
    for axis, data in zip(axes, comparison.data, strict=True):
        for part in comparison.of(data):
            _roc(axis, part, comparison)
        axis.plot([0, 1], [0, 1], color=INK, lw=0.6, ls=":")
        axis.set(xlabel="1 - specificity", ylabel="sensitivity", xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
        axis.set_title(plain(data))
    legend_below(figure, axes)
    areas = "; ".join(
        f"{entry.title}, {entry.protocol}, {entry.data}: {with_interval(entry.metrics['pooled']['auc'])}"
        for entry in comparison.entries
    )
    caption = f"ROC curves of the pooled answers. {style_words(comparison.entries)}"
    picture = Picture("roc", "svg", svg_of(figure), f"ROC curves. Areas under them: {areas}.", caption)
    return Section("ROC curves", (picture,))


def _roc(axis: Axes, part: Reported, comparison: Comparison) -> None:
    from sklearn.metrics import roc_curve

    entry = part.entry
    main = entry.table.is_main & entry.table.is_counted
    labels, logits = entry.table.labels[main], entry.table.logits[main]
    if len(np.unique(labels)) < 2:
        return
    false, true, _ = roc_curve(labels, logits)
    area = decimals(entry.metrics["pooled"]["auc"]["value"], 2)
    where = f", {plain(entry.data)}" if len(comparison.data) > 1 else ""
    axis.plot(
        false,
        true,
        color=colour_of(entry, comparison.models),
        ls=style_of(entry),
        lw=1.4,
        label=f"{plain(entry.title)}, {entry.protocol}{where} ({area})",
    )


def calibration_section(comparison: Comparison) -> Section:
    """Return reliability diagrams and the calibration metrics."""
    entries = comparison.entries
    figure, axes = axes_grid(len(entries), columns=3, width=2.7, height=2.7)
    for axis, entry in zip(axes, entries, strict=True):
        _reliability(axis, entry, colour_of(entry, comparison.models))
    rows = [
        [
            entry.title,
            entry.protocol,
            entry.data,
            *(
                with_interval(entry.metrics["pooled"].get(name, _UNKNOWN)).replace("95 % interval ", "")
                for name in _CALIBRATION
            ),
        ]
        for entry in entries
    ]
    head = ["Model", "Protocol", "Data", *(name.replace("_", " ") for name in _CALIBRATION)]
    note = (
        "Ideal: ECE 0, slope 1, intercept 0, in the large 0; a Brier skill of 0 is that of always saying the share of "
        "pain. The ECE is debiased. The intercept is Cox's, beside the slope; in the large the slope is 1. In brackets "
        "the 95 % interval over infants, which the ECE has not; a slope of perfectly separated pictures is stopped "
        "at 50."
    )
    bins = [row for entry in entries for row in _bin_rows(entry)]
    bin_head = ["Model", "Protocol", "Data", "pictures", "mean probability", "share with pain"]
    blocks: tuple[Block, ...] = (
        Picture(
            "reliability",
            "svg",
            svg_of(figure),
            "Reliability diagrams: observed share of pain against predicted probability, in bins of equal size; the "
            "numbers are in the folded table below.",
            "Reliability diagrams. Each dot is a bin of equally many pictures; on the dotted line a probability means "
            "what it says.",
        ),
        Grid(Table("Calibration", head, rows, note)),
        *_recalibration(entries),
        Grid(Table("Bins of the reliability diagrams", bin_head, bins), folded=True),
    )
    return Section("Calibration", blocks)


def _recalibration(entries: Sequence[RunSummary]) -> list[Block]:
    """Return what recalibration on a new site would be worth, for each evaluation of a finished model."""
    words = {"as_it_is": "as it is", "moved": "moved", "moved_and_stretched": "moved and stretched"}
    rows = [
        [
            *(entry.title, entry.data, words[name], f"{update['intercept']:+.2f}", f"{update['slope']:.2f}"),
            *(with_interval(update["metrics"][metric]).replace("95 % interval ", "") for metric in RECALIBRATED),
        ]
        for entry in entries
        if (found := entry.metrics.get("recalibration"))
        for name in words
        for update in [found[name]]
    ]
    if not rows:
        return []
    head = ["Model", "Data", "Log-odds", "a", "b", *(name.replace("_", " ") for name in RECALIBRATED)]
    note = (
        "Log-odds become a + b x, fitted to all infants of the site; the metrics are cross-fitted: each infant is "
        "recalibrated by what fits the others. The model itself, and every other table, stays as it is."
    )
    return [Grid(Table("Recalibration on the new site", head, rows, note))]


def _bins(entry: RunSummary) -> list[tuple[float, float, int]]:
    main = entry.table.is_main & entry.table.is_counted
    return reliability_bins(entry.table.labels[main], np.asarray(expit(entry.table.logits[main]), np.float64))


def _bin_rows(entry: RunSummary) -> list[list[str]]:
    start = [entry.title, entry.protocol, entry.data]
    return [
        [*start, str(count), decimals(predicted), decimals(observed)] for predicted, observed, count in _bins(entry)
    ]


def _reliability(axis: Axes, entry: RunSummary, colour: str) -> None:
    bins = _bins(entry)
    axis.plot([0, 1], [0, 1], color=INK, lw=0.6, ls=":")
    predicted, observed = [part[0] for part in bins], [part[1] for part in bins]
    axis.plot(predicted, observed, color=colour, lw=1.2, marker="o", ms=4, gid=f"bins-{anchor(entry.name)}")
    error = decimals(entry.metrics["pooled"]["ece"]["value"])
    axis.text(0.03, 0.97, f"ECE {error}", transform=axis.transAxes, va="top", fontsize=8, color=INK)
    axis.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), xlabel="mean probability of pain", ylabel="share with pain")
    axis.set_title(f"{plain(entry.title)}\n{entry.protocol}, {plain(entry.data)}", fontsize=8)
