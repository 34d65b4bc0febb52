"""A bed's state: shape, colour and words together."""

from dataclasses import dataclass

from nicegui import ui
from nicegui.element import Element

from monitor.board import AlarmLimits, BedSnapshot, BedState, BoardSnapshot
from monitor.localization import Localizer
from monitor.web.pages.history_words import procedure_words
from monitor.web.pages.labels import ICONS, acknowledged_words, hour_words, pause_words, since_words
from monitor.web.pages.layout import PageLayout, say

__all__ = ["StatusPanel", "StatusWords", "status_words"]


@dataclass(frozen=True, slots=True)
class StatusWords:
    """How a bed's state reads.

    Attributes:
        marks: Attributes of the element around it, from which the colours follow.
        icon: Name of its shape.
        headline: In a word or two.
        detail: In a sentence.
        since: Since when, and how often within the hour.
        extra: Who has silenced it, or that somebody should acknowledge.
    """

    marks: str
    icon: str
    headline: str
    detail: str
    since: str
    extra: str


def status_words(bed: BedSnapshot, snapshot: BoardSnapshot, t: Localizer, limits: AlarmLimits | None) -> StatusWords:
    """Return how a bed's state reads; `limits` say how long an acknowledgement lasts, None where that is not known."""
    status = bed.status
    since = [procedure_words(bed, t), since_words(bed, snapshot, t), hour_words(bed, t)]
    if status.needs_acknowledgement and status.state is not BedState.PAIN_LATCHED:
        extra = t("An earlier alarm has not been acknowledged")
    else:
        paused = pause_words(bed, snapshot.taken_seconds, t)
        extra = paused or acknowledged_words(bed, limits, snapshot.taken_at, t)
    return StatusWords(
        marks=(
            f"data-state={status.state.value} data-acknowledged={str(status.is_acknowledged).lower()} "
            f"data-sees={str(status.can_see).lower()} data-easing={str(status.is_easing).lower()}"
        ),
        icon=ICONS[status.state],
        headline=t(status.words),
        detail=t(status.detail),
        since=" · ".join(filter(None, since)),
        extra=extra,
    )


class StatusPanel:
    """Icon, headline, sentences; the colours follow from the attribute `data-state` of the element around it.

    Args:
        frame: The page.
    """

    def __init__(self, frame: PageLayout) -> None:
        self._t = frame.t
        self._site = frame.site
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
        words = status_words(bed, snapshot, self._t, self._site.limits_of(bed))
        if words.marks != self._marks:
            self._marks = words.marks
            around.props(words.marks)
            self._icon.set_name(words.icon)
        say(self._words, words.headline)
        if self._detail.text != words.detail:
            self._detail.set_text(words.detail)
            # What does not fit into its lines is there for a pointer that rests on it.
            self._detail.props["title"] = words.detail
        say(self._since, words.since)
        say(self._extra, words.extra)
