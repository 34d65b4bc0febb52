"""A bed's state: shape, colour and words together."""

from nicegui import ui
from nicegui.element import Element

from monitor.board import BedSnapshot, BedStatus
from monitor.web.pages.labels import ICONS, pause_words
from monitor.web.pages.layout import say

__all__ = ["StatusPanel"]


class StatusPanel:
    """Icon, headline and sentence; the colours follow from the attribute `data-state` of the element around it."""

    def __init__(self) -> None:
        self._shown: tuple[BedStatus, str] | None = None
        with ui.element("div").classes("status"):
            self._icon = ui.icon("hourglass_empty").classes("status-shape").props("aria-hidden=true")
            with ui.element("div").classes("status-text"):
                self._words = ui.label().classes("status-words")
                self._detail = ui.label().classes("status-detail")
                self._extra = ui.label().classes("status-extra")

    def show(self, bed: BedSnapshot, now_seconds: float, around: Element) -> None:
        """Show a bed's state at a monotonic time, and mark the element around it."""
        status, paused = bed.status, pause_words(bed, now_seconds)
        if (status, paused) == self._shown:
            return
        self._shown = status, paused
        around.props(
            f"data-state={status.state.value} data-acknowledged={str(status.is_acknowledged).lower()} "
            f"data-sees={str(status.can_see).lower()}"
        )
        self._icon.set_name(ICONS[status.state])
        say(self._words, status.words)
        say(self._detail, status.detail)
        extra = paused
        if status.needs_acknowledgement:
            extra = "An earlier alarm has not been acknowledged"
        elif status.is_acknowledged and not paused:
            extra = "Acknowledged"
        say(self._extra, extra)
        self._extra.set_visibility(bool(extra))
        self._detail.set_visibility(bool(status.detail))
