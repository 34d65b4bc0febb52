"""One bed: live picture, level over time, alerts and why."""

from datetime import datetime
from urllib.parse import quote

from fastapi import Request
from nicegui import ui

from monitor.board import BedSnapshot, BoardSnapshot
from monitor.localization import Localizer
from monitor.web.pages.acknowledge_button import AcknowledgeButton
from monitor.web.pages.action_panel import ActionPanel
from monitor.web.pages.alert_table import AlertTable
from monitor.web.pages.labels import camera_words, face_words
from monitor.web.pages.layout import PageLayout, page_frame, say
from monitor.web.pages.level_chart import LevelChart
from monitor.web.pages.occupancy_button import OccupancyButton
from monitor.web.pages.pause_controls import PauseButton, ResumeButton
from monitor.web.pages.picture import LivePicture
from monitor.web.pages.procedure_button import ProcedureButton
from monitor.web.pages.status import StatusPanel
from monitor.web.pages.trend_chart import TrendChart

__all__ = ["BedView", "show_bed"]


@ui.page("/bed/{bed_id}")
def show_bed(request: Request, bed_id: str) -> None:
    """Build the page of one bed."""
    with page_frame(request, bed_id) as frame:
        if frame.site.board.snapshot().bed(bed_id) is None:
            ui.label(frame.t("There is no such bed")).props("role=heading aria-level=1").classes("page-title")
            ui.link(frame.t("All beds"), "/")
        else:
            BedView(frame, bed_id)


class BedView:
    """The page of one bed.

    Args:
        frame: The page.
        bed_id: Which bed.
    """

    def __init__(self, frame: PageLayout, bed_id: str) -> None:
        t = self._t = frame.t
        self._bed_id = bed_id
        self._head = ui.element("section").classes("tile bed-head")
        self._head.props(f'aria-label="{t("State")}" data-bed="{bed_id}"')
        with self._head:
            with ui.element("div").classes("tile-head"):
                ui.label(bed_id).props("role=heading aria-level=1").classes("page-title")
                with ui.element("div").classes("tile-actions"):
                    self._pause = PauseButton(frame, bed_id)
                    self._resume = ResumeButton(frame, bed_id)
                    self._procedure = ProcedureButton(frame, bed_id)
                    self._occupancy = OccupancyButton(frame, bed_id)
                    self._acknowledge = AcknowledgeButton(frame, bed_id)
            self._status = StatusPanel(frame)
            with ui.element("dl").classes("facts"):
                self._facts = [_fact(name, help_text) for name, help_text in _facts(t)]
            self._actions = ActionPanel(frame)
            with ui.element("details").classes("notes"):
                with ui.element("summary"):
                    ui.label(t("Technical notes"))
                with ui.element("dl").classes("facts"):
                    self._notes = [_fact(name, "") for name in (t("Camera"), t("Analysed at"))]
        with ui.element("div").classes("bed-columns"):
            self._picture = LivePicture(frame, bed_id)
            self._chart = LevelChart(frame)
        if frame.site.history is not None:
            TrendChart(frame, bed_id, frame.site.history)
            ui.link(t("Handover of {bed}", bed=bed_id), f"/handover/{quote(bed_id)}").classes("handover-link")
        self._table = AlertTable(frame, bed_id)
        frame.on_refresh(self._refresh)

    def _refresh(self, snapshot: BoardSnapshot) -> None:
        bed = snapshot.bed(self._bed_id)
        if bed is None:
            ui.navigate.to("/")
            return
        self._status.show(bed, snapshot, self._head)
        for label, value in zip(self._facts, _values(bed, self._t), strict=True):
            say(label, value)
        for label, value in zip(self._notes, _note_values(bed, snapshot.taken_at, self._t), strict=True):
            say(label, value)
        self._actions.show(bed)
        self._acknowledge.offer(bed.open_alerts)
        self._pause.offer(bed)
        self._resume.offer(bed)
        self._procedure.offer(bed)
        self._occupancy.offer(bed)
        self._chart.show(bed, snapshot)
        self._table.show(bed)


def _facts(t: Localizer) -> tuple[tuple[str, str], ...]:
    """Return what is shown and what it means."""
    return (
        (t("Level, 0 to 1"), t("How strongly the face shows signs of pain now, from 0 to 1")),
        (t("Above threshold"), t("Share of the last half minute in which the level counted towards an alarm")),
        (t("Seen of the last 30 s"), t("Share of the last half minute in which the face was seen")),
        (t("Face seen"), t("When the infant's face was last seen well enough")),
    )


def _values(bed: BedSnapshot, t: Localizer) -> tuple[str, ...]:
    seen = bed.observation
    if seen is None:
        return (t.level(None), t.percent(None), t.percent(None), t("never"))
    level, on_share = (seen.display_level, seen.on_share) if bed.status.can_see else (None, None)
    share = t.percent(None) if on_share is None else t("{share} of 30 s", share=t.percent(on_share))
    return (t.level(level), share, t.percent(seen.coverage), face_words(bed.seconds_since_face, t))


def _note_values(bed: BedSnapshot, now: datetime, t: Localizer) -> tuple[str, ...]:
    # With its day: what a camera lost since yesterday showed last must not read as of today.
    return camera_words(bed.camera, t), t.moment(bed.observed_at, now)


def _fact(name: str, help_text: str) -> ui.label:
    with ui.element("div").props(f'title="{help_text}"' if help_text else ""):
        with ui.element("dt"):
            ui.label(name)
        with ui.element("dd"):
            return ui.label()
