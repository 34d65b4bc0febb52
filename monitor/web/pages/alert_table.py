"""The alerts of a bed, open and past, and why they were raised."""

from typing import Any

from nicegui import ui

from monitor.board import AlertEpisode, BedSnapshot
from monitor.localization import Localizer, message
from monitor.web.pages.labels import alert_title, remedy_words, signal_words, technical_note, why
from monitor.web.pages.layout import PageLayout, localized_columns, say

__all__ = ["AlertTable"]

_COLUMNS = [
    {"name": "began", "label": message("Began"), "field": "began", "align": "left"},
    {"name": "what", "label": message("What"), "field": "what", "align": "left", "classes": "cell-strong"},
    {"name": "state", "label": message("State"), "field": "state", "align": "left"},
    {"name": "lasted", "label": message("Lasted"), "field": "lasted", "align": "left"},
    {"name": "why", "label": message("Why"), "field": "why", "align": "left", "classes": "cell-wide"},
    {"name": "seen", "label": message("Acknowledged"), "field": "seen", "align": "left"},
]
_ROWS_AT_MOST = 50


class AlertTable:
    """What to do now, the history, newest first, and the notes for those who look after the station.

    Args:
        frame: The page.
        bed_id: Which bed.
    """

    def __init__(self, frame: PageLayout, bed_id: str) -> None:
        t = self._t = frame.t
        self._clock = frame.site.clock
        self._shown: tuple[AlertEpisode, ...] | None = None
        label = t("Alerts of {bed}", bed=bed_id)
        with ui.element("section").props(f'aria-label="{label}"').classes("alerts"):
            ui.label(t("Alerts")).props("role=heading aria-level=2").classes("section-title")
            self._remedy = ui.label().classes("remedy")
            self._none = ui.label(t("There has been no alert.")).classes("empty")
            columns = localized_columns(_COLUMNS, t)
            self._table = ui.table(columns=columns, rows=[], row_key="id").props("flat wrap-cells hide-pagination")
            self._table.props(f':rows-per-page-options=[0] :grid=Quasar.Screen.lt.md aria-label="{label}"')
            with ui.element("details").classes("notes"):
                with ui.element("summary"):
                    ui.label(t("Technical notes on these alerts"))
                self._notes = ui.label().classes("notes-text")

    def show(self, bed: BedSnapshot) -> None:
        """Show the alerts of a bed, if they have changed."""
        episodes = (*bed.open_alerts, *bed.past_alerts)[:_ROWS_AT_MOST]
        if episodes == self._shown:
            return
        self._shown = episodes
        present = [episode.newest for episode in bed.open_alerts if episode.newest.condition_present]
        say(self._remedy, remedy_words(present[0], self._t) if present else "")
        self._remedy.set_visibility(bool(present))
        self._none.set_visibility(not episodes)
        self._table.set_visibility(bool(episodes))
        self._table.rows = [self._row(episode) for episode in episodes]
        say(self._notes, "\n".join(_note(episode, self._t) for episode in episodes) or self._t("none"))

    def _row(self, episode: AlertEpisode) -> dict[str, Any]:
        t, alert, now = self._t, episode.newest, self._clock.wall()
        lasted = t("still on")
        if episode.ended_at is not None:
            lasted = t.duration((episode.ended_at - alert.onset_at).total_seconds())
        seen = episode.acknowledgement
        return {
            "id": alert.alert_id,
            "began": t.moment(alert.onset_at, now),
            "what": alert_title(alert, t),
            "state": signal_words(alert, t),
            "lasted": lasted,
            "why": why(episode, t),
            "seen": t("not yet") if seen is None else f"{seen.by}, {t.moment(seen.at, now)}",
        }


def _note(episode: AlertEpisode, t: Localizer) -> str:
    alert = episode.newest
    model = t("none") if episode.reason.model is None else episode.reason.model.name
    notes = [alert.alert_id, alert.code.value, t("model: {name}", name=model), technical_note(alert)]
    return " · ".join(filter(None, notes))
