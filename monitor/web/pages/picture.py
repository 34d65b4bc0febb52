"""The live picture of a bed."""

from urllib.parse import quote

from nicegui import ui

from monitor.web.pages.frame import PageFrame, say
from monitor.web.pages.words import clock_time

__all__ = ["LivePicture"]

_EVERY_SECONDS = 0.5


class LivePicture:
    """The camera's picture with box and points, twice a second; gone as soon as there is no fresh one.

    Args:
        frame: The page.
        bed_id: Which bed.
    """

    def __init__(self, frame: PageFrame, bed_id: str) -> None:
        self._site = frame.site
        self._bed_id = bed_id
        self._index: int | None = None
        with ui.element("figure").classes("picture"):
            self._image = ui.element("img").props(f'alt="Live picture of {bed_id}"')
            self._nothing = ui.label().classes("picture-nothing")
            with ui.element("figcaption"):
                self._caption = ui.label()
        self._refresh()
        if self._site.previews.is_on:
            ui.timer(_EVERY_SECONDS, self._refresh, immediate=False)

    def _refresh(self) -> None:
        picture = self._site.board.picture(self._bed_id) if self._site.previews.is_on else None
        self._image.set_visibility(picture is not None)
        self._nothing.set_visibility(picture is None)
        if picture is None:
            is_on = self._site.previews.is_on
            say(self._nothing, "No live picture" if is_on else "Pictures are switched off (web.preview)")
            say(self._caption, "")
        elif picture.index != self._index:
            self._index = picture.index
            self._image.props(f'src="/api/v1/beds/{quote(self._bed_id)}/preview.jpg?n={picture.index}"')
            blurred = "Blurred picture. " if self._site.previews.is_blurred else ""
            say(self._caption, f"{blurred}Taken at {clock_time(self._site.clock.wall())}")
