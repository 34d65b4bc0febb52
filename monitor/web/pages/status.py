"""A bed's state: shape, colour and words together."""

from nicegui import ui
from nicegui.element import Element

from monitor.board import BedSnapshot, BedState, BoardSnapshot
from monitor.web.pages.labels import ICONS, acknowledged_words, hour_words, pause_words, since_words
from monitor.web.pages.layout import PageLayout, say

__all__ = ["StatusPanel"]


class StatusPanel:
    """Icon, headline, sentences; the colours follow from the attribute `data-state` of the element around it.

    Args:
        frame: The page.
    """

    def __init__(self, frame: PageLayout) -> None:
        self._t = frame.t
        self._expires_seconds = frame.acknowledge_expires_seconds
        self._marks = ""
        with ui.element("div").classes("status"):
            self._icon = ui.icon("hourglass_empty").classes("status-shape").props("aria-hidden=true")
            with ui.element("div").classes("status-text"):
                self._words = ui.label().classes("status-words")
                self._detail = ui.label().classes("status-detail")
                self._since = ui.label().classes("status-since")
                self._extra = ui.label().classes("status-extra")

    def show(self, bed: BedSnapshot, snapshot: BoardSnapshot, around: Element) -> None:
        """Show a bed's state, and mark the element around it."""
        status, t = bed.status, self._t
        marks = (
            f"data-state={status.state.value} data-acknowledged={str(status.is_acknowledged).lower()} "
            f"data-sees={str(status.can_see).lower()} data-easing={str(status.is_easing).lower()}"
        )
        if marks != self._marks:
            self._marks = marks
            around.props(marks)
            self._icon.set_name(ICONS[status.state])
        say(self._words, t(status.words))
        detail = t(status.detail)
        if self._detail.text != detail:
            self._detail.set_text(detail)
            # What does not fit into its lines is there for a pointer that rests on it.
            self._detail.props["title"] = detail
        since = [since_words(bed, snapshot, t), hour_words(bed, t)]
        say(self._since, " · ".join(filter(None, since)))
        say(self._extra, self._seen_by(bed, snapshot))

    def _seen_by(self, bed: BedSnapshot, snapshot: BoardSnapshot) -> str:
        t = self._t
        paused = pause_words(bed, snapshot.taken_seconds, t)
        if bed.status.needs_acknowledgement and bed.status.state is not BedState.PAIN_LATCHED:
            return t("An earlier alarm has not been acknowledged")
        return paused or acknowledged_words(bed, self._expires_seconds, snapshot.taken_at, t)
