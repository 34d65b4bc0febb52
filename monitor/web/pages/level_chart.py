"""The level of a bed over the last ten minutes, with its thresholds and coverage."""

from datetime import timedelta
from typing import Any

from nicegui import ui

from monitor.board import BedSnapshot, BoardSnapshot
from monitor.web.pages.chart_style import ALARM, INK, LEVEL, chart_axes
from monitor.web.pages.labels import history_span_seconds
from monitor.web.pages.layout import PageLayout, say

__all__ = ["LevelChart"]

_EVERY = 2
_GAP_SECONDS = 6.0
_SECONDS_COUNT_BELOW = 300.0


class LevelChart:
    """Above the level with both thresholds, below the coverage; blank where the level could not be determined.

    Args:
        frame: The page.
    """

    def __init__(self, frame: PageLayout) -> None:
        self._frame = frame
        self._t = frame.t
        self._drawn = 0
        self._drawn_dark = frame.is_dark
        with ui.element("figure").classes("chart-figure"):
            with ui.element("div").props(f'role=img aria-label="{self._t("Level and coverage of the last minutes")}"'):
                self._chart = ui.echart({}).classes("chart").props("aria-hidden=true")
            with ui.element("figcaption"):
                self._span = ui.label()
                ui.label(
                    self._t(
                        "Dashed: the alarm begins to count above the upper line and ends below the lower. Shaded "
                        "below: coverage. No line: it could not be determined, which is not 0."
                    )
                )

    def show(self, bed: BedSnapshot, snapshot: BoardSnapshot) -> None:
        """Redraw, if it is time to."""
        is_dark = self._frame.is_dark
        if self._drawn and snapshot.number < self._drawn + _EVERY and is_dark == self._drawn_dark:
            return
        self._drawn, self._drawn_dark = snapshot.number, is_dark
        minutes = self._t.decimal(history_span_seconds(bed, snapshot.taken_seconds) / 60, 0)
        zone = self._t.zone(snapshot.taken_at)
        say(self._span, self._t("Level of the last {minutes} minutes. Times in {zone}.", minutes=minutes, zone=zone))
        self._chart.options.clear()
        self._chart.options.update(self._options(bed, snapshot, is_dark=is_dark))
        self._chart.update()

    def _options(self, bed: BedSnapshot, snapshot: BoardSnapshot, *, is_dark: bool) -> dict[str, Any]:
        # The chart would show the browser's own zone; it takes these for UTC, moved by the station's offset.
        offset_seconds = self._t.offset_seconds(snapshot.taken_at)

        def milliseconds(time_seconds: float) -> int:
            at = snapshot.taken_at - timedelta(seconds=snapshot.taken_seconds - time_seconds)
            return round((at.timestamp() + offset_seconds) * 1000)

        level: list[list[float | None]] = []
        coverage: list[list[float | None]] = []
        last_seconds: float | None = None
        for point in bed.history:
            if last_seconds is not None and point.time_seconds - last_seconds > _GAP_SECONDS:
                for series in (level, coverage):
                    series.append([milliseconds(last_seconds + 2), None])
            at = milliseconds(point.time_seconds)
            level.append([at, None if point.level is None else round(point.level, 3)])
            coverage.append([at, round(point.coverage, 3)])
            last_seconds = point.time_seconds
        end = milliseconds(snapshot.taken_seconds)
        span_seconds = history_span_seconds(bed, snapshot.taken_seconds)
        clock = "{HH}:{mm}:{ss}" if span_seconds < _SECONDS_COUNT_BELOW else "{HH}:{mm}"
        limits = self._frame.site.limits_of(bed)
        thresholds = [] if limits is None else [{"yAxis": limits.on_level}, {"yAxis": limits.off_level}]
        return {
            **chart_axes(end - int(span_seconds * 1000), end, clock, is_dark=is_dark),
            "series": [
                {
                    "type": "line",
                    "name": self._t("Level"),
                    "data": level,
                    "showSymbol": False,
                    "connectNulls": False,
                    "lineStyle": {"width": 3, "color": LEVEL[is_dark]},
                    "markLine": {
                        "silent": True,
                        "symbol": "none",
                        "label": {"show": False},
                        "lineStyle": {"type": "dashed", "width": 2, "color": ALARM[is_dark]},
                        "data": thresholds,
                    },
                },
                {
                    "type": "line",
                    "name": self._t("Coverage"),
                    "data": coverage,
                    "xAxisIndex": 1,
                    "yAxisIndex": 1,
                    "showSymbol": False,
                    "step": "end",
                    "lineStyle": {"width": 1, "color": INK[is_dark]},
                    "areaStyle": {"color": INK[is_dark], "opacity": 0.25},
                },
            ],
        }
