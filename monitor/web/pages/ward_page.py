"""The ward: one tile a bed, the most urgent first."""

from fastapi import Request
from nicegui import ui

from monitor.board import BedSnapshot, BoardSnapshot
from monitor.web.pages.acknowledge_button import AcknowledgeButton
from monitor.web.pages.labels import camera_state, face_words, history_span_seconds, percent, two_digits
from monitor.web.pages.layout import PageLayout, page_frame, say
from monitor.web.pages.picture import TilePicture
from monitor.web.pages.sparkline import sparkline
from monitor.web.pages.station_alerts import StationAlerts
from monitor.web.pages.status import StatusPanel

__all__ = ["BedTile", "WardView", "show_ward"]

_SPARKLINE_EVERY = 4


@ui.page("/")
def show_ward(request: Request) -> None:
    """Build the ward page."""
    with page_frame(request, "Beds") as frame:
        WardView(frame)


class WardView:
    """All tiles of one open page.

    Args:
        frame: The page.
    """

    def __init__(self, frame: PageLayout) -> None:
        self._frame = frame
        ui.label("Beds").classes("spoken").props("role=heading aria-level=1")
        self._station = StationAlerts(frame)
        self._grid = ui.element("div").classes("ward")
        self._tiles: dict[str, BedTile] = {}
        self._order: list[str] = []
        frame.on_refresh(self._refresh)

    def _refresh(self, snapshot: BoardSnapshot) -> None:
        self._station.show(snapshot)
        beds = snapshot.by_urgency()
        for gone in self._tiles.keys() - {bed.info.bed_id for bed in beds}:
            self._tiles.pop(gone).delete()
        for bed in beds:
            bed_id = bed.info.bed_id
            if bed_id not in self._tiles:
                with self._grid:
                    self._tiles[bed_id] = BedTile(self._frame, bed_id)
            self._tiles[bed_id].show(bed, snapshot)
        order = [bed.info.bed_id for bed in beds]
        if order != self._order:
            for position, bed_id in enumerate(order):
                self._tiles[bed_id].move(position)
            self._order = order


class BedTile:
    """One bed on the ward page.

    Args:
        frame: The page.
        bed_id: Which bed.
    """

    def __init__(self, frame: PageLayout, bed_id: str) -> None:
        self._on_level = frame.site.config.alarms.on_level
        self._drawn = 0
        self._card = ui.element("article").classes("tile").props(f'aria-label="{bed_id}" data-bed="{bed_id}"')
        with self._card:
            with ui.element("div").classes("tile-head"):
                with ui.element("h2"):
                    ui.link(bed_id, f"/bed/{bed_id}").classes("tile-link")
                self._acknowledge = AcknowledgeButton(frame, bed_id)
            self._status = StatusPanel()
            with ui.element("div").classes("tile-body"):
                self._picture = TilePicture(frame, bed_id)
                with ui.element("div").classes("tile-numbers"):
                    with ui.element("div").classes("tile-level"):
                        with ui.element("div").classes("level-now"):
                            ui.label("Level").classes("fact-name")
                            self._level = ui.label().classes("level-number")
                        with ui.element("div"):
                            self._spark = ui.html("", sanitize=False).classes("spark")
                            self._span = ui.label().classes("spark-span")
                    with ui.element("dl").classes("facts"):
                        self._face = _fact("Face seen")
                        self._coverage = _fact("Coverage")
                        self._camera = _fact("Camera")

    def show(self, bed: BedSnapshot, snapshot: BoardSnapshot) -> None:
        """Show a bed as it is now."""
        self._status.show(bed, snapshot.taken_seconds, self._card)
        seen = bed.observation
        # A level that does not count any more must not stand there as if it did.
        level = seen.display_level if seen is not None and bed.status.can_see else None
        say(self._level, two_digits(level))
        say(self._face, face_words(bed.seconds_since_face))
        say(self._coverage, "not known" if seen is None else percent(seen.coverage))
        say(self._camera, camera_state(bed.camera))
        self._picture.show(bed)
        self._acknowledge.offer(bed.open_alerts)
        if not self._drawn or snapshot.number >= self._drawn + _SPARKLINE_EVERY:
            self._drawn = snapshot.number
            self._spark.set_content(sparkline(bed, snapshot.taken_seconds, self._on_level))
            say(self._span, f"last {history_span_seconds(bed, snapshot.taken_seconds) / 60:.0f} min")

    def move(self, position: int) -> None:
        """Move the tile to its position in the order of urgency."""
        self._card.move(target_index=position)

    def delete(self) -> None:
        """Remove the tile."""
        self._card.delete()


def _fact(name: str) -> ui.label:
    with ui.element("div"):
        with ui.element("dt"):
            ui.label(name)
        with ui.element("dd"):
            return ui.label()
