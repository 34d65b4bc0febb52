"""What all pages have in common: header, notice, theme, live updates, and the sign that they are live."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from fastapi import Request
from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement

from monitor import __version__
from monitor.board import BedState, BoardSnapshot
from monitor.control.access import Role
from monitor.localization import Localizer
from monitor.web.access import Visitor
from monitor.web.app_context import AppContext, localizer_of, site_of, visitor_of
from monitor.web.pages.sound_bar import signals_json
from monitor.web.pages.top_bar import TopBar
from monitor.web.pages.undo_bar import UNDO_SECONDS, UndoBar
from monitor.web.proxies import user_of_proxy
from monitor.web.sessions import SESSION_COOKIE
from monitor.web.user_changes import UserChanges

__all__ = ["PageLayout", "localized_columns", "page_frame", "refuse", "say", "wall_frame"]

_REFRESH_SECONDS = 1.0
_REFUSAL_MILLISECONDS = 8_000
_ALARMING = frozenset({BedState.PAIN_SUSTAINED, BedState.PAIN_SIGN, BedState.CANNOT_SEE, BedState.CAMERA_LOST})
_HEAD = (
    f'<link rel="stylesheet" href="/assets/page.css?v={__version__}">'
    f'<script src="/assets/live.js?v={__version__}" defer></script>'
    f'<script src="/assets/sound.js?v={__version__}" defer></script>'
    f'<script src="/assets/push.js?v={__version__}" defer></script>'
)
# Outside the library's own part of the page, so that it works whatever becomes of that.
_LINK_LOST = (
    '<div id="link-lost" role="alert" hidden data-title="{title}" data-since="{since}"><strong>{title}.</strong> '
    '<span id="link-lost-since"></span> {what}</div>'
    '<div id="logged-out" role="alert" hidden>{out}</div>'
)
_LOG_IN = 'window.nicuLogIn ? window.nicuLogIn() : window.location.assign("/login?ended=1")'

Refresh = Callable[[BoardSnapshot], None]


def say(element: TextElement, text: str) -> None:
    """Change an element's text, and send it only when it differs."""
    if element.text != text:
        element.set_text(text)


def refuse(words: str) -> None:
    """Say above everything why something was not done: in no colour of an alarm, and not where the bar of undos is."""
    ui.notify(words, position="top", icon="block", textColor="ink", classes="refusal", timeout=_REFUSAL_MILLISECONDS)


def localized_columns(columns: Sequence[Mapping[str, Any]], t: Localizer) -> list[dict[str, Any]]:
    """Return a table's columns with their labels in the reader's language."""
    return [{**column, "label": t(column["label"])} for column in columns]


class PageLayout:
    """One open page of one visitor.

    Args:
        request: With which the page was asked for.
        title: Of the page: a message, or a bed's id.
        is_display: Whether it hangs on a wall: without buttons, and it never turns into a form for logging in.
    """

    def __init__(self, request: Request, title: str, *, is_display: bool = False) -> None:
        self.site: AppContext = site_of(request)
        self.visitor: Visitor = visitor_of(request)
        self.t = localizer_of(request)
        self._title = self.t(title)
        self._shown_title = self._title
        self._cookie = request.cookies.get(SESSION_COOKIE)
        self._authorization = request.headers.get("authorization")
        self._proxy_name = user_of_proxy(request, self.site.config.web.user_header)
        is_by_cookie = self._proxy_name is None and self._authorization is None
        self._login_ends_seconds = self.site.access.end_of(self._cookie) if is_by_cookie else None
        self._refreshers: list[Refresh] = []
        self._checks: list[Callable[[BoardSnapshot], bool]] = []
        self._states: dict[str, BedState] | None = None
        self._top = TopBar(request, self.site, self.visitor, self.t)
        self._undo: UndoBar | None = None
        self._offers: list[tuple[str, Callable[[], object], float]] = []
        self._is_display = is_display

    @property
    def is_dark(self) -> bool:
        """Whether the page is shown for a dark room."""
        return self._top.is_dark

    @property
    def may_acknowledge(self) -> bool:
        """Whether the visitor may acknowledge alerts."""
        return self.visitor.may(Role.NURSE)

    def is_still_allowed_to_acknowledge(self) -> bool:
        """Whether the visitor may acknowledge alerts now; a login may have ended since the page was opened."""
        return self.is_still_allowed(Role.NURSE)

    def is_still_allowed(self, role: Role) -> bool:
        """Whether the visitor may do now what `role` may; a login may have ended since the page was opened."""
        return self._visitor_now().may(role)

    @property
    def user_changes(self) -> UserChanges | None:
        """What changes users, where the visitor may do so now: an administrator of every bed."""
        visitor = self._visitor_now()
        file = self.site.config.web.users_file
        if file is None or visitor.name is None or not visitor.may(Role.ADMIN) or visitor.beds.is_limited:
            return None
        return UserChanges(file, self.site.access, self.site.audit)

    def on_refresh(self, refresh: Refresh) -> None:
        """Call `refresh` now and once a second with the newest snapshot."""
        self._refreshers.append(refresh)
        refresh(self.site.board.snapshot())

    def check_until_done(self, check: Callable[[BoardSnapshot], bool]) -> None:
        """Call `check` once a second with the newest snapshot, until it returns True."""
        self._checks.append(check)

    def offer_undo(self, words: str, undo: Callable[[], object], age_seconds: float = 0.0) -> None:
        """Say what the visitor has done; `undo` is called where they take it back within ten seconds of that."""
        if self._undo is not None:
            self._undo.offer(words, undo, max(1.0, UNDO_SECONDS - age_seconds))

    def offer_undo_again(self, by: str, age_seconds: float, words: str, undo: Callable[[], object]) -> None:
        """Offer, for the rest of the ten seconds, to take back what was done before this page was opened.

        Only to who did it; where nobody is logged in, to everybody, for anybody can use any name there.
        """
        left_seconds = UNDO_SECONDS - age_seconds
        is_theirs = self.visitor.name == by or self.visitor.name is None
        if self._undo is None and is_theirs and self.may_acknowledge and 0.0 < left_seconds <= UNDO_SECONDS:
            self._offers.append((words, undo, left_seconds))

    def build_top(self) -> None:
        """Build what stands above every page's own content."""
        self.build_head()
        self._top.build()
        self._build_marks()

    def build_head(self) -> None:
        """Build what no page is without: style, title, and the sign that the station is lost."""
        t = self.t
        ui.add_head_html(_HEAD + f'<script>document.documentElement.lang = "{t.language}"</script>')
        ui.add_body_html(
            _LINK_LOST.format(
                title=t("Disconnected"),
                since=t("Since {time}.", time="%"),
                what=t("What is shown below is old. Look at the infants."),
                out=self._logged_out(),
            )
        )
        ui.page_title(self._title)

    def _logged_out(self) -> str:
        t = self.t
        if self._is_display:
            return t("This display is logged out.") + " " + t("What is shown below is old. Look at the infants.")
        words = t("You were logged out. Nothing is signalled here. Look at the infants.")
        return f'<strong>{words}</strong> <a href="/login">{t("Log in")}</a>'

    def build_wall(self) -> None:
        """Build what stands above a page that hangs on a wall."""
        self.build_head()
        self._top.choose_theme()
        self._build_marks()
        ui.run_javascript('document.body.dataset.display = "wall"')

    def build_end_warning(self) -> None:
        """Build the place where a page without a header says that the login ends soon."""
        self._top.build_end_warning()

    def _build_marks(self) -> None:
        # Its text changes with every refresh; a page on which it stands still is not live.
        self._pulse = ui.label().props("id=pulse hidden")
        self._signals = ui.label().props("id=signals hidden")
        self._spoken = ui.label().props("role=status aria-live=assertive").classes("spoken")

    def build_undo(self) -> None:
        """Build the area for what can be taken back."""
        self._undo = UndoBar(self.t)
        for words, undo, seconds in self._offers:
            self._undo.offer(words, undo, seconds)

    def start(self) -> None:
        """Begin to refresh."""
        self._top.learn_theme()
        # The UI library names its own language once it has started.
        ui.run_javascript(f'document.documentElement.lang = "{self.t.language}"')
        self._refresh()
        ui.timer(_REFRESH_SECONDS, self._refresh, immediate=False)

    def _visitor_now(self) -> Visitor:
        """Return who has the page open, as the users file and the sessions are now."""
        if self._proxy_name is not None:
            return self.site.access.named(self._proxy_name)
        return self.site.access.visitor(self._cookie, self._authorization)

    def _refresh(self) -> None:
        visitor = self._visitor_now()
        if not visitor.may(Role.VIEWER):
            if not self._is_display:
                ui.run_javascript(_LOG_IN)
            return  # on a display the pulse stands still, and its script says why
        if (visitor.beds, visitor.sees_pictures) != (self.visitor.beds, self.visitor.sees_pictures):
            ui.navigate.reload()  # other beds may be seen now, or pictures
            return
        snapshot = self.site.board.snapshot()
        for refresh in self._refreshers:
            refresh(snapshot)
        checks, self._checks = self._checks, []
        self._checks += [check for check in checks if not check(snapshot)]
        self._top.show(snapshot)
        self._top.warn_of_end(self._login_ends_seconds)
        say(self._signals, signals_json(snapshot, self.t))
        self._speak(snapshot)
        self._show_title(snapshot)
        # Last: a refresh that failed half-way leaves a page that does not look live.
        self._pulse.set_text(f"{self.site.run_id} {snapshot.number}")

    def _speak(self, snapshot: BoardSnapshot) -> None:
        """Give screen readers what has become alarming since the last refresh."""
        states = {bed.info.bed_id: bed.status.state for bed in snapshot.beds}
        before = self._states
        self._states = states
        if before is None:
            return
        news = [
            f"{bed.info.bed_id}: {self.t(bed.status.words)}."
            for bed in snapshot.by_urgency()
            if bed.status.state in _ALARMING and before.get(bed.info.bed_id) is not bed.status.state
        ]
        if news:
            say(self._spoken, " ".join(news))

    def _show_title(self, snapshot: BoardSnapshot) -> None:
        """Count beds in pain in the title, for a person who has the page in a tab behind others."""
        pain = sum(
            bed.status.state in {BedState.PAIN_SUSTAINED, BedState.PAIN_SIGN, BedState.PAIN_LATCHED}
            and not bed.status.is_acknowledged
            for bed in snapshot.beds
        )
        title = f"({pain}) {self._title}" if pain else self._title
        if title != self._shown_title:
            self._shown_title = title
            ui.page_title(title)


@contextmanager
def page_frame(request: Request, title: str) -> Iterator[PageLayout]:
    """Build a page: what is made within goes into its main part, and is live from then on."""
    frame = PageLayout(request, title)
    frame.build_top()
    with ui.element("div").props("id=main tabindex=-1"):
        yield frame
    frame.build_undo()
    frame.start()


@contextmanager
def wall_frame(request: Request, title: str) -> Iterator[PageLayout]:
    """Build a page that fills a screen on the wall: what is made within is all of it."""
    frame = PageLayout(request, title, is_display=True)
    frame.build_wall()
    with ui.element("div").props("id=main tabindex=-1").classes("wall-main"):
        yield frame
    frame.start()
