"""What is wrong with the station as a whole, above the beds."""

from nicegui import ui

from monitor.board import BoardSnapshot
from monitor.web.pages.acknowledge_button import AcknowledgeButton
from monitor.web.pages.labels import alert_title
from monitor.web.pages.layout import PageLayout, say

__all__ = ["StationAlerts"]

_LATE_SECONDS = 15.0


class StationAlerts:
    """A strip that is there only while something is wrong.

    Args:
        frame: The page.
    """

    def __init__(self, frame: PageLayout) -> None:
        self._strip = ui.element("section").classes("station-strip").props('aria-label="Station"')
        with self._strip:
            ui.icon("build").props("aria-hidden=true").classes("strip-shape")
            self._words = ui.label().classes("strip-words")
            self._acknowledge = AcknowledgeButton(frame, "station")

    def show(self, snapshot: BoardSnapshot) -> None:
        """Show the station's open alerts, or nothing."""
        present = [episode for episode in snapshot.open_alerts if episode.newest.condition_present]
        sentences = [
            f"{alert_title(episode.newest)}. {episode.newest.detail} {episode.newest.remedy}" for episode in present
        ]
        if snapshot.station_age_seconds is not None and snapshot.station_age_seconds > _LATE_SECONDS:
            sentences.insert(0, "The station has not reported on itself for a while. Watch the infants in person.")
        say(self._words, " ".join(sentences))
        self._acknowledge.offer(present)
        self._strip.set_visibility(bool(sentences))
