"""The alerts of a bed, open and past, and why they were raised."""

from typing import Any

from nicegui import ui

from monitor.board import AlertEpisode, BedSnapshot
from monitor.web.pages.labels import alert_title, clock_time, duration, signal_words, why
from monitor.web.pages.layout import PageLayout, say

__all__ = ["AlertTable"]

_COLUMNS = [
    {"name": "began", "label": "Began", "field": "began", "align": "left"},
    {"name": "what", "label": "What", "field": "what", "align": "left", "classes": "cell-strong"},
    {"name": "state", "label": "State", "field": "state", "align": "left"},
    {"name": "lasted", "label": "Lasted", "field": "lasted", "align": "left"},
    {"name": "why", "label": "Why", "field": "why", "align": "left", "classes": "cell-wide"},
    {"name": "seen", "label": "Acknowledged", "field": "seen", "align": "left"},
    {"name": "model", "label": "Model", "field": "model", "align": "left"},
]
_ROWS_AT_MOST = 50


class AlertTable:
    """What to do now, and the history, newest first.

    Args:
        frame: The page.
        bed_id: Which bed.
    """

    def __init__(self, frame: PageLayout, bed_id: str) -> None:
        del frame
        self._shown: tuple[AlertEpisode, ...] | None = None
        with ui.element("section").props(f'aria-label="Alerts of {bed_id}"').classes("alerts"):
            ui.label("Alerts").props("role=heading aria-level=2").classes("section-title")
            self._remedy = ui.label().classes("remedy")
            self._none = ui.label("There has been no alert.").classes("empty")
            self._table = ui.table(columns=_COLUMNS, rows=[], row_key="id").props("flat wrap-cells hide-pagination")
            self._table.props(f":rows-per-page-options=[0] :grid=Quasar.Screen.lt.md aria-label='Alerts of {bed_id}'")

    def show(self, bed: BedSnapshot) -> None:
        """Show the alerts of a bed, if they have changed."""
        episodes = (*bed.open_alerts, *bed.past_alerts)[:_ROWS_AT_MOST]
        if episodes == self._shown:
            return
        self._shown = episodes
        present = [episode.newest for episode in bed.open_alerts if episode.newest.condition_present]
        say(self._remedy, present[0].remedy if present else "")
        self._remedy.set_visibility(bool(present))
        self._none.set_visibility(not episodes)
        self._table.set_visibility(bool(episodes))
        self._table.rows = [_row(episode) for episode in episodes]


def _row(episode: AlertEpisode) -> dict[str, Any]:
    alert = episode.newest
    lasted = "still on" if episode.ended_at is None else duration((episode.ended_at - alert.onset_at).total_seconds())
    seen = episode.acknowledgement
    return {
        "id": alert.alert_id,
        "began": clock_time(alert.onset_at),
        "what": alert_title(alert),
        "state": signal_words(alert),
        "lasted": lasted,
        "why": why(episode),
        "seen": "not yet" if seen is None else f"{seen.by}, {clock_time(seen.at)}",
        "model": "none" if episode.reason.model is None else episode.reason.model.name,
    }
