"""One bed: live picture, level over time, alerts and why."""

from fastapi import Request
from nicegui import ui

from monitor.board import BedSnapshot, BoardSnapshot
from monitor.web.pages.acknowledge_button import AcknowledgeButton
from monitor.web.pages.alert_table import AlertTable
from monitor.web.pages.labels import camera_words, clock_time, face_words, percent, two_digits
from monitor.web.pages.layout import PageLayout, page_frame, say
from monitor.web.pages.level_chart import LevelChart
from monitor.web.pages.pause_controls import PauseButton, ResumeButton
from monitor.web.pages.picture import LivePicture
from monitor.web.pages.status import StatusPanel

__all__ = ["BedView", "show_bed"]


@ui.page("/bed/{bed_id}")
def show_bed(request: Request, bed_id: str) -> None:
    """Build the page of one bed."""
    with page_frame(request, bed_id) as frame:
        if frame.site.board.snapshot().bed(bed_id) is None:
            ui.label("There is no such bed").props("role=heading aria-level=1").classes("page-title")
            ui.link("All beds", "/")
        else:
            BedView(frame, bed_id)


class BedView:
    """The page of one bed.

    Args:
        frame: The page.
        bed_id: Which bed.
    """

    def __init__(self, frame: PageLayout, bed_id: str) -> None:
        self._bed_id = bed_id
        self._head = ui.element("section").classes("tile bed-head").props(f'aria-label="State" data-bed="{bed_id}"')
        with self._head:
            with ui.element("div").classes("tile-head"):
                ui.label(bed_id).props("role=heading aria-level=1").classes("page-title")
                with ui.element("div").classes("tile-actions"):
                    self._pause = PauseButton(frame, bed_id)
                    self._resume = ResumeButton(frame, bed_id)
                    self._acknowledge = AcknowledgeButton(frame, bed_id)
            self._status = StatusPanel()
            with ui.element("dl").classes("facts"):
                self._facts = {name: _fact(name) for name in _FACTS}
        with ui.element("div").classes("bed-columns"):
            self._picture = LivePicture(frame, bed_id)
            self._chart = LevelChart(frame)
        self._table = AlertTable(frame, bed_id)
        frame.on_refresh(self._refresh)

    def _refresh(self, snapshot: BoardSnapshot) -> None:
        bed = snapshot.bed(self._bed_id)
        if bed is None:
            ui.navigate.to("/")
            return
        self._status.show(bed, snapshot.taken_seconds, self._head)
        for name, value in zip(_FACTS, _values(bed), strict=True):
            say(self._facts[name], value)
        self._acknowledge.offer(bed.open_alerts)
        self._pause.offer(bed)
        self._resume.offer(bed)
        self._chart.show(bed, snapshot)
        self._table.show(bed)


_FACTS = ("Level", "Above threshold", "Coverage", "Face seen", "Camera", "Judged at")


def _values(bed: BedSnapshot) -> tuple[str, ...]:
    seen = bed.observation
    if seen is None:
        return ("–", "–", "–", "never", camera_words(bed.camera), "–")  # noqa: RUF001 - a dash for people
    level = seen.display_level if bed.status.can_see else None
    return (
        two_digits(level),
        f"{percent(seen.on_share)} of 30 s",
        percent(seen.coverage),
        face_words(bed.seconds_since_face),
        camera_words(bed.camera),
        clock_time(bed.observed_at),
    )


def _fact(name: str) -> ui.label:
    with ui.element("div"):
        with ui.element("dt"):
            ui.label(name)
        with ui.element("dd"):
            return ui.label()
