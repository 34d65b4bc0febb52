"""The button with which a person says that they have seen an alarm."""

from collections.abc import Sequence

from nicegui import ui

from monitor.board import AlertEpisode
from monitor.pain.vocabulary import Signal
from monitor.web.api import request_acknowledgement
from monitor.web.pages.layout import PageLayout
from monitor.web.pages.name_dialog import ask_for_name

__all__ = ["AcknowledgeButton", "needs_acknowledgement"]


def needs_acknowledgement(episode: AlertEpisode) -> bool:
    """Tell whether somebody should say that they have seen it."""
    return episode.newest.signal in {Signal.ON, Signal.LATCHED}


class AcknowledgeButton:
    """A button for the open alerts of one bed, or for one alert; asks for a name where nobody is logged in.

    Args:
        frame: The page.
        scope: What is acknowledged, for people: a bed's id.
    """

    def __init__(self, frame: PageLayout, scope: str) -> None:
        self._frame = frame
        self._scope = scope
        self._alert_ids: tuple[str, ...] = ()
        self._button = (
            ui.button("Acknowledge", on_click=self._clicked, color=None).props("unelevated no-caps").classes("ack")
        )
        self._button.props(f'aria-label="Acknowledge {scope}"')
        self._button.set_visibility(False)

    def offer(self, episodes: Sequence[AlertEpisode]) -> None:
        """Show the button if any of these alerts waits for an acknowledgement and the visitor may give it."""
        waiting = tuple(episode.newest.alert_id for episode in episodes if needs_acknowledgement(episode))
        self._alert_ids = waiting if self._frame.may_acknowledge else ()
        self._button.set_visibility(bool(self._alert_ids))

    def _clicked(self) -> None:
        alert_ids = self._alert_ids
        name = self._frame.visitor.name
        if name is not None:
            self._acknowledge(alert_ids, name)
            return
        note = "This silences the signal for a while. It does not say that the infant is well."
        ask_for_name("Acknowledge", self._scope, note, lambda by: self._acknowledge(alert_ids, by))

    def _acknowledge(self, alert_ids: tuple[str, ...], by: str) -> None:
        # Whoever was logged out since the page was opened may not act any more.
        if not self._frame.is_still_allowed_to_acknowledge():
            ui.notify("You are not logged in any more.", type="warning")
            return
        for alert_id in alert_ids:
            try:
                request_acknowledgement(self._frame.site, alert_id, by)
            except LookupError:
                continue  # it has ended meanwhile
            except ValueError as error:
                ui.notify(str(error), type="warning")
                return
        ui.notify(f"Acknowledged by {by}", position="top")
