"""The buttons with which somebody who works at a bed silences it for some minutes, and ends that early."""

from abc import ABC, abstractmethod

from nicegui import ui

from monitor.board import BedSnapshot
from monitor.control.requests import OperatorRequest, Pause, Resume
from monitor.errors import RefusedError
from monitor.localization import message
from monitor.pain.vocabulary import Signal
from monitor.web.app_context import checked_name
from monitor.web.pages.labels import refusal_words
from monitor.web.pages.layout import PageLayout, refuse
from monitor.web.pages.name_dialog import ask_for_name
from monitor.web.pages.sent_requests import follow_request

__all__ = ["PauseButton", "ResumeButton"]

_MINUTES = 5


class _OrderButton(ABC):
    """Sends one request about one bed, in the name of the person who is logged in or gives a name.

    Args:
        frame: The page.
        bed_id: Which bed.
    """

    action: str
    question: str
    note: str
    words: str
    label: str

    def __init__(self, frame: PageLayout, bed_id: str) -> None:
        self._frame = frame
        self._t = frame.t
        self._bed_id = bed_id
        self._button = (
            ui.button(self._t(self.words, minutes=_MINUTES), on_click=self._clicked, color=None)
            .props(f'outline no-caps aria-label="{self._t(self.label, bed=bed_id, minutes=_MINUTES)}"')
            .classes("tool unseen")
        )

    def offer(self, bed: BedSnapshot) -> None:
        """Show the button where there is something to do for a nurse."""
        is_shown = self.is_due(bed) and self._frame.may_acknowledge
        # It takes its room whether it is shown or not, so that nothing else comes under a finger that aims at it.
        self._button.classes(**({"remove": "unseen"} if is_shown else {"add": "unseen"}))

    @abstractmethod
    def is_due(self, bed: BedSnapshot) -> bool:
        """Return whether the order would change anything."""

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
            title = f"{self._t(self.action)}: {self._bed_id}"
            note = self._t(self.note, minutes=_MINUTES)
            ask_for_name(self._t, self._t(self.action), title, note, self._give, self._t(self.question))

    def _give(self, by: str) -> None:
        # A login may have ended since the page was opened.
        if not self._frame.is_still_allowed_to_acknowledge():
            refuse(self._t("You are not logged in any more."))
            return
        try:
            name = checked_name(by)
        except ValueError:
            refuse(self._t("Give a name or a pseudonym of 1 to 63 letters."))
            return
        site, order = self._frame.site, self.order(name)
        before = None if site.ward is None else site.board.snapshot().bed(self._bed_id)
        try:
            changed = site.handle(order)
        except RefusedError as error:
            refuse(refusal_words(error, self._t))
            return

        def tell(_: float = 0.0) -> None:
            ui.notify(self.answer(name, changed=changed), position="top")

        if before is not None and changed:
            follow_request(self._frame, before, name if isinstance(order, Pause) else None, tell)
        else:
            tell()


class PauseButton(_OrderButton):
    """Pauses one bed; shown while the bed signals something that holds: a pause in calm covers nothing."""

    action = message("Pause")
    question = message("Who pauses?")
    note = message(
        "For {minutes} minutes this silences what is signalled now. What is new or worse is signalled as ever."
    )
    words = message("Pause {minutes} min")
    label = message("Pause {bed} for {minutes} minutes")

    def is_due(self, bed: BedSnapshot) -> bool:
        """Return whether something that holds is signalled."""
        return any(
            episode.newest.condition_present and episode.newest.signal is Signal.ON for episode in bed.open_alerts
        )

    def order(self, by: str) -> Pause:
        """Return a pause of five minutes."""
        return Pause(self._bed_id, by, 60.0 * _MINUTES)

    def answer(self, by: str, *, changed: bool) -> str:
        """Say what came of it."""
        if not changed:
            return self._t("Nothing is signalled any more.")
        return self._t("{bed}: paused by {name}", bed=self._bed_id, name=by)


class ResumeButton(_OrderButton):
    """Ends the pause of one bed before its time; shown while there is one."""

    action = message("End the pause")
    question = message("Who ends the pause?")
    note = message("What still holds is signalled again.")
    words = message("End pause")
    label = message("End the pause of {bed}")

    def is_due(self, bed: BedSnapshot) -> bool:
        """Return whether a pause holds."""
        return bed.pause is not None

    def order(self, by: str) -> Resume:
        """Return the end of the pause."""
        return Resume(self._bed_id, by)

    def answer(self, by: str, *, changed: bool) -> str:
        """Say what came of it."""
        if not changed:
            return self._t("The pause was over already.")
        return self._t("{bed}: the pause was ended by {name}", bed=self._bed_id, name=by)
