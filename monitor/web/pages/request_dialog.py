"""What the dialogs of a bed share: who asks, whether they still may, and what became of the request."""

from collections.abc import Callable

from nicegui import ui

from monitor.board import BedSnapshot
from monitor.control.requests import Admit, Discharge, OperatorRequest, Procedure, Resume, Standby, Undo
from monitor.errors import RefusedError
from monitor.localization import message
from monitor.pain.occupancy import BedStatement
from monitor.web.app_context import checked_name
from monitor.web.pages.labels import refusal_words
from monitor.web.pages.layout import PageLayout, refuse
from monitor.web.pages.sent_requests import follow_request

__all__ = ["RequestDialog", "text_field"]


_STATEMENTS: dict[type[OperatorRequest], BedStatement] = {
    Admit: BedStatement.ADMIT,
    Discharge: BedStatement.DISCHARGE,
    Standby: BedStatement.STANDBY,
    Resume: BedStatement.RESUME,
    Procedure: BedStatement.PROCEDURE,
}


_WORDS: dict[BedStatement, str] = {
    BedStatement.ADMIT: message("Admit an infant"),
    BedStatement.DISCHARGE: message("Bed is empty"),
    BedStatement.STANDBY: message("Stand-by"),
    BedStatement.RESUME: message("End the stand-by"),
    BedStatement.PROCEDURE: message("Procedure"),
}


class RequestDialog:
    """Base of a button whose dialog sends requests in a nurse's name.

    Args:
        frame: The page.
        bed_id: Which bed.
    """

    def __init__(self, frame: PageLayout, bed_id: str) -> None:
        self._frame = frame
        self._t = frame.t
        self._bed_id = bed_id

    def _ask_name(self) -> None:
        """Build the field for the nurse's name where no login gives it."""
        self._by = None if self._frame.visitor.name is not None else text_field(self._t("Who are you?"), 63)

    def _show_problems(self) -> None:
        self._problem = ui.label().props("role=alert").classes("ack-problem")

    def _action(self, dialog: ui.dialog, words: str, order: Callable[[str], OperatorRequest]) -> None:
        """Build a button that sends what `order` makes of the nurse's name, and closes the dialog."""

        def act() -> None:
            t = self._t
            # A login may have ended since the page was opened.
            if not self._frame.is_still_allowed_to_acknowledge():
                self._problem.set_text(t("You are not logged in any more."))
                return
            try:
                by = checked_name(self._frame.visitor.name or str(self._by.value if self._by else ""))
            except ValueError:
                self._problem.set_text(t("Give a name or a pseudonym of 1 to 63 letters."))
                return
            try:
                request, before = order(by), self._bed_now()
                changed = self._frame.site.handle(request)
            except RefusedError as error:
                self._problem.set_text(refusal_words(error, t))
                return
            dialog.close()
            if not changed:
                ui.notify(t("Nothing had to be changed."), position="top")
                return

            def tell(age_seconds: float = 0.0) -> None:
                done = t("{bed}: {action}, by {name}", bed=self._bed_id, action=words, name=by)
                self._frame.offer_undo(done, lambda: self._take_back(_STATEMENTS[type(request)], by), age_seconds)

            if before is not None:
                follow_request(self._frame, before, None if isinstance(request, Resume) else by, tell)
            else:
                tell()

        ui.button(words, on_click=act, color=None).props("unelevated no-caps").classes("ack")

    def _bed_now(self) -> BedSnapshot | None:
        """Return the bed before something is asked of it; None on a station, which does that at once."""
        site = self._frame.site
        return None if site.ward is None else site.board.snapshot().bed(self._bed_id)

    def _offer_again(self, bed: BedSnapshot) -> None:
        """Offer to take back what was said of the bed some seconds before the page was opened."""
        said = bed.recent
        if said is not None:
            words = self._t(
                "{bed}: {action}, by {name}", bed=self._bed_id, action=self._t(_WORDS[said.statement]), name=said.by
            )
            age_seconds = self._frame.site.clock.monotonic() - said.at_seconds
            self._frame.offer_undo_again(said.by, age_seconds, words, lambda: self._take_back(said.statement, said.by))

    def _take_back(self, statement: BedStatement, by: str) -> None:
        t = self._t
        if not self._frame.is_still_allowed_to_acknowledge():
            refuse(t("You are not logged in any more."))
            return
        before = self._bed_now()
        try:
            self._frame.site.handle(Undo(self._bed_id, by, statement))
        except RefusedError:
            words = t("{bed}: it was too late to undo that", bed=self._bed_id)
            refuse(words)
            return

        def tell(_: float = 0.0) -> None:
            ui.notify(t("{bed}: taken back, all is as before", bed=self._bed_id), position="top")

        if before is not None:
            follow_request(self._frame, before, None, tell)
        else:
            tell()


def text_field(words: str, longest: int) -> ui.input:
    """Build a field of a dialog for at most `longest` characters."""
    return ui.input(words).props(f"maxlength={longest} outlined color=ink label-color=ink").classes("ack-name")
