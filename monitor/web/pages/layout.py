"""What all pages have in common: header, notice, theme, live updates, and the sign that they are live."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

from fastapi import Request
from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement
from nicegui.events import GenericEventArguments

from monitor import __version__
from monitor.board import BedState, BoardSnapshot
from monitor.control.access import Role
from monitor.web.access import Visitor
from monitor.web.app_context import AppContext, site_of, visitor_of
from monitor.web.pages.labels import NOTICE, zone_note
from monitor.web.sessions import SESSION_COOKIE

__all__ = ["PageLayout", "page_frame", "say"]

_THEME_COOKIE = "nicu_theme"
_REFRESH_SECONDS = 1.0
_ALARMING = frozenset({BedState.PAIN_SUSTAINED, BedState.PAIN_SIGN, BedState.CANNOT_SEE, BedState.CAMERA_LOST})
_HEAD = (
    f'<link rel="stylesheet" href="/assets/page.css?v={__version__}">'
    f'<script src="/assets/live.js?v={__version__}" defer></script>'
)
# Outside the library's own part of the page, so that it works whatever becomes of that.
_LINK_LOST = (
    '<div id="link-lost" role="alert" hidden><strong>Disconnected.</strong> <span id="link-lost-since"></span> '
    "What is shown below is old. Look at the infants.</div>"
)

Refresh = Callable[[BoardSnapshot], None]


def say(element: TextElement, text: str) -> None:
    """Change an element's text, and send it only when it differs."""
    if element.text != text:
        element.set_text(text)


class PageLayout:
    """One open page of one visitor.

    Args:
        request: With which the page was asked for.
        title: Of the page.
    """

    def __init__(self, request: Request, title: str) -> None:
        self.site: AppContext = site_of(request)
        self.visitor: Visitor = visitor_of(request)
        self._title = title
        self._shown_title = title
        self._cookie = request.cookies.get(SESSION_COOKIE)
        self._authorization = request.headers.get("authorization")
        self._theme = request.cookies.get(_THEME_COOKIE)
        self._refreshers: list[Refresh] = []
        self._states: dict[str, BedState] | None = None
        self.is_dark = self._theme == "dark"

    @property
    def may_acknowledge(self) -> bool:
        """Whether the visitor may acknowledge alerts."""
        return self.visitor.may(Role.NURSE)

    def is_still_allowed_to_acknowledge(self) -> bool:
        """Whether the visitor may acknowledge alerts now; a login may have ended since the page was opened."""
        return self.site.access.visitor(self._cookie, self._authorization).may(Role.NURSE)

    def on_refresh(self, refresh: Refresh) -> None:
        """Call `refresh` now and once a second with the newest snapshot."""
        self._refreshers.append(refresh)
        refresh(self.site.board.snapshot())

    def build_top(self) -> None:
        """Build what stands above every page's own content."""
        ui.add_head_html(_HEAD)
        ui.add_body_html(_LINK_LOST)
        ui.page_title(self._title)
        self._dark = ui.dark_mode(None if self._theme not in {"dark", "light"} else self.is_dark)
        ui.link("Skip to content", "#main").classes("skip")
        with ui.element("header").classes("top"):
            with ui.element("div").classes("top-name"):
                ui.label("NICU pain monitor").classes("top-title")
                ui.label(self.site.config.station.id).classes("top-station")
            with ui.element("nav").props('aria-label="Pages"').classes("top-nav"):
                ui.link("Beds", "/")
                ui.link("Station", "/station")
            with ui.element("div").classes("top-tools"):
                self._clock = ui.label().classes("top-clock")
                ui.label(zone_note()).classes("top-station")
                self._theme_button = (
                    ui.button("Dark room", on_click=self._switch_theme, color=None)
                    .props(f'flat no-caps aria-pressed="{str(self.is_dark).lower()}"')
                    .classes("tool")
                )
                if self.visitor.name is not None:
                    with ui.element("form").props('method="post" action="/logout"'):
                        ui.button(f"Log out {self.visitor.name}", color=None).props("flat no-caps type=submit").classes(
                            "tool"
                        )
        with ui.element("aside").props('aria-label="Notice"').classes("notice"):
            ui.label(self._notice()).classes("notice-kind")
            ui.label(NOTICE).classes("notice-main")
        # Its text changes with every refresh; a page on which it stands still is not live.
        self._pulse = ui.label().props("id=pulse hidden")
        self._spoken = ui.label().props("role=status aria-live=assertive").classes("spoken")

    def start(self) -> None:
        """Begin to refresh."""
        ui.on("theme", self._learn_theme)
        ui.run_javascript('emitEvent("theme", Quasar.Dark.isActive)')
        self._refresh()
        ui.timer(_REFRESH_SECONDS, self._refresh, immediate=False)

    def _notice(self) -> str:
        station = self.site.board.snapshot().station
        mode = "real" if station is None else station.generation_mode
        made_for = None if station is None else station.model_generation
        words = ["Research software.", "Not a medical device."]
        if mode == "demo":
            words.insert(0, "Demo with synthetic infants.")
        elif mode in {"replay", "test"}:
            words.insert(0, f"{mode.capitalize()}: these pictures are not live.")
        elif made_for == "demo":
            words.insert(0, "Demo model, trained on synthetic infants.")
        return " ".join(words)

    def _refresh(self) -> None:
        if not self.site.access.visitor(self._cookie, self._authorization).may(Role.VIEWER):
            ui.navigate.to("/login")
            return
        snapshot = self.site.board.snapshot()
        for refresh in self._refreshers:
            refresh(snapshot)
        say(self._clock, snapshot.taken_at.astimezone().strftime("%H:%M:%S"))
        self._speak(snapshot)
        self._show_title(snapshot)
        # Last: a refresh that failed half-way leaves a page that does not look live.
        self._pulse.set_text(f"{self.site.run_id} {snapshot.number}")

    def _learn_theme(self, event: GenericEventArguments) -> None:
        """Take what the browser has chosen where nobody has."""
        self.is_dark = bool(event.args)
        self._show_theme()

    def _speak(self, snapshot: BoardSnapshot) -> None:
        """Tell screen readers what has become alarming since the last refresh."""
        states = {bed.info.bed_id: bed.status.state for bed in snapshot.beds}
        before = self._states
        self._states = states
        if before is None:
            return
        news = [
            f"{bed.info.bed_id}: {bed.status.words}."
            for bed in snapshot.by_urgency()
            if bed.status.state in _ALARMING and before.get(bed.info.bed_id) is not bed.status.state
        ]
        if news:
            say(self._spoken, " ".join(news))

    def _show_title(self, snapshot: BoardSnapshot) -> None:
        """Count beds in pain in the title, for a person who has the page in a tab behind others."""
        pain = sum(
            bed.status.state in {BedState.PAIN_SUSTAINED, BedState.PAIN_SIGN} and not bed.status.is_acknowledged
            for bed in snapshot.beds
        )
        title = f"({pain}) {self._title}" if pain else self._title
        if title != self._shown_title:
            self._shown_title = title
            ui.page_title(title)

    def _show_theme(self) -> None:
        self._theme_button.props(f'aria-pressed="{str(self.is_dark).lower()}"')

    def _switch_theme(self) -> None:
        self.is_dark = not self.is_dark
        self._dark.value = self.is_dark
        self._show_theme()
        theme: Literal["dark", "light"] = "dark" if self.is_dark else "light"
        ui.run_javascript(f'document.cookie = "{_THEME_COOKIE}={theme}; path=/; max-age=31536000; samesite=lax"')


@contextmanager
def page_frame(request: Request, title: str) -> Iterator[PageLayout]:
    """Build a page: what is made within goes into its main part, and is live from then on."""
    frame = PageLayout(request, title)
    frame.build_top()
    with ui.element("div").props("id=main tabindex=-1"):
        yield frame
    frame.start()
