"""The question for a name, where nobody is logged in and somebody does what is recorded."""

from collections.abc import Callable

from nicegui import ui

from monitor.errors import RefusedError
from monitor.localization import Localizer
from monitor.web.app_context import checked_name

__all__ = ["ask_for_name"]


def ask_for_name(t: Localizer, action: str, title: str, note: str, then: Callable[[str], None], question: str) -> None:
    """Ask who it is, in a dialog that goes away by itself. All texts are in the reader's language.

    Args:
        t: The reader's language.
        action: What the button says: `Acknowledge`.
        title: What it concerns, with its bed: `Acknowledge bed-1`.
        note: One or two sentences about what it does and what it does not.
        then: Called with the name.
        question: What is asked: `Who acknowledges?`
    """
    with ui.dialog().props(f'aria-label="{title}"') as dialog, ui.card().classes("ack-dialog"):
        ui.label(title).classes("ack-title").props("role=heading aria-level=2")
        ui.label(note)
        by = ui.input(question).props("autofocus maxlength=63 outlined color=ink label-color=ink").classes("ack-name")
        problem = ui.label().props("role=alert").classes("ack-problem")

        def confirm() -> None:
            try:
                name = checked_name(str(by.value or ""))
            except RefusedError:
                problem.set_text(t("Give a name or a pseudonym of 1 to 63 letters."))
                return
            dialog.close()
            then(name)

        by.on("keydown.enter", confirm)
        with ui.row():
            ui.button(action, on_click=confirm, color=None).props("unelevated no-caps").classes("ack")
            ui.button(t("Cancel"), on_click=dialog.close, color=None).props("flat no-caps").classes("tool")
    dialog.on("hide", dialog.delete)
    dialog.open()
