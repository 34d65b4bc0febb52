"""What is wrong with the station as a whole, above the beds."""

from nicegui import ui

from monitor.alerts.record import AlertDraft
from monitor.board import BoardSnapshot, alert_sentence
from monitor.localization import Localizer, message
from monitor.pain.vocabulary import Signal
from monitor.web.pages.acknowledge_button import AcknowledgeButton
from monitor.web.pages.labels import alert_title, remedy_words, technical_note
from monitor.web.pages.layout import PageLayout, say

__all__ = ["SILENT", "StationAlerts", "is_silent", "station_words"]

_LATE_SECONDS = 15.0
SILENT = message("The station has not reported on itself for {time}. Watch the infants in person.")


def is_silent(snapshot: BoardSnapshot) -> bool:
    """Whether the station has not reported on itself for a while."""
    return snapshot.station_age_seconds is not None and snapshot.station_age_seconds > _LATE_SECONDS


def station_words(snapshot: BoardSnapshot, t: Localizer) -> str:
    """Return what is wrong with the station, in a few words; an empty text where nothing is known to be."""
    if is_silent(snapshot):
        return t("The station is silent")
    present = [episode.newest for episode in snapshot.open_alerts if episode.newest.condition_present]
    unseen = [alert for alert in present if alert.signal is not Signal.ACKNOWLEDGED]
    return f"{t('Station')}: {alert_title((unseen or present)[0], t)}" if present else ""


class StationAlerts:
    """What is wrong with the station now, what to do, and the notes for those who mend it.

    Args:
        frame: The page.
    """

    def __init__(self, frame: PageLayout) -> None:
        self._t = frame.t
        self._strip = ui.element("section").classes("station-strip").props(f'aria-label="{frame.t("Station alerts")}"')
        with self._strip:
            ui.icon("build").props("aria-hidden=true").classes("strip-shape")
            self._words = ui.label().classes("strip-words")
            self._acknowledge = AcknowledgeButton(frame, frame.t("station"))
            self._notes = ui.label().classes("strip-notes")

    def show(self, snapshot: BoardSnapshot) -> None:
        """Show the station's open alerts, or nothing."""
        present = [episode.newest for episode in snapshot.open_alerts if episode.newest.condition_present]
        sentences = [_sentence(alert, self._t) for alert in present]
        if is_silent(snapshot) and snapshot.station_age_seconds is not None:
            sentences.insert(0, self._t(SILENT, time=self._t.duration(snapshot.station_age_seconds)))
        say(self._words, " ".join(sentences))
        notes = [note for alert in present if (note := technical_note(alert))]
        say(self._notes, " ".join(notes))
        self._notes.set_visibility(bool(notes))
        self._acknowledge.offer([item for item in snapshot.open_alerts if item.newest.condition_present])
        self._strip.set_visibility(bool(sentences))


def _sentence(alert: AlertDraft, t: Localizer) -> str:
    return f"{alert_title(alert, t)}. {t(alert_sentence(alert))} {remedy_words(alert, t)}"
