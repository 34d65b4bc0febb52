"""Requests that try a camera aside from the bed that is watched, and then save it; for programs and for scripts."""

import base64
from enum import StrEnum
from typing import Annotated, Literal

import cv2
from fastapi import APIRouter, Request
from pydantic import BaseModel, Field, SecretStr

from monitor.cameras.draft import CameraDraft, TriedCamera
from monitor.cameras.trial import CameraTrial
from monitor.control.access import Role
from monitor.errors import ConfigError, RefusalCode, RefusedError
from monitor.localization import Localizer, Phrase
from monitor.web.app_context import AppContext, CameraChanges, site_of, visitor_of
from monitor.web.preview import draw_preview
from monitor.web.refusals import answers, bed_unknown, configuration_refused, needs, reader_of, role_missing

__all__ = [
    "CameraAnswer",
    "CameraRequest",
    "FaceFound",
    "TrialAnswer",
    "TrialRequest",
    "add_camera_routes",
    "face_of",
    "trial_picture",
]

_QUALITY = 80
_REFUSALS = {
    403: "The caller is no admin of every bed.",
    404: "There is no such bed.",
    409: "It cannot be done, for the reason given; nothing was changed.",
}


class FaceFound(StrEnum):
    """Whether a face was seen: `usable` for a score, too small, dark, blurred or not alone, `none`, or not sought."""

    USABLE = "usable"
    NOT_USABLE = "not_usable"
    NONE = "none"
    NOT_SOUGHT = "not_sought"


class TrialRequest(BaseModel):
    """A camera's address and login. The password is sent to the camera, and in no answer."""

    address: Annotated[str, Field(min_length=1, max_length=2048)]
    username: Annotated[str, Field(max_length=256)] | None = None
    password: Annotated[SecretStr, Field(max_length=256)] | None = None
    transport: Literal["tcp", "udp"] = "tcp"


class TrialAnswer(BaseModel):
    """What the camera sent; what is not known is null.

    `error` is a sentence in the caller's language and `fault` its kind: `refused`, `unreachable`, `stalled`, `ended`,
    `format`, `decoder` or `other`. `trial` saves this camera within five minutes; null where no picture came. `picture`
    is a JPEG in base64; null where none came, or none may be shown (`web.preview`).
    """

    bed: str
    trial: str | None
    address: str
    error: str | None
    fault: str | None
    keeps_login: bool
    codec: str | None
    width_px: int | None
    height_px: int | None
    frames_per_second: float | None
    keyframe_seconds: float | None
    is_dark: bool
    face: FaceFound
    face_px: float | None
    advice: list[str]
    picture: str | None


class CameraRequest(BaseModel):
    """Which trial's camera the bed has from now on."""

    trial: Annotated[str, Field(min_length=1, max_length=64)]


class CameraAnswer(BaseModel):
    """Which bed, and what it interrupts, one sentence each."""

    bed: str
    sentences: list[str]


def face_of(trial: CameraTrial) -> FaceFound:
    """Return whether a trial saw a face."""
    if not trial.was_detected:
        return FaceFound.NOT_SOUGHT
    if trial.face_px is None:
        return FaceFound.NONE
    return FaceFound.USABLE if trial.is_face_usable else FaceFound.NOT_USABLE


def trial_picture(site: AppContext, trial: CameraTrial) -> str | None:
    """Return a trial's picture as JPEG in base64, blurred where pictures are; None where none may be shown."""
    if trial.picture is None or not site.previews.is_on:
        return None
    rendered = draw_preview(trial.picture, None, blurred=site.previews.is_blurred)
    _, data = cv2.imencode(".jpg", cv2.cvtColor(rendered, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return base64.b64encode(data.tobytes()).decode()


def add_camera_routes(router: APIRouter) -> None:
    """Add `POST /beds/{bed}/camera/try` and `POST /beds/{bed}/camera`."""

    @router.post(
        "/beds/{bed}/camera/try",
        tags=["beds"],
        openapi_extra=needs(Role.ADMIN),
        responses=answers(_REFUSALS),
    )
    def try_camera(request: Request, bed: str, content: TrialRequest) -> TrialAnswer:
        """Open a camera beside the one that watches a bed, and return what it sends, within 15 s. Needs `admin`.

        The bed goes on as it is. Without a login, the stored one is used where scheme, host and port are those of the
        bed's camera, and nowhere else. One camera is tried at a time.
        """
        site, changes, by = _allowed(request, bed)
        secret = None if content.password is None else content.password.get_secret_value()
        draft = CameraDraft(content.address, content.username, secret, content.transport)
        return _answer(site, bed, changes.try_camera(by, bed, draft), reader_of(request))

    @router.post(
        "/beds/{bed}/camera",
        tags=["beds"],
        openapi_extra=needs(Role.ADMIN),
        responses=answers(_REFUSALS),
    )
    def change_camera(request: Request, bed: str, content: CameraRequest) -> CameraAnswer:
        """Watch a bed with a camera that the same person has tried, and write it to the configuration. Needs `admin`.

        No other bed pauses. A password goes into a file of its own that the station's user alone can read.
        """
        _, changes, by = _allowed(request, bed)
        try:
            sentences = changes.save(by, bed, content.trial)
        except ConfigError as error:
            raise configuration_refused(error) from None
        return CameraAnswer(bed=bed, sentences=list(sentences))


def _allowed(request: Request, bed: str) -> tuple[AppContext, CameraChanges, str]:
    """Return the site, what changes cameras, and the name that is recorded.

    Raises:
        RefusedError: The visitor may not, or there is no such bed or no configuration.
    """
    site, visitor = site_of(request), visitor_of(request)
    if not visitor.may(Role.ADMIN):
        raise role_missing(Role.ADMIN)
    if site.board.snapshot().bed(bed) is None:
        raise bed_unknown()
    if visitor.beds.is_limited:
        words = Phrase("only an administrator of every bed may change cameras")
        raise RefusedError(words, RefusalCode.BEDS_LIMITED)
    if site.cameras is None:
        words = Phrase("this program has no configuration that it could write to")
        raise RefusedError(words, RefusalCode.CONFIGURATION_NONE)
    return site, site.cameras, visitor.name or "admin"


def _answer(site: AppContext, bed: str, tried: TriedCamera, t: Localizer) -> TrialAnswer:
    trial = tried.trial
    width_px, height_px = trial.size_px or (None, None)
    return TrialAnswer(
        bed=bed,
        trial=tried.trial_id,
        address=trial.address,
        error=None if trial.error is None else t(trial.error),
        fault=trial.fault,
        keeps_login=tried.keeps_login,
        codec=trial.codec,
        width_px=width_px,
        height_px=height_px,
        frames_per_second=trial.frames_per_second,
        keyframe_seconds=trial.keyframe_seconds,
        is_dark=trial.is_dark,
        face=face_of(trial),
        face_px=trial.face_px,
        advice=[t(advice) for advice in trial.advice],
        picture=trial_picture(site, trial),
    )
