"""The dialog in which a nurse says that something painful is done now: one tap for each kind."""

from collections.abc import Callable

from nicegui import ui

from monitor.board import BedSnapshot
from monitor.control.requests import OperatorRequest, Procedure, checked_reason
from monitor.pain.procedure import ProcedureKind
from monitor.pain.vocabulary import Occupancy
from monitor.web.pages.history_words import PROCEDURES
from monitor.web.pages.layout import PageLayout
from monitor.web.pages.request_dialog import RequestDialog, text_field

__all__ = ["ProcedureButton"]


class ProcedureButton(RequestDialog):
    """Marks a procedure; shown to nurses where an infant lies in the bed.

    Args:
        frame: The page.
        bed_id: Which bed.
    """

    def __init__(self, frame: PageLayout, bed_id: str) -> None:
        super().__init__(frame, bed_id)
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
            self._ask_name()
            self._note = text_field(t("A few words more, if needed"), 200)
            self._show_problems()
            with ui.element("div").classes("procedures"):
                for kind, words in PROCEDURES.items():
                    self._action(dialog, t(words), self._marker(kind))
            ui.button(t("Cancel"), on_click=dialog.close, color=None).props("flat no-caps").classes("tool")
        dialog.on("hide", dialog.delete)
        dialog.open()

    def _marker(self, kind: ProcedureKind) -> Callable[[str], OperatorRequest]:
        return lambda by: Procedure(self._bed_id, by, kind, note=checked_reason(str(self._note.value or "")))
