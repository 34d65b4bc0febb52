"""What a person has just done, and ten seconds to take it back."""

from collections.abc import Callable

from nicegui import ui

from monitor.localization import Localizer

__all__ = ["UNDO_SECONDS", "UndoBar"]

UNDO_SECONDS = 10.0
_ROWS_AT_MOST = 3


class UndoBar:
    """Rows at the lower edge of the page, each there for ten seconds; it covers no button of a bed.

    Args:
        t: The reader's language.
    """

    def __init__(self, t: Localizer) -> None:
        self._t = t
        self._rows: list[ui.element] = []
        self._bar = ui.element("div").classes("undo-bar").props("role=status")

    def offer(self, words: str, undo: Callable[[], object], seconds: float = UNDO_SECONDS) -> None:
        """Say what was done, for some seconds; `undo` is called, and awaited where it is slow, to take it back."""
        while len(self._rows) >= _ROWS_AT_MOST:
            self._remove(self._rows[0])
        with self._bar:
            row = ui.element("div").classes("undo-row")
        self._rows.append(row)

        def take_back() -> object:
            self._remove(row)
            return undo()

        with row:
            ui.label(words)
            button = ui.button(self._t("Undo"), on_click=take_back, color=None).props("flat no-caps").classes("tool")
            # Not as text of properties: the words hold a name that somebody has typed.
            button.props["aria-label"] = f"{self._t('Undo')}: {words}"
            ui.timer(seconds, lambda: self._remove(row), once=True)

    def _remove(self, row: ui.element) -> None:
        if row in self._rows:
            self._rows.remove(row)
            row.delete()
