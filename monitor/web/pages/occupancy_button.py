"""The dialog in which a nurse says who lies in a bed: admitted, empty, or away for a while."""

from nicegui import ui

from monitor.board import BedSnapshot
from monitor.control.requests import Admit, Discharge, OperatorRequest, Resume, Standby, checked_infant, checked_reason
from monitor.pain.vocabulary import Occupancy
from monitor.web.pages.layout import PageLayout, say
from monitor.web.pages.request_dialog import RequestDialog, text_field

__all__ = ["OccupancyButton"]

_MINUTES = 30


class OccupancyButton(RequestDialog):
    """The infant's pseudonym, and a button that opens the dialog: it asks before it acts, for these end alarms.

    Args:
        frame: The page.
        bed_id: Which bed.
    """

    def __init__(self, frame: PageLayout, bed_id: str) -> None:
        super().__init__(frame, bed_id)
        self._state = Occupancy.OCCUPIED
        self._was_offered = False
        self._infant_label = ui.label().classes("top-station")
        self._button = (
            ui.button(self._t("Occupancy"), on_click=self._open, color=None)
            .props(f'outline no-caps aria-label="{self._t("Say who lies in {bed}", bed=bed_id)}"')
            .classes("tool")
        )
        self._button.set_visibility(frame.may_acknowledge)

    def offer(self, bed: BedSnapshot) -> None:
        """Take who lies in the bed now."""
        if not self._was_offered:
            self._was_offered = True
            self._offer_again(bed)
        self._state = bed.occupancy.state
        say(self._infant_label, bed.occupancy.infant or "")

    def _open(self) -> None:
        t = self._t
        title = t("Who lies in {bed}?", bed=self._bed_id)
        with ui.dialog().props(f'aria-label="{title}"') as dialog, ui.card().classes("ack-dialog"):
            ui.label(title).classes("ack-title").props("role=heading aria-level=2")
            ui.label(t("Each of these ends the alarms of this bed. Nothing of one infant passes to the next."))
            self._ask_name()
            self._infant = text_field(t("Pseudonym of the infant to be admitted, never a name"), 63)
            self._minutes = ui.number(t("Minutes of stand-by"), value=_MINUTES, min=1).props("outlined color=ink")
            self._until_face = ui.checkbox(t("End the stand-by when a face returns"), value=True).props("color=ink")
            self._reason = text_field(t("Reason of the stand-by"), 200)
            self._show_problems()
            with ui.row():
                self._action(dialog, t("Admit an infant"), self._admit)
                if self._state is not Occupancy.EMPTY:
                    self._action(dialog, t("Bed is empty"), lambda by: Discharge(self._bed_id, by))
                    self._action(dialog, t("Stand-by"), self._standby)
                if self._state is Occupancy.STANDBY:
                    self._action(dialog, t("End the stand-by"), lambda by: Resume(self._bed_id, by))
                ui.button(t("Cancel"), on_click=dialog.close, color=None).props("flat no-caps").classes("tool")
        dialog.on("hide", dialog.delete)
        dialog.open()

    def _admit(self, by: str) -> OperatorRequest:
        return Admit(self._bed_id, by, checked_infant(str(self._infant.value or "")))

    def _standby(self, by: str) -> OperatorRequest:
        minutes = self._minutes.value
        seconds = None if minutes is None else 60.0 * float(minutes)
        reason = checked_reason(str(self._reason.value or ""))
        return Standby(self._bed_id, by, seconds, bool(self._until_face.value), reason)
