"""The dialog in which a nurse says that something painful is done now: one tap for each kind."""

from collections.abc import Callable

from nicegui import ui

from monitor.board import BedSnapshot
from monitor.control.requests import Procedure, checked_reason
from monitor.errors import RefusedError
from monitor.pain.procedure import ProcedureKind
from monitor.pain.vocabulary import Occupancy
from monitor.web.app_context import checked_name
from monitor.web.pages.history_words import PROCEDURES
from monitor.web.pages.layout import PageLayout

__all__ = ["ProcedureButton"]


class ProcedureButton:
    """Marks a procedure; shown to nurses where an infant lies in the bed.

    Args:
        frame: The page.
        bed_id: Which bed.
    """

    def __init__(self, frame: PageLayout, bed_id: str) -> None:
        self._frame = frame
        self._t = frame.t
        self._bed_id = bed_id
        label = self._t("Procedure at {bed} now", bed=bed_id)
        self._button = (
            ui.button(self._t("Procedure"), on_click=self._open, color=None)
            .props(f'outline no-caps aria-label="{label}"')
            .classes("tool")
        )
        self._button.set_visibility(frame.may_acknowledge)

    def offer(self, bed: BedSnapshot) -> None:
        """Show the button where an infant lies in the bed."""
        self._button.set_visibility(self._frame.may_acknowledge and bed.occupancy.state is not Occupancy.EMPTY)

    def _open(self) -> None:
        t = self._t
        title = t("Procedure at {bed} now", bed=self._bed_id)
        with ui.dialog().props(f'aria-label="{title}"') as dialog, ui.card().classes("ack-dialog"):
            ui.label(title).classes("ack-title").props("role=heading aria-level=2")
            ui.label(t("This marks the event in the record. It silences nothing: pain is signalled as ever."))
            self._by = None if self._frame.visitor.name is not None else _field(t("Who are you?"), 63)
            self._note = _field(t("A few words more, if needed"), 200)
            self._problem = ui.label().props("role=alert").classes("ack-problem")
            with ui.element("div").classes("procedures"):
                for kind, words in PROCEDURES.items():
                    ui.button(t(words), on_click=self._marker(dialog, kind, t(words)), color=None).props(
                        "unelevated no-caps"
                    ).classes("ack")
            ui.button(t("Cancel"), on_click=dialog.close, color=None).props("flat no-caps").classes("tool")
        dialog.on("hide", dialog.delete)
        dialog.open()

    def _marker(self, dialog: ui.dialog, kind: ProcedureKind, words: str) -> Callable[[], None]:
        def mark() -> None:
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
                note = checked_reason(str(self._note.value or ""))
                self._frame.site.handle(Procedure(self._bed_id, by, kind, note=note))
            except (ValueError, RefusedError) as error:
                self._problem.set_text(str(error))
                return
            dialog.close()
            ui.notify(t("{bed}: {action}, by {name}", bed=self._bed_id, action=words, name=by), position="top")

        return mark


def _field(words: str, longest: int) -> ui.input:
    return ui.input(words).props(f"maxlength={longest} outlined color=ink label-color=ink").classes("ack-name")
