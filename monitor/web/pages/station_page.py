"""The technical state of the station."""

from collections.abc import Mapping

from fastapi import Request
from nicegui import ui

from monitor.board import BoardSnapshot, StationStatus
from monitor.history.recorder import HistoryRecorder
from monitor.localization import Localizer, message
from monitor.web.pages.labels import camera_words
from monitor.web.pages.layout import PageLayout, localized_columns, page_frame, say
from monitor.web.pages.station_alerts import StationAlerts

__all__ = ["StationView", "show_station"]

_CAMERA_COLUMNS = [
    {"name": "bed", "label": message("Bed"), "field": "bed", "align": "left", "classes": "cell-strong"},
    {"name": "camera", "label": message("Camera"), "field": "camera", "align": "left"},
    {"name": "state", "label": message("State"), "field": "state", "align": "left"},
    {"name": "size", "label": message("Picture"), "field": "size", "align": "left"},
    {"name": "coverage", "label": message("Coverage"), "field": "coverage", "align": "left"},
    {"name": "reconnects", "label": message("Reconnects"), "field": "reconnects", "align": "left"},
    {"name": "fault", "label": message("Last fault"), "field": "fault", "align": "left", "classes": "cell-wide"},
]


_MADE_FOR = {"demo": message("demonstrations"), "clinical-research": message("clinical research")}
_PICTURES_FROM = {
    "real": message("cameras"),
    "replay": message("a recording"),
    "demo": message("synthetic infants"),
    "test": message("a test"),
}


@ui.page("/station")
def show_station(request: Request) -> None:
    """Build the page of the station."""
    with page_frame(request, message("Station")) as frame:
        StationView(frame)


class StationView:
    """The page of the station.

    Args:
        frame: The page.
    """

    def __init__(self, frame: PageLayout) -> None:
        self._t = frame.t
        self._history, self._days = frame.site.history, frame.site.config.history.days
        ui.label(frame.t("Station")).props("role=heading aria-level=1").classes("page-title")
        self._alerts = StationAlerts(frame)
        self._facts: dict[str, ui.label] = {}
        with ui.element("dl").classes("facts station-facts"):
            for name in (*_facts(None, frame.t), frame.t("History")):
                with ui.element("div"):
                    with ui.element("dt"):
                        ui.label(name)
                    with ui.element("dd"):
                        self._facts[name] = ui.label()
        with ui.element("section").props(f'aria-label="{frame.t("Cameras")}"').classes("alerts"):
            ui.label(frame.t("Cameras")).props("role=heading aria-level=2").classes("section-title")
            self._cameras = ui.table(columns=localized_columns(_CAMERA_COLUMNS, frame.t), rows=[], row_key="bed")
            self._cameras.props("flat wrap-cells hide-pagination :rows-per-page-options=[0]")
            self._cameras.props(f'aria-label="{frame.t("Cameras")}"')
            self._cameras.props(":grid=Quasar.Screen.lt.md")
        frame.on_refresh(self._refresh)

    def _refresh(self, snapshot: BoardSnapshot) -> None:
        self._alerts.show(snapshot)
        for name, value in _facts(snapshot.station, self._t).items():
            say(self._facts[name], value)
        say(self._facts[self._t("History")], self._history_words())
        rows = [
            {
                "bed": bed.info.bed_id,
                "camera": bed.info.camera_id,
                "state": camera_words(bed.camera, self._t),
                "size": "" if bed.camera is None or bed.camera.size_px is None else _size(bed.camera.size_px),
                "coverage": "" if bed.observation is None else self._t.percent(bed.observation.coverage),
                "reconnects": "" if bed.camera is None else bed.camera.reconnects,
                "fault": "" if bed.camera is None else self._t(bed.camera.last_error or "no fault"),
            }
            for bed in snapshot.beds
        ]
        if rows != self._cameras.rows:
            self._cameras.rows = rows

    def _history_words(self) -> str:
        """Return how the record behind trends and handover stands."""
        t, history = self._t, self._history
        if history is None:
            return t("not kept")
        if not isinstance(history, HistoryRecorder):
            return t("the last hours that the stations pass on")
        status = history.status
        if status.fault is not None:
            return t("cannot be written: {reason}", reason=status.fault)
        if status.set_aside is not None:
            return t("kept; a damaged file was set aside: {name}", name=status.set_aside)
        return t("kept for {days} days", days=t.decimal(self._days, 0))


def _facts(facts: StationStatus | None, t: Localizer) -> dict[str, str]:
    """Return what is shown, by name, in order."""

    def known(value: object) -> str:
        return t("not known") if value is None else str(value)

    def yes_no(value: bool | None, yes: str, no: str) -> str:
        return t("not known") if value is None else yes if value else no

    status = facts or StationStatus("", "", "")
    workers = t("not known")
    if status.workers is not None:
        workers = t("{running} of {wanted} run", running=status.workers, wanted=known(status.workers_wanted))
    rate = t("not known")
    if status.frames_per_second is not None:
        rate = t("{rate} pictures/s", rate=t.decimal(status.frames_per_second, 1))
    return {
        t("Workers"): workers,
        t("Analysed"): rate,
        t("Redis"): yes_no(status.redis_up, t("answers"), t("does not answer")),
        t("Alerts waiting"): known(status.publisher_backlog),
        t("Clock"): yes_no(status.clock_synchronised, t("synchronised"), t("not synchronised")),
        t("Detector"): known(status.detector),
        t("Classifier"): known(status.classifier),
        t("Made for"): _named(_MADE_FOR, status.model_generation, t),
        t("Engine"): known(status.engine),
        t("Pictures from"): _named(_PICTURES_FROM, status.generation_mode, t),
        t("Version"): status.version or t("not known"),
        t("Configuration"): t("not known") if status.config_hash is None else status.config_hash[:12],
    }


def _named(names: Mapping[str, str], code: str | None, t: Localizer) -> str:
    """Return what a code means, in the reader's language; the code itself where a later version has made it."""
    return t(names.get(code, code)) if code else t("not known")


def _size(size_px: tuple[int, int]) -> str:
    return f"{size_px[0]} × {size_px[1]}"  # noqa: RUF001 - a multiplication sign for people
