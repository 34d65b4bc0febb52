"""Where in a bed's picture the face is searched for, drawn by an administrator on the picture itself."""

from nicegui import run, ui
from nicegui.events import GenericEventArguments

from monitor import __version__
from monitor.control.access import Role
from monitor.errors import ConfigError
from monitor.web.app_context import ChangeRegion, RegionBefore
from monitor.web.pages.labels import refusal_words
from monitor.web.pages.layout import PageLayout, refuse

__all__ = ["RegionEditor", "build_region_editor"]

Edges = tuple[float, float, float, float]

_WHOLE = (0.0, 0.0, 1.0, 1.0)


def build_region_editor(frame: PageLayout, bed_id: str, holder: ui.element) -> None:
    """Build the editor where the visitor may change the configuration, and there is a picture to draw on.

    Args:
        frame: The page.
        bed_id: Which bed.
        holder: Holds the picture, and nothing beside it.
    """
    site = frame.site
    if frame.visitor.may(Role.ADMIN) and site.change_region is not None and site.previews.is_on:
        RegionEditor(frame, bed_id, holder, site.change_region)


class RegionEditor:
    """A button that opens four fields; they follow what is drawn, and can be written by who has no pointer.

    Args:
        frame: The page.
        bed_id: Which bed.
        holder: Holds the picture.
        change: Puts a region in force and saves it.
    """

    def __init__(self, frame: PageLayout, bed_id: str, holder: ui.element, change: ChangeRegion) -> None:
        t = self._t = frame.t
        self._frame = frame
        self._bed_id = bed_id
        self._holder = holder
        self._change = change
        ui.add_head_html(f'<script src="/assets/region.js?v={__version__}" defer></script>')
        with holder:
            self._draft = ui.element("div").classes("picture-draft")
        holder.on("region", self._take_drawn, args=["detail"])
        self._button = ui.button(t("Region of interest"), on_click=self._toggle, color=None)
        self._button.props(f'outline no-caps aria-label="{t("Region of interest of {bed}", bed=bed_id)}"')
        self._button.classes("tool").props("aria-expanded=false")
        with ui.element("section").props(f'aria-label="{t("Region of interest of {bed}", bed=bed_id)}"') as self._panel:
            ui.label(t("Draw a rectangle around where the infant's face can be, or write its edges in percent."))
            with ui.element("div").classes("region-edges"):
                names = (t("Left edge, %"), t("Upper edge, %"), t("Right edge, %"), t("Lower edge, %"))
                self._fields = [
                    ui.number(name, min=0, max=100, step=1, on_change=self._show_draft).props(
                        "outlined color=ink label-color=ink"
                    )
                    for name in names
                ]
            self._problem = ui.label().props("role=alert").classes("ack-problem")
            with ui.row():
                ui.button(t("Save"), on_click=self._save, color=None).props("unelevated no-caps").classes("ack")
                ui.button(t("Whole picture"), on_click=lambda: self._fill(_WHOLE), color=None).props(
                    "outline no-caps"
                ).classes("tool")
                ui.button(t("Cancel"), on_click=self._close, color=None).props("flat no-caps").classes("tool")
        self._close()
        before = frame.site.regions_before.get(bed_id)
        if before is not None:
            age_seconds = frame.site.clock.monotonic() - before.at_seconds
            words = self._saved_words(before.by)
            frame.offer_undo_again(before.by, age_seconds, words, lambda: self._take_back(before.edges))

    def _saved_words(self, by: str) -> str:
        return self._t("{bed}: region of interest saved, by {name}", bed=self._bed_id, name=by)

    def _now(self) -> Edges:
        """Return the region in force."""
        bed = self._frame.site.board.snapshot().bed(self._bed_id)
        return _WHOLE if bed is None or bed.info.region is None else bed.info.region

    def _toggle(self) -> None:
        """Open or close; the button stays where it is, or the one beside it would move under a finger."""
        if self._panel.visible:
            self._close()
        else:
            self._open()

    def _open(self) -> None:
        self._holder.props("data-drawing=true")
        self._panel.set_visibility(True)
        self._button.props("aria-expanded=true")
        self._draft.set_visibility(True)
        self._fill(self._now())

    def _close(self) -> None:
        self._holder.props(remove="data-drawing")
        self._panel.set_visibility(False)
        self._button.props("aria-expanded=false")
        self._draft.set_visibility(False)
        self._problem.set_text("")

    def _fill(self, edges: Edges) -> None:
        for field, edge in zip(self._fields, edges, strict=True):
            field.set_value(round(100 * edge, 1))

    def _take_drawn(self, event: GenericEventArguments) -> None:
        detail = event.args.get("detail") if isinstance(event.args, dict) else None
        if not isinstance(detail, dict):
            return
        edges = [detail.get(name) for name in ("left", "top", "right", "bottom")]
        if all(isinstance(edge, int | float) and 0.0 <= edge <= 1.0 for edge in edges):
            left, top, right, bottom = (float(edge) for edge in edges if edge is not None)
            self._fill((left, top, right, bottom))

    def _show_draft(self) -> None:
        edges = self._edges()
        if edges is not None:
            left, top, right, bottom = (100 * edge for edge in edges)
            self._draft.style(f"left: {left}%; top: {top}%; width: {right - left}%; height: {bottom - top}%")

    def _edges(self) -> Edges | None:
        """Return what the fields say; None where that is no region."""
        try:
            left, top, right, bottom = (float(field.value) / 100 for field in self._fields)
        except (TypeError, ValueError):
            return None
        return (left, top, right, bottom) if 0 <= left < right <= 1 and 0 <= top < bottom <= 1 else None

    async def _save(self) -> None:
        t, edges, before = self._t, self._edges(), self._now()
        if edges is None:
            self._problem.set_text(t("Write four numbers from 0 to 100, left below right and upper below lower."))
            return
        if await self._apply(edges):
            self._close()
            site = self._frame.site
            site.regions_before[self._bed_id] = RegionBefore(self._name, before, site.clock.monotonic())
            self._frame.offer_undo(self._saved_words(self._name), lambda: self._take_back(before))

    async def _take_back(self, before: Edges) -> None:
        if await self._apply(before):
            self._frame.site.regions_before.pop(self._bed_id, None)
            with self._panel:
                ui.notify(self._t("{bed}: taken back, all is as before", bed=self._bed_id), position="top")

    @property
    def _name(self) -> str:
        return self._frame.visitor.name or "admin"

    async def _apply(self, edges: Edges) -> bool:
        """Put a region in force; return whether it was done, and say why not."""
        if not self._frame.is_still_allowed(Role.ADMIN):
            self._say_no(self._t("You are not logged in any more."))
            return False
        try:
            await run.io_bound(self._change, self._name, self._bed_id, edges)
        except ConfigError as error:
            self._say_no(refusal_words(error, self._t))
            return False
        return True

    def _say_no(self, reason: str) -> None:
        if self._panel.visible:
            self._problem.set_text(reason)
            return
        with self._panel:
            refuse(reason)
