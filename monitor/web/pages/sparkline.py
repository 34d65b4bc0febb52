"""The last minutes of a bed's level as a small drawing: ten of them, fewer while there are no more."""

from collections.abc import Iterator, Sequence

from monitor.board import AlarmLimits, BedSnapshot, HistoryPoint
from monitor.localization import Localizer
from monitor.web.pages.labels import history_span_seconds

__all__ = ["sparkline"]

_WIDTH, _HEIGHT = 300.0, 60.0
_GAP_SECONDS = 6.0


def sparkline(bed: BedSnapshot, now_seconds: float, limits: AlarmLimits | None, t: Localizer) -> str:
    """Return an SVG: the level as a line, its threshold dashed, and hatched where it could not be determined.

    Args:
        bed: Whose history.
        now_seconds: Monotonic time of the right edge.
        limits: With the threshold; None where it is not known, and is not drawn.
        t: The reader's language.
    """
    points = [point for point in bed.history if point.time_seconds <= now_seconds]
    span_seconds = history_span_seconds(bed, now_seconds)

    def x(time_seconds: float) -> float:
        return max(0.0, _WIDTH * (1 - (now_seconds - time_seconds) / span_seconds))

    def y(level: float) -> float:
        return 2 + (_HEIGHT - 4) * (1 - min(1.0, max(0.0, level)))

    lines, blind = [], []
    for run in _runs(points):
        first, last = run[0], run[-1]
        if first.level is None:
            left, right = x(first.time_seconds), x(last.time_seconds + 2.0)
            blind.append(f'<rect x="{left:.1f}" y="0" width="{max(1.0, right - left):.1f}" height="{_HEIGHT:.0f}"/>')
        else:
            steps = " ".join(f"{x(p.time_seconds):.1f},{y(p.level):.1f}" for p in run if p.level is not None)
            lines.append(f'<polyline points="{steps}"/>')
    threshold = ""
    if limits is not None:
        at = f"{y(limits.on_level):.1f}"
        threshold = f'<line class="spark-on" x1="0" x2="{_WIDTH:.0f}" y1="{at}" y2="{at}"/>'
    return (
        f'<svg viewBox="0 0 {_WIDTH:.0f} {_HEIGHT:.0f}" preserveAspectRatio="none" role="img" '
        f'aria-label="{_describe(points, span_seconds, t)}">'
        f'<g class="spark-blind">{"".join(blind)}</g>'
        f'{threshold}<g class="spark-level">{"".join(lines)}</g></svg>'
    )


def _runs(points: Sequence[HistoryPoint]) -> Iterator[list[HistoryPoint]]:
    """Cut the history where the level becomes known or unknown, and where there was no observation at all."""
    run: list[HistoryPoint] = []
    for point in points:
        if run:
            is_gap = point.time_seconds - run[-1].time_seconds > _GAP_SECONDS
            if is_gap or (point.level is None) != (run[-1].level is None):
                yield run
                run = []
        run.append(point)
    if run:
        yield run


def _describe(points: Sequence[HistoryPoint], span_seconds: float, t: Localizer) -> str:
    levels = [point.level for point in points if point.level is not None]
    minutes = t.decimal(span_seconds / 60, 0)
    if not levels:
        return t("Level of the last {minutes} minutes: not known", minutes=minutes)
    return t(
        "Level of the last {minutes} minutes: highest {level} of 1, not known for {share} of the time",
        minutes=minutes,
        level=t.decimal(max(levels), 1),
        share=t.percent(sum(point.level is None for point in points) / len(points)),
    )
