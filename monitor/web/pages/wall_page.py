"""The wall: every bed of the ward on one screen, to be read from across the room, without scrolling or buttons."""

import math

from fastapi import Request
from nicegui import ui

from monitor.board import BedSnapshot, BoardSnapshot
from monitor.localization import message
from monitor.web.display_login import WALL_PATH
from monitor.web.pages.bed_names import common_ends, short_name
from monitor.web.pages.history_words import procedure_words
from monitor.web.pages.labels import ICONS, NOTICE, hour_words
from monitor.web.pages.layout import PageLayout, say, wall_frame
from monitor.web.pages.picture import TilePicture
from monitor.web.pages.sound_bar import build_sound_bar
from monitor.web.pages.station_alerts import is_silent, station_words
from monitor.web.pages.urgency_strip import is_urgent

__all__ = ["WallTile", "WallView", "grid_size", "show_wall"]


@ui.page(WALL_PATH)
def show_wall(request: Request) -> None:
    """Build the wall; `?theme=dark` or `?theme=light` chooses for a screen that nobody touches."""
    with wall_frame(request, message("Wall")) as frame:
        WallView(frame)


def grid_size(beds: int) -> tuple[int, int]:
    """Return columns and rows for a number of beds on a wide screen: 24 are 6 x 4, 36 are 9 x 4."""
    rows = 1 if beds <= 2 else 2 if beds <= 6 else 3 if beds <= 12 else 4
    rows = max(rows, math.ceil(beds / 9))
    return max(1, math.ceil(beds / rows)), rows


class WallView:
    """All beds of one wall.

    Args:
        frame: The page.
    """

    def __init__(self, frame: PageLayout) -> None:
        t = self._t = frame.t
        self._frame = frame
        with ui.element("header").classes("wall-top"):
            ui.label(frame.site.config.station.id).classes("wall-station").props("role=heading aria-level=1")
            self._ends = ui.label().classes("wall-ends")
            self._count = ui.label().classes("wall-count")
            self._trouble = ui.label().classes("wall-trouble")
            ui.label(t(NOTICE)).classes("wall-notice")
            build_sound_bar(t, with_buttons=False)
            self._clock = ui.label().classes("wall-clock").props("id=station-clock")
        frame.build_end_warning()
        self._grid = ui.element("div").classes("wall")
        self._tiles: dict[str, WallTile] = {}
        frame.on_refresh(self._refresh)

    def _refresh(self, snapshot: BoardSnapshot) -> None:
        say(self._clock, self._t.time(snapshot.taken_at))
        urgent = sum(is_urgent(bed) for bed in snapshot.beds)
        many = self._t.plural("{count} bed needs somebody", "{count} beds need somebody", urgent)
        say(self._count, many if urgent else self._t("No bed is signalled"))
        trouble = station_words(snapshot, self._t)
        say(self._trouble, trouble)
        self._trouble.set_visibility(bool(trouble))
        self._grid.props(f"data-silent={str(is_silent(snapshot)).lower()}")
        if [bed.info.bed_id for bed in snapshot.beds] != list(self._tiles):
            self._build(snapshot)
        for bed in snapshot.beds:
            self._tiles[bed.info.bed_id].show(bed, snapshot)

    def _build(self, snapshot: BoardSnapshot) -> None:
        columns, rows = grid_size(len(snapshot.beds))
        ends = common_ends([bed.info.bed_id for bed in snapshot.beds])
        say(self._ends, "…".join(ends) if any(ends) else "")
        self._grid.clear()
        self._grid.style(f"--columns: {columns}; --rows: {rows}")
        with self._grid:
            self._tiles = {bed.info.bed_id: WallTile(self._frame, bed.info.bed_id, ends) for bed in snapshot.beds}


class WallTile:
    """One bed on the wall: name, shape, state, since when.

    Args:
        frame: The page.
        bed_id: Which bed.
        ends: What the names of all beds begin and end with; not repeated on the tile.
    """

    def __init__(self, frame: PageLayout, bed_id: str, ends: tuple[str, str]) -> None:
        self._t = frame.t
        self._marks = ""
        self._card = ui.element("article").classes("wall-tile").props(f'aria-label="{bed_id}" data-bed="{bed_id}"')
        with self._card:
            with ui.element("div").classes("wall-head"):
                with ui.element("div").classes("wall-bed"):
                    ui.label(short_name(bed_id, ends)).classes("wall-fit wall-name").props(f'title="{bed_id}"')
                self._icon = ui.icon("hourglass_empty").classes("wall-shape").props("aria-hidden=true")
            with ui.element("div").classes("wall-words"):
                self._words = ui.label().classes("wall-fit")
            self._picture = TilePicture(frame, bed_id)
            self._since = ui.label().classes("wall-since")

    def show(self, bed: BedSnapshot, snapshot: BoardSnapshot) -> None:
        """Show a bed as it is now."""
        status, t = bed.status, self._t
        marks = (
            f"data-state={status.state.value} data-acknowledged={str(status.is_acknowledged).lower()} "
            f"data-sees={str(status.can_see).lower()}"
        )
        if marks != self._marks:
            self._marks = marks
            self._card.props(marks)
            self._icon.set_name(ICONS[status.state])
        say(self._words, t(status.words))
        self._picture.show(bed, len(snapshot.beds))
        parts = [procedure_words(bed, t)]
        if status.is_acknowledged:
            parts.append(t("acknowledged"))
        if status.since is not None:
            parts.append(t.duration(max(0.0, (snapshot.taken_at - status.since).total_seconds())))
        parts.append(hour_words(bed, t))
        say(self._since, " · ".join(filter(None, parts)))
