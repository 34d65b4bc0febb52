"""Who may log in, for administrators: add, change, remove, end sessions. Passwords go in and never come out."""

from collections.abc import Callable

from fastapi import Request
from nicegui import run, ui

from monitor.board import BoardSnapshot
from monitor.control.access import Role
from monitor.errors import ConfigError, MonitorError, RefusedError
from monitor.localization import message
from monitor.web.pages.labels import refusal_words
from monitor.web.pages.layout import PageLayout, page_frame, say
from monitor.web.pages.request_dialog import text_field
from monitor.web.user_changes import UserChanges, checked_beds
from monitor.web.users import User

__all__ = ["ROLE_NAMES", "UsersView", "show_users"]

ROLE_NAMES = {
    Role.DISPLAY: message("Display on a wall"),
    Role.VIEWER: message("Viewer"),
    Role.RESEARCHER: message("Researcher"),
    Role.NURSE: message("Nurse"),
    Role.ADMIN: message("Administrator"),
}
_LONGEST_PASSWORD = 256


@ui.page("/users")
def show_users(request: Request) -> None:
    """Build the page of users."""
    with page_frame(request, message("Users")) as frame:
        ui.label(frame.t("Users")).props("role=heading aria-level=1").classes("page-title")
        changes = frame.user_changes
        if changes is None:
            ui.label(frame.t("Only an administrator of every bed may see and change users."))
        else:
            UsersView(frame, changes)


class UsersView:
    """The page of users.

    Args:
        frame: The page.
        changes: Changes them.
    """

    def __init__(self, frame: PageLayout, changes: UserChanges) -> None:
        t = self._t = frame.t
        self._frame = frame
        self._changes = changes
        self._shown: object = None
        self._facts: dict[str, ui.label] = {}
        ui.button(t("Add a person"), on_click=self._open_new, color=None).props("unelevated no-caps").classes("ack")
        self._problem = ui.label().props("role=alert").classes("ack-problem")
        self._list = ui.element("ul").props(f'aria-label="{t("Users")}"').classes("user-list")
        ui.label(
            t("Tokens for programs and wall displays are made on the station's machine: nicu-monitor users token.")
        )
        # Not within a row, which may go while its dialog is open.
        self._dialogs = ui.element("div")
        frame.on_refresh(self._refresh)

    def _refresh(self, _: BoardSnapshot) -> None:
        if self._frame.user_changes is None:
            ui.navigate.to("/")
            return
        try:
            users = self._changes.all()
            problem = ""
        except ConfigError as error:
            users, problem = (), refusal_words(error, self._t)
        sessions: dict[str, int] = {}
        for session in self._frame.site.access.sessions():
            sessions[session.name] = sessions.get(session.name, 0) + 1
        if (users, problem) != self._shown:
            self._shown = (users, problem)
            self._problem.set_text(problem)
            self._list.clear()
            with self._list:
                self._facts = {user.name: self._row(user) for user in users}
        # In place: a row that is built again would take its buttons from under a finger.
        for user in users:
            say(self._facts[user.name], self._facts_of(user, sessions.get(user.name, 0)))

    def _facts_of(self, user: User, sessions: int) -> str:
        t = self._t
        kind = t("password") if user.has_password else t("token")
        beds = t("beds {beds}", beds=str(user.beds)) if user.beds.is_limited else t("every bed")
        used = t.plural("{count} session in use", "{count} sessions in use", sessions)
        role = t(ROLE_NAMES[user.role])
        if user.role is Role.RESEARCHER:
            without = t("{role}, without live picture", role=role)
            role = t("{role}, with live picture", role=role) if user.pictures else without
        return f"{role} · {beds} · {kind} · {used}"

    def _row(self, user: User) -> ui.label:
        t, name = self._t, user.name
        with ui.element("li").props(f'data-user="{name}"'):
            ui.label(name).classes("user-name")
            facts = ui.label().classes("user-facts")
            for words, label, act in (
                (t("Change"), t("Change {name}", name=name), lambda: self._open_change(user)),
                (t("End sessions"), t("End the sessions of {name}", name=name), lambda: self._end(name)),
                (t("Remove"), t("Remove {name}", name=name), lambda: self._open_removal(name)),
            ):
                button = ui.button(words, on_click=act, color=None).props("outline no-caps").classes("tool")
                button.props["aria-label"] = label
        return facts

    def _open_new(self) -> None:
        self._open_form(self._t("Add a person"), None)

    def _open_change(self, user: User) -> None:
        self._open_form(self._t("Change {name}", name=user.name), user)

    def _open_form(self, title: str, user: User | None) -> None:
        t = self._t
        with self._dialog(title) as dialog, ui.card().classes("ack-dialog"):
            ui.label(title).classes("ack-title").props("role=heading aria-level=2")
            name = None if user is not None else text_field(t("Name or pseudonym"), 63)
            names = {role.value: t(words) for role, words in ROLE_NAMES.items()}
            role = ui.select(names, label=t("Role"), value=(Role.VIEWER if user is None else user.role).value)
            role.props("outlined color=ink label-color=ink").classes("ack-name")
            beds = text_field(t("Only these beds; empty: every bed"), 200)
            beds.props('hint="north-*,bed-7"')
            beds.set_value("" if user is None else str(user.beds))
            pictures = ui.checkbox(t("May see the live picture"), value=user is not None and user.pictures)
            pictures.bind_visibility_from(role, "value", value=Role.RESEARCHER.value)
            password = None
            if user is None or user.has_password:
                asked = t("Password, at least 10 characters") if user is None else t("New password; empty: as before")
                password = text_field(asked, _LONGEST_PASSWORD)
                password.props("type=password autocomplete=new-password")
            problem = ui.label().props("role=alert").classes("ack-problem")

            async def save() -> None:
                secret = "" if password is None else str(password.value or "")
                try:
                    scope = checked_beds(str(beds.value or ""))
                except RefusedError as error:
                    problem.set_text(refusal_words(error, t))
                    return
                chosen = Role(str(role.value))
                rights = chosen, scope, secret
                grant = chosen is Role.RESEARCHER and bool(pictures.value)
                if user is None:
                    new = str(name.value or "").strip() if name is not None else ""
                    done = await self._try(problem, lambda by: self._changes.add(by, new, *rights, pictures=grant))
                    words = t("{name} may log in now", name=new)
                else:
                    old = user.name
                    done = await self._try(problem, lambda by: self._changes.change(by, old, *rights, pictures=grant))
                    words = t("{name} was changed", name=old)
                if done:
                    dialog.close()
                    ui.notify(words, position="top")

            with ui.row():
                ui.button(t("Save"), on_click=save, color=None).props("unelevated no-caps").classes("ack")
                ui.button(t("Cancel"), on_click=dialog.close, color=None).props("flat no-caps").classes("tool")

    def _open_removal(self, name: str) -> None:
        t = self._t
        title = t("Remove {name}", name=name)
        with self._dialog(title) as dialog, ui.card().classes("ack-dialog"):
            ui.label(title).classes("ack-title").props("role=heading aria-level=2")
            ui.label(t("They are logged out at once and cannot log in any more."))
            problem = ui.label().props("role=alert").classes("ack-problem")

            async def remove() -> None:
                if await self._try(problem, lambda by: self._changes.remove(by, name)):
                    dialog.close()
                    ui.notify(t("{name} was removed", name=name), position="top")

            with ui.row():
                ui.button(t("Remove"), on_click=remove, color=None).props("unelevated no-caps").classes("ack")
                ui.button(t("Cancel"), on_click=dialog.close, color=None).props("flat no-caps").classes("tool")

    async def _end(self, name: str) -> None:
        await self._try(self._problem, lambda by: self._changes.end_sessions(by, name))

    def _dialog(self, title: str) -> ui.dialog:
        with self._dialogs:
            dialog = ui.dialog()
        dialog.props["aria-label"] = title
        dialog.on("hide", dialog.delete)
        dialog.open()
        return dialog

    async def _try(self, problem: ui.label, change: Callable[[str], object]) -> bool:
        """Do something in the administrator's name; return whether it was done, and say why not."""
        if self._frame.user_changes is None:
            problem.set_text(self._t("You are not logged in any more."))
            return False
        try:
            await run.io_bound(change, self._frame.visitor.name or "")
        except MonitorError as error:
            problem.set_text(refusal_words(error, self._t))
            return False
        return True
