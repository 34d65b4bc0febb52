"""What a model is worth: when it may abstain, and against treating all or none."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes

from trainer.evaluation.benefit import benefit_table
from trainer.evaluation.operating import operating_table
from trainer.evaluation.run_summary import RunSummary
from trainer.evaluation.tables import Table
from trainer.reporting.document import Grid, Picture, Section, Text
from trainer.reporting.gathering import Comparison, Reported
from trainer.reporting.plotting import INK, axes_grid, colour_of, legend_below, plain, style_of, style_words, svg_of
from trainer.reporting.words import decimals, percent_range

__all__ = ["abstention_section", "benefit_section", "operating_section"]

_COVERAGES_SHOWN = (0.2, 0.5, 0.8, 1.0)


def abstention_section(comparison: Comparison) -> Section:
    """Return the error among the answers that remain when the least certain ones are not given."""
    figure, axes = axes_grid(len(comparison.data))
    for axis, data in zip(axes, comparison.data, strict=True):
        for part in comparison.of(data):
            _risk(axis, part.entry, colour_of(part.entry, comparison.models))
        axis.set(xlabel="coverage: share of pictures that are answered", ylabel="error among them")
        axis.set(xlim=(0, 1.02), ylim=(-0.01, None))
        axis.set_title(plain(data))
    legend_below(figure, axes)
    rows = []
    for entry in comparison.entries:
        rows.append(_risk_row(entry, "distance from 0.5", entry.metrics["risk_coverage"]))
        by_disagreement = entry.metrics.get("risk_coverage_by_mutual_information")
        if by_disagreement:
            rows.append(_risk_row(entry, "mutual information", by_disagreement))
    head = ["Model", "Protocol", "Data", "Uncertainty", "mean error over all coverages (AURC)"]
    head += [f"error at {100 * coverage:.0f} %" for coverage in _COVERAGES_SHOWN]
    alt = "Curves of the error among the answered pictures against coverage; numbers in the table."
    caption = f"Risk and coverage, by distance of the probability from 0.5. {style_words(comparison.entries)}"
    picture = Picture("risk-coverage", "svg", svg_of(figure), alt, caption)
    return Section("When the model may abstain", (picture, Grid(Table("Risk and coverage", head, rows))))


def _risk(axis: Axes, entry: RunSummary, colour: str) -> None:
    points = entry.metrics["risk_coverage"]["points"]
    label = f"{plain(entry.title)}, {entry.protocol}"
    x, y = [point["coverage"] for point in points], [point["error"] for point in points]
    axis.plot(x, y, color=colour, ls=style_of(entry), lw=1.4, marker="o", ms=2.5, label=label)


def _risk_row(entry: RunSummary, doubt: str, found: dict[str, Any]) -> list[str]:
    errors = {point["coverage"]: point["error"] for point in found["points"]}
    shown = [decimals(errors.get(coverage)) for coverage in _COVERAGES_SHOWN]
    return [entry.title, entry.protocol, entry.data, doubt, decimals(found["aurc"]), *shown]


def benefit_section(comparison: Comparison) -> Section:
    """Return the net benefit of acting on the model beside acting on all and on none."""
    figure, axes = axes_grid(len(comparison.data))
    for axis, data in zip(axes, comparison.data, strict=True):
        parts = comparison.of(data)
        for part in parts:
            points, label = part.metrics["net_benefit"], f"{plain(part.entry.title)}, {part.entry.protocol}"
            x, y = [point["threshold"] for point in points], [point["model"] for point in points]
            style, colour = style_of(part.entry), colour_of(part.entry, comparison.models)
            axis.plot(x, y, color=colour, ls=style, lw=1.4, label=label)
        _act_on_all(axis, parts)
        axis.axhline(0.0, color=INK, lw=0.8, ls=":", label="act on none")
        top = max(point["model"] for part in parts for point in part.metrics["net_benefit"])
        axis.set(xlabel="threshold", ylabel="net benefit", ylim=(-0.1, max(0.05, top) * 1.08))
        axis.set_title(plain(data))
    legend_below(figure, axes)
    shares = ", ".join(
        f"{percent_range(part.entry.positive_share for part in comparison.of(data))} ({data})"
        for data in comparison.data
    )
    text = (
        f"The curves are at the share of pain in the tested pictures: {shares}. Where pain is rarer, as at a bedside, "
        "the probabilities must be moved to that share before a threshold means the same: --prevalence does so in the "
        "table."
    )
    alt = "Decision curves: net benefit against the threshold probability; numbers in the table."
    caption = f"Net benefit of acting on the model, on all and on none. {style_words(comparison.entries)}"
    table = benefit_table(comparison.entries, comparison.prevalence, comparison.resamples)
    picture = Picture("net-benefit", "svg", svg_of(figure), alt, caption)
    return Section("Net benefit", (Text(text), picture, Grid(table)))


def _act_on_all(axis: Axes, parts: Sequence[Reported]) -> None:
    """Draw acting on all once for every share of pain: runs of one set may have tested different pictures of it."""
    shares = {part.entry.positive_share: part.metrics["net_benefit"] for part in parts}
    for share, points in sorted(shares.items()):
        x, y = [point["threshold"] for point in points], [point["all"] for point in points]
        label = "act on all" if len(shares) == 1 else f"act on all, {100 * share:.0f} % pain"
        axis.plot(x, y, color="#8a8f98", lw=1.0, label=label)


def operating_section(comparison: Comparison) -> Section:
    """Return what thresholds reach that were chosen on inner infants."""
    table = operating_table(comparison.entries, comparison.targets)
    if table.rows:
        return Section(table.title, (Grid(table),))
    text = "No run has answers for inner infants (the strict protocol stores them), so no threshold was chosen."
    return Section(table.title, (Text(text),))
