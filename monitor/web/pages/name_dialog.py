"""The question for a name, where nobody is logged in and somebody does what is recorded."""

from collections.abc import Callable

from nicegui import ui

__all__ = ["ask_for_name"]


def ask_for_name(action: str, scope: str, note: str, then: Callable[[str], None], question: str = "") -> None:
    """Ask who it is, in a dialog that goes away by itself.

    Args:
        action: What the button says: `Acknowledge`.
        scope: What it concerns, for people: a bed's id.
        note: One or two sentences about what it does and what it does not.
        then: Called with the name.
        question: What is asked; `Who acknowledges?`, made from the action, where it is not given.
    """
    with ui.dialog().props(f'aria-label="{action}"') as dialog, ui.card().classes("ack-dialog"):
        ui.label(f"{action} {scope}").classes("ack-title").props("role=heading aria-level=2")
        ui.label(note)
        by = (
            ui.input(question or f"Who {action.lower()}s?")
            .props("autofocus maxlength=63 outlined color=ink label-color=ink")
            .classes("ack-name")
        )
        problem = ui.label().props("role=alert").classes("ack-problem")

        def confirm() -> None:
            if not str(by.value or "").strip():
                problem.set_text("Give a name or a pseudonym.")
                return
            dialog.close()
            then(str(by.value))

        by.on("keydown.enter", confirm)
        with ui.row():
            ui.button(action, on_click=confirm, color=None).props("unelevated no-caps").classes("ack")
            ui.button("Cancel", on_click=dialog.close, color=None).props("flat no-caps").classes("tool")
    dialog.on("hide", dialog.delete)
    dialog.open()
