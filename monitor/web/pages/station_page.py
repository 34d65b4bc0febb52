"""The technical state of the station."""

from fastapi import Request
from nicegui import ui

from monitor.board import BoardSnapshot, StationStatus
from monitor.web.pages.labels import camera_words, percent
from monitor.web.pages.layout import PageLayout, page_frame, say
from monitor.web.pages.station_alerts import StationAlerts

__all__ = ["StationView", "show_station"]

_CAMERA_COLUMNS = [
    {"name": "bed", "label": "Bed", "field": "bed", "align": "left", "classes": "cell-strong"},
    {"name": "camera", "label": "Camera", "field": "camera", "align": "left"},
    {"name": "state", "label": "State", "field": "state", "align": "left"},
    {"name": "size", "label": "Picture", "field": "size", "align": "left"},
    {"name": "coverage", "label": "Coverage", "field": "coverage", "align": "left"},
    {"name": "reconnects", "label": "Reconnects", "field": "reconnects", "align": "left"},
    {"name": "fault", "label": "Last fault", "field": "fault", "align": "left", "classes": "cell-wide"},
]


@ui.page("/station")
def show_station(request: Request) -> None:
    """Build the page of the station."""
    with page_frame(request, "Station") as frame:
        StationView(frame)


class StationView:
    """The page of the station.

    Args:
        frame: The page.
    """

    def __init__(self, frame: PageLayout) -> None:
        ui.label("Station").props("role=heading aria-level=1").classes("page-title")
        self._alerts = StationAlerts(frame)
        self._facts: dict[str, ui.label] = {}
        with ui.element("dl").classes("facts station-facts"):
            for name in _facts(None):
                with ui.element("div"):
                    with ui.element("dt"):
                        ui.label(name)
                    with ui.element("dd"):
                        self._facts[name] = ui.label()
        with ui.element("section").props("aria-label=Cameras").classes("alerts"):
            ui.label("Cameras").props("role=heading aria-level=2").classes("section-title")
            self._cameras = ui.table(columns=_CAMERA_COLUMNS, rows=[], row_key="bed")
            self._cameras.props("flat wrap-cells hide-pagination :rows-per-page-options=[0] aria-label=Cameras")
            self._cameras.props(":grid=Quasar.Screen.lt.md")
        frame.on_refresh(self._refresh)

    def _refresh(self, snapshot: BoardSnapshot) -> None:
        self._alerts.show(snapshot)
        for name, value in _facts(snapshot.station).items():
            say(self._facts[name], value)
        rows = [
            {
                "bed": bed.info.bed_id,
                "camera": bed.info.camera_id,
                "state": camera_words(bed.camera),
                "size": "" if bed.camera is None or bed.camera.size_px is None else _size(bed.camera.size_px),
                "coverage": "" if bed.observation is None else percent(bed.observation.coverage),
                "reconnects": "" if bed.camera is None else bed.camera.reconnects,
                "fault": "" if bed.camera is None else bed.camera.last_error or "none",
            }
            for bed in snapshot.beds
        ]
        if rows != self._cameras.rows:
            self._cameras.rows = rows


def _facts(facts: StationStatus | None) -> dict[str, str]:
    """Return what is shown, by name, in order."""

    def known(value: object) -> str:
        return "not known" if value is None else str(value)

    def yes_no(value: bool | None, yes: str, no: str) -> str:
        return "not known" if value is None else yes if value else no

    unknown = StationStatus("", "", "")
    status = facts or unknown
    workers = "not known" if status.workers is None else f"{status.workers} of {known(status.workers_wanted)} run"
    rate = "not known" if status.frames_per_second is None else f"{status.frames_per_second:.1f} pictures/s"
    return {
        "Workers": workers,
        "Judged": rate,
        "Redis": yes_no(status.redis_up, "answers", "does not answer"),
        "Alerts waiting": known(status.publisher_backlog),
        "Clock": yes_no(status.clock_synchronised, "synchronised", "not synchronised"),
        "Detector": known(status.detector),
        "Classifier": known(status.classifier),
        "Made for": known(status.model_generation),
        "Engine": known(status.engine),
        "Pictures from": status.generation_mode or "not known",
        "Version": status.version or "not known",
        "Configuration": "not known" if status.config_hash is None else status.config_hash[:12],
    }


def _size(size_px: tuple[int, int]) -> str:
    return f"{size_px[0]} × {size_px[1]}"  # noqa: RUF001 - a multiplication sign for people
