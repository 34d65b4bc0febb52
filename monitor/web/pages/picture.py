"""The live picture of a bed: large on its own page, small on its tile."""

from datetime import datetime, timedelta
from urllib.parse import quote

from nicegui import ui

from monitor.board import BedPicture, BedSnapshot
from monitor.clock import Clock
from monitor.localization import Localizer
from monitor.web.pages.camera_dialog import build_camera_button
from monitor.web.pages.layout import PageLayout, say
from monitor.web.pages.region_editor import build_region_editor

__all__ = ["LivePicture", "TilePicture", "taken_at"]

_EVERY_SECONDS = 0.5
_WHOLE = (0.0, 0.0, 1.0, 1.0)
# In a larger ward all beds at a glance are worth more than their pictures, which are one click away.
_WARD_WITH_PICTURES_BEDS = 4


class LivePicture:
    """The camera's picture with box and points, twice a second; gone as soon as there is no fresh one.

    Args:
        frame: The page.
        bed_id: Which bed.
    """

    def __init__(self, frame: PageLayout, bed_id: str) -> None:
        self._site = frame.site
        self._t = frame.t
        self._is_granted = frame.visitor.sees_pictures
        self._bed_id = bed_id
        self._index: int | None = None
        self._edges: tuple[float, float, float, float] | None = None
        with ui.element("figure").classes("picture"):
            with ui.element("div").classes("picture-frame") as holder:
                self._image = ui.element("img").props(f'alt="{frame.t("Live picture of {bed}", bed=bed_id)}"')
                self._region = ui.element("div").classes("picture-region")
            self._nothing = ui.label().classes("picture-nothing")
            with ui.element("figcaption"):
                self._caption = ui.label()
            with ui.element("div").classes("picture-tools"):
                build_region_editor(frame, bed_id, holder)
                build_camera_button(frame, bed_id)
        self._refresh()
        if self._site.previews.is_on:
            ui.timer(_EVERY_SECONDS, self._refresh, immediate=False)

    def _refresh(self) -> None:
        picture = self._site.board.picture(self._bed_id) if self._site.previews.is_on else None
        region = self._show_region() if picture is not None else ""
        self._region.set_visibility(bool(region))
        self._image.set_visibility(picture is not None)
        self._nothing.set_visibility(picture is None)
        if picture is None:
            t, is_on = self._t, self._site.previews.is_on
            off = t("Pictures are switched off (web.preview)") if self._is_granted else t("Not shown to your role")
            say(self._nothing, t("No live picture") if is_on else off)
            say(self._caption, "")
        elif picture.index != self._index:
            self._index = picture.index
            self._image.props(f'src="/api/v1/beds/{quote(self._bed_id)}/preview.jpg?n={picture.index}"')
            blurred = self._t("Blurred picture.") if self._site.previews.is_blurred else ""
            taken = self._t("Taken at {time}.", time=self._t.time(taken_at(picture, self._site.clock)))
            say(self._caption, " ".join(filter(None, (blurred, _faces_words(picture, self._t), region, taken))))

    def _show_region(self) -> str:
        """Draw where the face is searched for, and say so; an empty text where that is the whole picture."""
        bed = self._site.board.snapshot().bed(self._bed_id)
        if bed is None or bed.info.region is None or bed.info.region == _WHOLE:
            return ""
        if bed.info.region != self._edges:
            self._edges = bed.info.region
            left, top, right, bottom = (100 * edge for edge in self._edges)
            self._region.style(f"left: {left}%; top: {top}%; width: {right - left}%; height: {bottom - top}%")
        return self._t("Dashed frame: only there the face is searched for.")


class TilePicture:
    """A small picture on a bed's tile, once a second; not there where none may or can be shown, or beds are many.

    Args:
        frame: The page.
        bed_id: Which bed.
    """

    def __init__(self, frame: PageLayout, bed_id: str) -> None:
        self._previews_are_on = frame.site.previews.is_on
        self._is_on = False
        self._bed_id = bed_id
        self._index: int | None = None
        with ui.element("figure").classes("tile-picture") as self._figure:
            self._image = ui.element("img").props(f'alt="{frame.t("Live picture of {bed}", bed=bed_id)}"')
        # Where pictures are shown, their room stays when there is none, so that nothing below moves.
        self._figure.set_visibility(False)
        self._image.classes("unseen")

    def show(self, bed: BedSnapshot, beds: int) -> None:
        """Show the newest picture, or none; `beds` is how many are shown."""
        is_on = self._previews_are_on and beds <= _WARD_WITH_PICTURES_BEDS
        if is_on != self._is_on:
            self._is_on = is_on
            self._figure.set_visibility(is_on)
        if not self._is_on or bed.picture_index == self._index:
            return
        self._index = bed.picture_index
        self._image.classes(**({"add": "unseen"} if self._index is None else {"remove": "unseen"}))
        if self._index is not None:
            self._image.props(f'src="/api/v1/beds/{quote(self._bed_id)}/preview.jpg?size=small&n={self._index}"')


def taken_at(picture: BedPicture, clock: Clock) -> datetime:
    """Return when a picture reached this machine; a page that is opened shows one that may be seconds old."""
    return clock.wall() - timedelta(seconds=clock.monotonic() - picture.frame.time_seconds)


def _faces_words(picture: BedPicture, t: Localizer) -> str:
    """Return what was found in the picture: in words, for those who cannot see the box."""
    frame_faces = picture.frame_faces
    if frame_faces is None or not frame_faces.faces:
        return t("No face found.")
    others = len(frame_faces.faces) - (frame_faces.patient is not None)
    beside = [] if not others else [t.plural("{count} other face, in grey.", "{count} other faces, in grey.", others)]
    if frame_faces.patient is None:
        return " ".join([t("No face that is the infant's."), *beside])
    face = frame_faces.patient.face
    turned = round(face.orientation_deg)
    lies = t("upright") if abs(turned) < 10 else t("turned by {angle}°", angle=abs(turned))
    found = t("Face found, {position}, certainty {score} of 1.", position=lies, score=t.decimal(face.score))
    return " ".join([found, *beside])
