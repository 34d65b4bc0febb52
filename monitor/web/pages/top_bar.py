"""The header of every page: where one is, the time and its zone, the theme, the language, who is logged in."""

from datetime import UTC, datetime
from typing import Literal
from urllib.parse import quote

from fastapi import Request
from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement
from nicegui.events import GenericEventArguments

from monitor.board import BoardSnapshot
from monitor.control.access import Role
from monitor.localization import LANGUAGES, Localizer
from monitor.web.access import Visitor
from monitor.web.app_context import AppContext
from monitor.web.language import LANGUAGE_PATH
from monitor.web.pages.labels import NOTICE
from monitor.web.pages.push_dialog import build_push_dialog
from monitor.web.pages.sound_bar import build_sound_bar

__all__ = ["TopBar", "notice_words"]

_THEME_COOKIE = "nicu_theme"
_WARNED_SECONDS = 15 * 60.0
"""So long before a login ends, the page says so: time to finish what one is at."""


class TopBar:
    """The header of one open page.

    Args:
        request: With which the page was asked for.
        site: Whose page.
        visitor: Who looks at it.
        t: The reader's language.
    """

    def __init__(self, request: Request, site: AppContext, visitor: Visitor, t: Localizer) -> None:
        self._site = site
        self._visitor = visitor
        self._t = t
        self._path = request.url.path
        self._theme = request.query_params.get("theme") or request.cookies.get(_THEME_COOKIE)
        self._clock: TextElement | None = None
        self._end: ui.element | None = None
        self._theme_button: ui.button | None = None
        self.is_dark = self._theme == "dark"

    def build(self) -> None:
        """Build the header and the notice below it."""
        t = self._t
        self.choose_theme()
        ui.link(t("Skip to content"), "#main").classes("skip")
        with ui.element("header").classes("top"):
            with ui.element("div").classes("top-name"):
                ui.label("NICU pain monitor").classes("top-title")
                ui.label(self._site.config.station.id).classes("top-station")
            with ui.element("nav").props(f'aria-label="{t("Pages")}"').classes("top-nav"):
                ui.link(t("Beds"), "/")
                ui.link(t("Wall"), "/wall")
                if self._site.history is not None:
                    ui.link(t("Handover"), "/handover")
                ui.link(t("Station"), "/station")
                if self._visitor.may(Role.ADMIN) and self._visitor.name is not None:
                    ui.link(t("Users"), "/users")
            with ui.element("div").classes("top-tools"):
                self._clock = ui.label().classes("top-clock").props("id=station-clock")
                zone = t.zone(self._site.clock.wall())
                ui.label(t("Times in {zone}", zone=zone)).classes("top-station")
                self._theme_button = (
                    ui.button(t("Dark room"), on_click=self._switch_theme, color=None)
                    .props(f'flat no-caps aria-pressed="{str(self.is_dark).lower()}"')
                    .classes("tool")
                )
                self._build_languages()
                if self._visitor.name is not None:
                    with ui.element("form").props('method="post" action="/logout"'):
                        ui.button(t("Log out {name}", name=self._visitor.name), color=None).props(
                            "flat no-caps type=submit"
                        ).classes("tool")
        self.build_end_warning()
        with ui.element("aside").props(f'aria-label="{t("Notice")}"').classes("notice"):
            ui.label(notice_words(self._site, t)).classes("notice-kind")
            ui.label(t(NOTICE)).classes("notice-main")
            build_sound_bar(t, with_buttons=True, with_push=self._site.push is not None)
        if self._site.push is not None:
            build_push_dialog(t, self._visitor)

    def build_end_warning(self) -> None:
        """Build the place where the page says that the login ends soon."""
        self._end = ui.element("div").props("role=status").classes("login-ends")

    def choose_theme(self) -> None:
        """Take the theme of the address or of this browser; what the browser prefers where neither says one."""
        self._dark = ui.dark_mode(None if self._theme not in {"dark", "light"} else self.is_dark)

    def show(self, snapshot: BoardSnapshot) -> None:
        """Show the time of a snapshot."""
        text = self._t.time(snapshot.taken_at)
        if self._clock is not None and self._clock.text != text:
            self._clock.set_text(text)

    def warn_of_end(self, ends_seconds: float | None) -> None:
        """Say some minutes before a login ends that it does, once.

        Args:
            ends_seconds: When, s since 1970; None where it has no end.
        """
        end, t = self._end, self._t
        if end is None or ends_seconds is None:
            return
        ends_at = datetime.fromtimestamp(ends_seconds, UTC)
        if (ends_at - self._site.clock.wall()).total_seconds() > _WARNED_SECONDS:
            return
        self._end = None
        time = t.time(ends_at, seconds=False)
        with end:
            ui.label(t("Your login ends at {time}. Then this page shows and signals nothing.", time=time))
            ui.link(t("Log in again"), f"/login?next={quote(self._path)}")

    def learn_theme(self) -> None:
        """Ask the browser for the theme that it has chosen where nobody has."""
        ui.on("theme", self._take_theme)
        ui.run_javascript('emitEvent("theme", Quasar.Dark.isActive)')

    def _build_languages(self) -> None:
        with ui.element("nav").props(f'aria-label="{self._t("Language")}"').classes("languages"):
            for tag, name in LANGUAGES.items():
                address = f"{LANGUAGE_PATH}{tag}?next={quote(self._path)}"
                current = "aria-current=true" if tag == self._t.language else ""
                ui.link(tag.partition("-")[0].upper(), address).props(
                    f'lang="{tag}" title="{name}" aria-label="{name}" {current}'
                )

    def _take_theme(self, event: GenericEventArguments) -> None:
        self.is_dark = bool(event.args)
        self._show_theme()

    def _show_theme(self) -> None:
        if self._theme_button is not None:
            self._theme_button.props(f'aria-pressed="{str(self.is_dark).lower()}"')

    def _switch_theme(self) -> None:
        self.is_dark = not self.is_dark
        self._dark.value = self.is_dark
        self._show_theme()
        theme: Literal["dark", "light"] = "dark" if self.is_dark else "light"
        ui.run_javascript(f'document.cookie = "{_THEME_COOKIE}={theme}; path=/; max-age=31536000; samesite=lax"')


def notice_words(site: AppContext, t: Localizer) -> str:
    """Return what this software is, and where its pictures come from."""
    station = site.board.snapshot().station
    mode = "real" if station is None else station.generation_mode
    made_for = None if station is None else station.model_generation
    words = [t("Research software. Not a medical device.")]
    if mode == "demo":
        words.insert(0, t("Demo with synthetic infants."))
    elif mode == "replay":
        words.insert(0, t("Replay: these pictures are not live."))
    elif mode == "test":
        words.insert(0, t("Test: these pictures are not live."))
    elif made_for == "demo":
        words.insert(0, t("Demo model, trained on synthetic infants."))
    return " ".join(words)
