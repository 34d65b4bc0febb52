"""The level of a bed over the last 1, 8 or 24 hours, with what people did and what could not be seen."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from nicegui import run, ui

from monitor.board import AlarmLimits, BoardSnapshot
from monitor.errors import HistoryError
from monitor.history.entries import ActionEntry
from monitor.history.reader import HistoryReader
from monitor.history.samples import SAMPLE_SECONDS, UNWATCHED, WITH_SIGNS, SampleSeries
from monitor.history.trend import stretches, thinned
from monitor.localization import Localizer
from monitor.web.pages.chart_style import ALARM, INK, LEVEL, SHADE, chart_axes
from monitor.web.pages.history_words import action_title
from monitor.web.pages.layout import PageLayout, say

__all__ = ["Trend", "TrendChart", "read_trend", "trend_options"]

_HOURS = (1, 8, 24)
_EVERY_SECONDS = {1: 6, 8: 40, 24: 120}
_REDRAWN_SECONDS = 60.0
_SHOWN_ACTIONS = frozenset({"admit", "discharge", "standby", "procedure", "undo"})


@dataclass(frozen=True, slots=True)
class Trend:
    """What a chart of one bed shows.

    Attributes:
        since: Its left end.
        until: Its right end.
        every_seconds: Time from point to point.
        points: Thinned samples.
        signs: Begin and end, in seconds since 1970, of every stretch with an alarm of pain.
        not_seen: Likewise where the face could not be assessed.
        unwatched: Likewise on stand-by or empty.
        actions: What people did.
        signs_seconds: How long signs were seen in all.
        not_seen_seconds: How long the face could not be assessed in all.
    """

    since: datetime
    until: datetime
    every_seconds: int
    points: SampleSeries
    signs: Sequence[tuple[float, float]]
    not_seen: Sequence[tuple[float, float]]
    unwatched: Sequence[tuple[float, float]]
    actions: Sequence[ActionEntry]
    signs_seconds: float
    not_seen_seconds: float


def read_trend(history: HistoryReader, bed: str, until: datetime, hours: int) -> Trend:
    """Return a bed's last hours.

    Raises:
        HistoryError: They cannot be read.
    """
    since, every = until - timedelta(hours=hours), _EVERY_SECONDS[hours]
    samples = history.samples(bed, since, until)
    has_signs, is_not_seen = samples.is_any(WITH_SIGNS), samples.is_not_seen()
    return Trend(
        since=since,
        until=until,
        every_seconds=every,
        points=thinned(samples, every),
        signs=stretches(samples, has_signs, SAMPLE_SECONDS),
        not_seen=stretches(samples, is_not_seen, SAMPLE_SECONDS),
        unwatched=stretches(samples, samples.is_any(UNWATCHED), SAMPLE_SECONDS),
        actions=[one for one in history.actions(bed, since, until) if one.action in _SHOWN_ACTIONS],
        signs_seconds=float(has_signs.sum() * SAMPLE_SECONDS),
        not_seen_seconds=float(is_not_seen.sum() * SAMPLE_SECONDS),
    )


def trend_options(trend: Trend, thresholds: Sequence[float], t: Localizer, *, is_dark: bool) -> dict[str, Any]:
    """Return a trend as the chart library takes it."""
    # The chart would show the browser's own zone; it takes these for UTC, moved by the station's offset.
    offset_seconds = t.offset_seconds(trend.until)

    def milliseconds(seconds: float) -> int:
        return round((seconds + offset_seconds) * 1000)

    points = trend.points
    level: list[list[float | None]] = []
    coverage: list[list[float | None]] = []
    for index in range(len(points)):
        seconds = float(points.seconds[index])
        if index and seconds - float(points.seconds[index - 1]) > 1.5 * trend.every_seconds:
            gap: list[float | None] = [milliseconds(float(points.seconds[index - 1]) + trend.every_seconds), None]
            level.append(gap)
            coverage.append(gap)
        at = milliseconds(seconds)
        level.append([at, _number(float(points.level[index]))])
        coverage.append([at, _number(float(points.coverage[index]))])
    areas = [
        [{"xAxis": milliseconds(begin), "itemStyle": {"color": SHADE[kind][is_dark], "opacity": opacity}},
         {"xAxis": milliseconds(end)}]
        for kind, found, opacity in (
            ("unwatched", trend.unwatched, 0.25), ("blind", trend.not_seen, 0.3), ("signs", trend.signs, 0.55),
        )
        for begin, end in found
    ]  # fmt: skip
    dashed = {"type": "dashed", "width": 2, "color": ALARM[is_dark]}
    lines: list[dict[str, Any]] = [
        {"yAxis": value, "lineStyle": dashed, "label": {"show": False}} for value in thresholds
    ]
    lines += [
        {
            "xAxis": milliseconds(action.at_seconds),
            "lineStyle": {"type": "solid", "width": 2, "color": INK[is_dark]},
            "label": {"show": True, "formatter": action_title(action, t), "color": INK[is_dark], "fontSize": 14,
                      "position": "insideEndTop"},
        }
        for action in trend.actions
    ]  # fmt: skip
    return {
        **chart_axes(
            milliseconds(trend.since.timestamp()), milliseconds(trend.until.timestamp()), "{HH}:{mm}", is_dark=is_dark
        ),
        "series": [
            {
                "type": "line",
                "name": t("Level"),
                "data": level,
                "showSymbol": False,
                "connectNulls": False,
                "lineStyle": {"width": 2, "color": LEVEL[is_dark]},
                "markArea": {"silent": True, "data": areas},
                "markLine": {"silent": True, "symbol": "none", "data": lines},
            },
            {
                "type": "line",
                "name": t("Coverage"),
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


class TrendChart:
    """Three buttons for 1, 8 and 24 hours, the chart, and its contents in words.

    Args:
        frame: The page.
        bed_id: Which bed.
        history: Where the hours are read.
    """

    def __init__(self, frame: PageLayout, bed_id: str, history: HistoryReader) -> None:
        self._frame = frame
        self._t = t = frame.t
        self._bed_id = bed_id
        self._history = history
        self._hours = _HOURS[1]
        self._buttons: dict[int, ui.button] = {}
        with ui.element("section").props(f'aria-label="{t("Trend of {bed}", bed=bed_id)}"').classes("trend"):
            with ui.element("div").classes("trend-head"):
                ui.label(t("Trend")).props("role=heading aria-level=2").classes("section-title")
                with ui.element("div").props(f'role=group aria-label="{t("Hours shown")}"').classes("trend-hours"):
                    for hours in _HOURS:
                        self._buttons[hours] = (
                            ui.button(
                                t("{hours} h", hours=hours), on_click=lambda _, h=hours: self._choose(h), color=None
                            )
                            .props("outline no-caps")
                            .classes("tool")
                        )
            with ui.element("figure").classes("chart-figure"):
                with ui.element("div").props("role=img") as self._picture:
                    self._chart = ui.echart({}).classes("chart").props("aria-hidden=true")
                with ui.element("figcaption"):
                    self._words = ui.label().classes("trend-words")
                    ui.label(
                        t(
                            "Amber: signs of pain. Violet: not seen. Grey: stand-by or empty. A gap: nothing was "
                            "recorded. Each point is the highest level of its stretch."
                        )
                    )
        self._mark()
        self._trend: Trend | None = None
        self._limits: AlarmLimits | None = None
        self._is_painted_dark = frame.is_dark
        frame.on_refresh(self._follow)
        ui.timer(_REDRAWN_SECONDS, self._draw, immediate=True)

    async def _choose(self, hours: int) -> None:
        self._hours = hours
        self._mark()
        await self._draw()

    def _mark(self) -> None:
        for hours, button in self._buttons.items():
            button.props(f'aria-pressed="{str(hours == self._hours).lower()}"')

    async def _draw(self) -> None:
        t, hours = self._t, self._hours
        try:
            trend = await run.io_bound(read_trend, self._history, self._bed_id, self._frame.site.clock.wall(), hours)
        except HistoryError:
            say(self._words, t("The record cannot be read now; the page of the station says why."))
            return
        if trend is None or hours != self._hours:
            return  # the server ends, or another button was pressed meanwhile
        words = t(
            "Last {hours} h: signs of pain for {signs}, not seen for {blind}.",
            hours=hours,
            signs=t.duration(trend.signs_seconds),
            blind=t.duration(trend.not_seen_seconds),
        )
        if not len(trend.points):
            words = t("Nothing has been recorded in the last {hours} h.", hours=hours)
        say(self._words, words)
        self._picture.props["aria-label"] = words
        self._trend = trend
        self._paint(trend)

    def _follow(self, snapshot: BoardSnapshot) -> None:
        """Paint again where the thresholds changed, or the room became dark or light: that the browser says late."""
        bed = snapshot.bed(self._bed_id)
        limits = None if bed is None else self._frame.site.limits_of(bed)
        has_changed = limits != self._limits or self._is_painted_dark != self._frame.is_dark
        self._limits = limits
        if self._trend is not None and has_changed:
            self._paint(self._trend)

    def _paint(self, trend: Trend) -> None:
        limits = self._limits
        self._is_painted_dark = self._frame.is_dark
        thresholds = () if limits is None else (limits.on_level, limits.off_level)
        options = trend_options(trend, thresholds, self._t, is_dark=self._is_painted_dark)
        self._chart.options.clear()
        self._chart.options.update(options)
        self._chart.update()


def _number(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 3)
