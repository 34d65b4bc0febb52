"""The ward: one tile a bed, each always at its own position; a strip on top names the beds that need somebody."""

from urllib.parse import quote

from fastapi import Request
from nicegui import ui

from monitor.board import BedSnapshot, BoardSnapshot
from monitor.localization import message
from monitor.web.pages.acknowledge_button import AcknowledgeButton
from monitor.web.pages.compact_tile import CompactTile
from monitor.web.pages.labels import face_words, history_span_seconds
from monitor.web.pages.layout import PageLayout, page_frame, say
from monitor.web.pages.picture import TilePicture
from monitor.web.pages.sparkline import sparkline
from monitor.web.pages.status import StatusPanel
from monitor.web.pages.urgency_strip import UrgencyStrip

__all__ = ["BedTile", "WardView", "show_ward"]

_SPARKLINE_EVERY = 4
_MANY_BEDS = 60
"""From so many beds on, a page has small tiles: it would take seconds to build otherwise."""


@ui.page("/")
def show_ward(request: Request) -> None:
    """Build the ward page."""
    with page_frame(request, message("Beds")) as frame:
        WardView(frame)


class WardView:
    """All tiles of one open page, in the order of the configuration: a hand finds a bed where it was.

    Args:
        frame: The page.
    """

    def __init__(self, frame: PageLayout) -> None:
        self._frame = frame
        ui.label(frame.t("Beds")).classes("spoken").props("role=heading aria-level=1")
        self._urgency = UrgencyStrip(frame)
        self._grid = ui.element("div").classes("ward")
        self._tiles: dict[str, BedTile | CompactTile] = {}
        frame.on_refresh(self._refresh)

    def _refresh(self, snapshot: BoardSnapshot) -> None:
        self._urgency.show(snapshot)
        for gone in self._tiles.keys() - {bed.info.bed_id for bed in snapshot.beds}:
            self._tiles.pop(gone).delete()
        order = [bed.info.bed_id for bed in snapshot.beds]
        before = list(self._tiles)
        for turn, bed in enumerate(snapshot.beds):
            bed_id = bed.info.bed_id
            if bed_id not in self._tiles:
                with self._grid:
                    is_large = len(order) >= _MANY_BEDS
                    tile = CompactTile(self._frame, bed_id, turn) if is_large else BedTile(self._frame, bed_id)
                self._tiles[bed_id] = tile
            self._tiles[bed_id].show(bed, snapshot)
        if before and list(self._tiles) != order and len(self._tiles) > len(before):
            for position, bed_id in enumerate(order):
                self._tiles[bed_id].move(position)
            self._tiles = {bed_id: self._tiles[bed_id] for bed_id in order}


class BedTile:
    """One bed on the ward page.

    Args:
        frame: The page.
        bed_id: Which bed.
    """

    def __init__(self, frame: PageLayout, bed_id: str) -> None:
        t = self._t = frame.t
        self._site = frame.site
        self._drawn = 0
        self._card = ui.element("article").classes("tile").props(f'aria-label="{bed_id}" data-bed="{bed_id}"')
        with self._card:
            with ui.element("div").classes("tile-head"):
                with ui.element("h2"):
                    ui.link(bed_id, f"/bed/{quote(bed_id)}").classes("tile-link")
                self._acknowledge = AcknowledgeButton(frame, bed_id)
            self._status = StatusPanel(frame)
            with ui.element("div").classes("tile-body"):
                self._picture = TilePicture(frame, bed_id)
                with ui.element("div").classes("tile-numbers"):
                    with ui.element("div").classes("tile-level"):
                        help_text = t("How strongly the face shows signs of pain now, from 0 to 1")
                        with ui.element("div").classes("level-now").props(f'title="{help_text}"'):
                            ui.label(t("Level, 0 to 1")).classes("fact-name")
                            self._level = ui.label().classes("level-number")
                        with ui.element("div"):
                            self._spark = ui.html("", sanitize=False).classes("spark")
                            self._span = ui.label().classes("spark-span")
                    with ui.element("dl").classes("facts"):
                        self._face = _fact(t("Face seen"), t("When the infant's face was last seen well enough"))
                        self._coverage = _fact(
                            t("Seen of the last 30 s"), t("Share of the last half minute in which the face was seen")
                        )

    def show(self, bed: BedSnapshot, snapshot: BoardSnapshot) -> None:
        """Show a bed as it is now."""
        t = self._t
        self._status.show(bed, snapshot, self._card)
        seen = bed.observation
        # A level that does not count any more must not stand there as if it did.
        level = seen.display_level if seen is not None and bed.status.can_see else None
        say(self._level, t.level(level))
        say(self._face, face_words(bed.seconds_since_face, t))
        say(self._coverage, t("not known") if seen is None else t.percent(seen.coverage))
        self._picture.show(bed, len(snapshot.beds))
        self._acknowledge.offer(bed.open_alerts)
        if not self._drawn or snapshot.number >= self._drawn + _SPARKLINE_EVERY:
            self._drawn = snapshot.number
            self._spark.set_content(sparkline(bed, snapshot.taken_seconds, self._site.limits_of(bed), t))
            minutes = t.decimal(history_span_seconds(bed, snapshot.taken_seconds) / 60, 0)
            say(self._span, t("last {minutes} min", minutes=minutes))

    def move(self, position: int) -> None:
        """Move the tile to its position in the order of the configuration."""
        self._card.move(target_index=position)

    def delete(self) -> None:
        """Remove the tile."""
        self._card.delete()


def _fact(name: str, help_text: str) -> ui.label:
    with ui.element("div").props(f'title="{help_text}"'):
        with ui.element("dt"):
            ui.label(name)
        with ui.element("dd"):
            return ui.label()
