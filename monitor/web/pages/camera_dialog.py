"""Where an administrator writes another camera of a bed, tries it aside from the one that watches, and saves it."""

from nicegui import run, ui

from monitor.cameras.draft import CameraDraft, TriedCamera
from monitor.cameras.trial import CameraTrial
from monitor.control.access import Role
from monitor.errors import MonitorError
from monitor.localization import Localizer, message
from monitor.web.app_context import CameraChanges
from monitor.web.camera_routes import FaceFound, face_of, trial_picture
from monitor.web.pages.labels import camera_words, refusal_words
from monitor.web.pages.layout import PageLayout, refuse
from monitor.web.pages.request_dialog import text_field

__all__ = ["CameraDialog", "build_camera_button"]

_LONGEST_ADDRESS, _LONGEST_LOGIN = 2048, 256
_FACES = {
    FaceFound.USABLE: message("Face found, {width} px wide: large and clear enough for a score"),
    FaceFound.NOT_USABLE: message("Face found, {width} px wide: too small, dark or blurred, or not alone, for a score"),
    FaceFound.NONE: message("No face found"),
    FaceFound.NOT_SOUGHT: message("No face was looked for: the model gives no answer"),
}


def build_camera_button(frame: PageLayout, bed_id: str) -> None:
    """Build the button where the visitor may change cameras, and there is a configuration to write to."""
    changes = frame.site.cameras
    if frame.visitor.may(Role.ADMIN) and changes is not None:
        CameraDialog(frame, bed_id, changes)


class CameraDialog:
    """A button and its dialog: address and login, what the camera sends, and only then a way to save it.

    Args:
        frame: The page.
        bed_id: Which bed.
        changes: Tries and saves.
    """

    def __init__(self, frame: PageLayout, bed_id: str, changes: CameraChanges) -> None:
        self._frame = frame
        self._t = frame.t
        self._bed_id = bed_id
        self._changes = changes
        self._trial_id: str | None = None
        self._attempt = 0
        self._area = ui.element("div")
        with self._area:
            title = self._t("Camera of {bed}", bed=bed_id)
            button = ui.button(self._t("Camera"), on_click=self._open, color=None).props("outline no-caps")
            button.props["aria-label"] = title
            button.classes("tool")
        if (last := changes.last_change(bed_id)) is not None:
            by, age_seconds = last
            frame.offer_undo_again(by, age_seconds, self._saved_words(by), self._take_back)

    def _saved_words(self, by: str) -> str:
        return self._t("{bed}: camera saved, by {name}", bed=self._bed_id, name=by)

    def _open(self) -> None:
        t = self._t
        title = t("Camera of {bed}", bed=self._bed_id)
        with self._area, ui.dialog() as dialog, ui.card().classes("ack-dialog camera-dialog"):
            ui.label(title).classes("ack-title").props("role=heading aria-level=2")
            ui.label(t("The bed is watched as before while you try another camera."))
            now = self._frame.site.board.snapshot().bed(self._bed_id)
            status = None if now is None else now.camera
            address = "" if status is None else status.address
            if status is not None:
                words = t("Now: {address}, {state}", address=address, state=camera_words(status, t))
                ui.label(words).classes("camera-now")
            self._address = text_field(t("Address of the camera"), _LONGEST_ADDRESS)
            self._address.props('placeholder="rtsp://192.0.2.10/stream1" autocomplete=off spellcheck=false')
            if "***" not in address and "://" in address and not address.startswith("synthetic:"):
                self._address.set_value(address)
            with ui.element("div").classes("camera-login"):
                self._username = text_field(t("User name of the camera"), _LONGEST_LOGIN).props("autocomplete=off")
                self._password = text_field(t("Password of the camera"), _LONGEST_LOGIN)
                self._password.props("type=password autocomplete=new-password")
                self._transport = ui.select({"tcp": "TCP", "udp": "UDP"}, label=t("Transport of RTSP"), value="tcp")
                self._transport.props("outlined color=ink label-color=ink").classes("ack-name")
            ui.label(t("Without a login the stored one is used, for the same camera only. Passwords are never shown."))
            self._problem = ui.label().props("role=alert").classes("ack-problem")
            self._result = ui.element("div").classes("camera-result").props("role=status")
            with ui.row().classes("camera-actions"):
                self._try = ui.button(t("Try"), on_click=self._try_it, color=None)
                self._try.props("unelevated no-caps").classes("ack")
                self._save = ui.button(t("Save"), on_click=lambda: self._save_it(dialog), color=None)
                self._save.props("unelevated no-caps").classes("ack")
                ui.button(t("Cancel"), on_click=dialog.close, color=None).props("flat no-caps").classes("tool")
        dialog.props["aria-label"] = title
        self._forget()
        for field in (self._address, self._username, self._password, self._transport):
            field.on_value_change(self._forget)
        dialog.on("hide", dialog.delete)
        dialog.open()

    def _forget(self) -> None:
        """What was tried is not what is written any more."""
        self._attempt += 1
        self._trial_id = None
        self._save.disable()
        self._result.clear()
        self._problem.set_text("")

    @property
    def _name(self) -> str:
        return self._frame.visitor.name or "admin"

    def _is_allowed(self) -> bool:
        if self._frame.is_still_allowed(Role.ADMIN):
            return True
        self._problem.set_text(self._t("You are not logged in any more."))
        return False

    async def _try_it(self) -> None:
        self._forget()
        if not self._is_allowed():
            return
        attempt = self._attempt
        draft = CameraDraft(
            str(self._address.value or ""),
            str(self._username.value or "") or None,
            str(self._password.value or "") or None,
            "udp" if self._transport.value == "udp" else "tcp",
        )
        self._try.disable()
        with self._result:
            ui.label(self._t("The camera is being tried; this takes up to 15 s."))
        try:
            tried = await run.io_bound(self._changes.try_camera, self._name, self._bed_id, draft)
        except MonitorError as error:
            if attempt == self._attempt and not self._result.is_deleted:
                self._result.clear()
                self._problem.set_text(refusal_words(error, self._t))
            return
        finally:
            self._try.enable()
        # Somebody who wrote another address meanwhile, or closed the dialog, must not save this one.
        if tried is not None and attempt == self._attempt and not self._result.is_deleted:
            self._show(tried)

    def _show(self, tried: TriedCamera) -> None:
        t, trial = self._t, tried.trial
        self._result.clear()
        if trial.error is not None:
            self._problem.set_text(t("No picture that can be used came from this camera."))
        with self._result:
            if trial.error is not None:
                ui.label(f"{t(trial.error).removesuffix('.')}.").classes("notes-text")
            picture = trial_picture(self._frame.site, trial)
            if picture is not None:
                image = ui.element("img").props(f'src="data:image/jpeg;base64,{picture}"')
                image.props["alt"] = t("Picture of the camera that was tried")
            elif trial.picture is not None:
                ui.label(t("Pictures are switched off (web.preview)"))
        with self._result, ui.element("div").classes("camera-facts"):
            if trial.size_px is not None:
                ui.label(_picture_words(trial, t)).classes("camera-found")
                ui.label(t(_FACES[face_of(trial)], width=t.decimal(trial.face_px, 0))).classes("camera-found")
            if trial.is_dark:
                ui.label(t("The picture is dark, or the lens is covered"))
            for advice in trial.advice:
                words = t(advice)
                ui.label(f"{words[:1].upper()}{words[1:]}.")
            if tried.keeps_login:
                ui.label(t("The stored login was used."))
        self._trial_id = tried.trial_id
        if tried.trial_id is not None:
            self._save.enable()

    async def _save_it(self, dialog: ui.dialog) -> None:
        trial_id = self._trial_id
        if trial_id is None or not self._is_allowed():
            return
        self._save.disable()
        try:
            await run.io_bound(self._changes.save, self._name, self._bed_id, trial_id)
        except MonitorError as error:
            self._problem.set_text(refusal_words(error, self._t))
            self._save.enable()
            return
        dialog.close()
        self._frame.offer_undo(self._saved_words(self._name), self._take_back)

    async def _take_back(self) -> None:
        t = self._t
        problem = None if self._frame.is_still_allowed(Role.ADMIN) else t("You are not logged in any more.")
        if problem is None:
            try:
                await run.io_bound(self._changes.take_back, self._name, self._bed_id)
            except MonitorError as error:
                problem = refusal_words(error, t)
        with self._area:
            if problem is None:
                ui.notify(t("{bed}: taken back, all is as before", bed=self._bed_id), position="top")
            else:
                refuse(problem)


def _picture_words(trial: CameraTrial, t: Localizer) -> str:
    """Return codec, size and rate."""
    width_px, height_px = trial.size_px or (0, 0)
    facts = [trial.codec or t("not known"), f"{width_px} x {height_px} px"]
    if trial.frames_per_second is not None:
        facts.append(t("{rate} pictures/s", rate=t.decimal(trial.frames_per_second, 0)))
    if trial.keyframe_seconds is not None:
        facts.append(t("a key frame every {seconds} s", seconds=t.decimal(trial.keyframe_seconds, 1)))
    return ", ".join(facts)
