"""The buttons with which somebody who works at a bed silences it for some minutes, and ends that early."""

from abc import ABC, abstractmethod

from nicegui import ui

from monitor.board import BedSnapshot
from monitor.control.requests import OperatorRequest, Pause, Resume
from monitor.pain.vocabulary import Signal
from monitor.web.app_context import checked_name
from monitor.web.pages.layout import PageLayout
from monitor.web.pages.name_dialog import ask_for_name

__all__ = ["PauseButton", "ResumeButton"]

_MINUTES = 5


class _OrderButton(ABC):
    """Sends one request about one bed, in the name of the person who is logged in or gives a name.

    Args:
        frame: The page.
        bed_id: Which bed.
        words: What the button says.
        label: What it says to those who hear the page.
    """

    action: str
    question: str
    note: str

    def __init__(self, frame: PageLayout, bed_id: str, words: str, label: str) -> None:
        self._frame = frame
        self._bed_id = bed_id
        self._button = (
            ui.button(words, on_click=self._clicked, color=None)
            .props(f'outline no-caps aria-label="{label}"')
            .classes("tool")
        )
        self._button.set_visibility(False)

    def offer(self, bed: BedSnapshot) -> None:
        """Show the button where there is something to do for a nurse."""
        self._button.set_visibility(self.is_due(bed) and self._frame.may_acknowledge)

    @abstractmethod
    def is_due(self, bed: BedSnapshot) -> bool:
        """Tell whether the order would change anything."""

    @abstractmethod
    def order(self, by: str) -> OperatorRequest:
        """Return the order in the name of `by`."""

    @abstractmethod
    def answer(self, by: str, *, changed: bool) -> str:
        """Say what came of it."""

    def _clicked(self) -> None:
        name = self._frame.visitor.name
        if name is not None:
            self._give(name)
        else:
            ask_for_name(self.action, self._bed_id, self.note, self._give, self.question)

    def _give(self, by: str) -> None:
        # Whoever was logged out since the page was opened may not act any more.
        if not self._frame.is_still_allowed_to_acknowledge():
            ui.notify("You are not logged in any more.", type="warning")
            return
        try:
            name = checked_name(by)
        except ValueError as error:
            ui.notify(str(error), type="warning")
            return
        changed = self._frame.site.handle(self.order(name))
        ui.notify(self.answer(name, changed=changed), position="top")


class PauseButton(_OrderButton):
    """Pauses one bed; shown while the bed signals something that holds: a pause in calm covers nothing."""

    action = "Pause"
    question = "Who pauses?"
    note = f"For {_MINUTES} minutes this silences what is signalled now. What is new or worse is signalled as ever."

    def __init__(self, frame: PageLayout, bed_id: str) -> None:
        super().__init__(frame, bed_id, f"Pause {_MINUTES} min", f"Pause {bed_id} for {_MINUTES} minutes")

    def is_due(self, bed: BedSnapshot) -> bool:
        """Tell whether something that holds is signalled."""
        return any(
            episode.newest.condition_present and episode.newest.signal is Signal.ON for episode in bed.open_alerts
        )

    def order(self, by: str) -> Pause:
        """Return a pause of five minutes."""
        return Pause(self._bed_id, by, 60.0 * _MINUTES)

    def answer(self, by: str, *, changed: bool) -> str:
        """Say what came of it."""
        return f"Paused by {by}" if changed else "Nothing is signalled any more."


class ResumeButton(_OrderButton):
    """Ends the pause of one bed before its time; shown while there is one."""

    action = "End the pause"
    question = "Who ends the pause?"
    note = "What still holds is signalled again."

    def __init__(self, frame: PageLayout, bed_id: str) -> None:
        super().__init__(frame, bed_id, "End pause", f"End the pause of {bed_id}")

    def is_due(self, bed: BedSnapshot) -> bool:
        """Tell whether a pause holds."""
        return bed.pause is not None

    def order(self, by: str) -> Resume:
        """Return the end of the pause."""
        return Resume(self._bed_id, by)

    def answer(self, by: str, *, changed: bool) -> str:
        """Say what came of it."""
        return f"The pause was ended by {by}" if changed else "The pause was over already."
