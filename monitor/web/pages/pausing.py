"""The button with which somebody who works at a bed silences it for some minutes."""

from nicegui import ui

from monitor.board import BedSnapshot
from monitor.pain.vocabulary import Signal
from monitor.publish.commands import Pause
from monitor.web.pages.asking import ask_for_name
from monitor.web.pages.frame import PageFrame
from monitor.web.site import checked_name

__all__ = ["PauseButton"]

_MINUTES = 5


class PauseButton:
    """Pauses one bed; shown to nurses while the bed signals something that holds: a pause in calm covers nothing.

    Args:
        frame: The page.
        bed_id: Which bed.
    """

    def __init__(self, frame: PageFrame, bed_id: str) -> None:
        self._frame = frame
        self._bed_id = bed_id
        self._button = (
            ui.button(f"Pause {_MINUTES} min", on_click=self._clicked, color=None)
            .props(f'outline no-caps aria-label="Pause {bed_id} for {_MINUTES} minutes"')
            .classes("tool")
        )
        self._button.set_visibility(False)

    def offer(self, bed: BedSnapshot) -> None:
        """Show the button where there is something to pause."""
        signalled = any(
            episode.newest.condition_present and episode.newest.signal is Signal.ON for episode in bed.open_alerts
        )
        self._button.set_visibility(signalled and self._frame.may_acknowledge)

    def _clicked(self) -> None:
        name = self._frame.visitor.name
        if name is not None:
            self._pause(name)
            return
        note = f"For {_MINUTES} minutes this silences what is signalled now. What is new or worse is signalled as ever."
        ask_for_name("Pause", self._bed_id, note, self._pause)

    def _pause(self, by: str) -> None:
        # Whoever was logged out since the page was opened may not act any more.
        if not self._frame.is_still_allowed_to_acknowledge():
            ui.notify("You are not logged in any more.", type="warning")
            return
        try:
            order = Pause(self._bed_id, checked_name(by), 60.0 * _MINUTES)
        except ValueError as error:
            ui.notify(str(error), type="warning")
            return
        covers = self._frame.site.carry_out(order)
        ui.notify(f"Paused by {order.by}" if covers else "Nothing is signalled any more.", position="top")
