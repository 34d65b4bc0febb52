"""Net benefit of several runs at a chosen share of pain."""

from collections.abc import Sequence

from trainer.evaluation.bootstrap import RESAMPLES
from trainer.evaluation.run_summary import RunSummary, in_order, interval_text
from trainer.evaluation.tables import Table
from trainer.evaluation.utility import net_benefit

__all__ = ["benefit_points", "benefit_table"]

_SHOWN = (0.05, 0.1, 0.2, 0.3, 0.5, 0.7)


def benefit_points(
    entry: RunSummary, prevalence: float | None, count: int = RESAMPLES
) -> list[dict[str, float | None]]:
    """Return a run's net benefit at each threshold, with its interval over infants.

    Args:
        entry: The run.
        prevalence: Share of pain, in (0, 1), to which the probabilities are moved; that of the pictures if None.
        count: Resamples of the infants.
    """
    table = entry.table
    main = table.is_main & table.is_counted
    # With the classes weighted as if equally frequent, probabilities hold for a half whatever was learnt from.
    held_for = 0.5 if entry.settings.get("training.balance_classes") else None
    return net_benefit(
        table.labels[main],
        table.logits[main],
        table.subjects[main],
        prevalence=prevalence,
        held_for=held_for,
        count=count,
    )


def benefit_table(entries: Sequence[RunSummary], prevalence: float | None, count: int = RESAMPLES) -> Table:
    """Return the net benefit of each run, and of acting on all, at some thresholds."""
    head = ["Model", "Protocol", "Data", *(f"at {threshold:g}" for threshold in _SHOWN)]
    rows = []
    for entry in in_order(entries):
        points = {point["threshold"]: point for point in benefit_points(entry, prevalence, count)}
        if not points:
            continue
        start = [entry.title, entry.protocol, entry.data]
        cells = [
            interval_text({"value": point["model"], "low": point["low"], "high": point["high"]}) if point else "-"
            for point in (points.get(threshold) for threshold in _SHOWN)
        ]
        everyone = [points.get(threshold, {}).get("all") for threshold in _SHOWN]
        rows.append([*start, *cells])
        rows.append(["act on all", *start[1:], *("-" if value is None else f"{value:.3f}" for value in everyone)])
    share = (
        "the share of pain in these pictures" if prevalence is None else f"a share of pain of {100 * prevalence:g} %"
    )
    note = (
        f"Net benefit at {share}, in true alarms a picture, with the 95 % interval over infants. Acting on none is 0. "
        "At another share the probabilities are moved there; sensitivity and specificity are taken as they are here."
    )
    return Table("Net benefit", head, rows, note)
