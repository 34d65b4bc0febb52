"""What the charts have in common: colours for the light and the dark room, and axes."""

from typing import Any

__all__ = ["ALARM", "GRID", "INK", "LEVEL", "SHADE", "chart_axes"]

INK = {False: "#1d2733", True: "#cbbfa9"}
GRID = {False: "#d5dbe1", True: "#33302a"}
LEVEL = {False: "#0b5cad", True: "#8fb8e0"}
ALARM = {False: "#8a5200", True: "#e0a030"}
SHADE = {
    "signs": {False: "#ffb000", True: "#c98a10"},
    "blind": {False: "#43386f", True: "#8d80c4"},
    "unwatched": {False: "#8894a0", True: "#6b6459"},
}
"""Colours behind the level: signs of pain, not seen, stand-by or empty."""


def chart_axes(begin: int, end: int, clock: str, *, is_dark: bool) -> dict[str, Any]:
    """Return grids and axes of a chart with a level above and a coverage below.

    Args:
        begin: Left end in milliseconds, as the chart's clock shows it.
        end: Right end.
        clock: How times are written.
        is_dark: For a dark room.
    """
    ink, lines = INK[is_dark], GRID[is_dark]
    time_axis = {
        "type": "time",
        "min": begin,
        "max": end,
        "axisLine": {"lineStyle": {"color": lines}},
        "splitLine": {"show": False},
        "splitNumber": 3,
    }
    value_axis = {
        "type": "value",
        "min": 0,
        "max": 1,
        "axisLabel": {
            "color": ink,
            "fontSize": 16,
            # Decimals as in the page's language.
            ":formatter": "value => value.toLocaleString(document.documentElement.lang)",
        },
        "splitLine": {"lineStyle": {"color": lines}},
    }
    labels = {"color": ink, "fontSize": 16, "formatter": clock, "hideOverlap": True}
    return {
        "animation": False,
        "useUTC": True,
        "grid": [
            {"left": 48, "right": 16, "top": 16, "height": "62%"},
            {"left": 48, "right": 16, "bottom": 28, "height": "14%"},
        ],
        "xAxis": [
            {**time_axis, "gridIndex": 0, "axisLabel": {"show": False}},
            {**time_axis, "gridIndex": 1, "axisLabel": labels},
        ],
        "yAxis": [
            {**value_axis, "gridIndex": 0},
            {**value_axis, "gridIndex": 1, "interval": 1},
        ],
    }
