"""A camera that somebody writes on the page: what may be tried there, and which stored login goes with it."""

from dataclasses import dataclass, field
from typing import Literal

from pydantic import ValidationError

from monitor.cameras.trial import CameraTrial
from monitor.config import CameraSettings
from monitor.config.addresses import NetworkAddress, camera_address
from monitor.errors import RefusalCode, RefusedError
from monitor.phrases import Phrase

__all__ = ["CameraDraft", "TriedCamera", "drafted_settings"]

_LOGIN = ("username", "password", "password_file")


@dataclass(frozen=True, slots=True)
class CameraDraft:
    """What somebody wrote.

    Attributes:
        address: May hold a login.
        username: None, or empty: see `drafted_settings`.
        password: None, or empty: see `drafted_settings`.
        transport: Of RTSP.
    """

    address: str = field(repr=False)
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    transport: Literal["tcp", "udp"] = "tcp"


@dataclass(frozen=True, slots=True)
class TriedCamera:
    """What came of a trial.

    Attributes:
        trial: What the camera sent.
        trial_id: Saves this camera; None where no picture came, or where it broke off.
        keeps_login: Whether the stored login was used.
    """

    trial: CameraTrial
    trial_id: str | None
    keeps_login: bool


def drafted_settings(draft: CameraDraft, running: CameraSettings) -> tuple[CameraSettings, bool]:
    """Return the settings of a camera that somebody wrote, and whether the stored login goes with it.

    What is not asked for (decoder, jitter buffer, certificate authority...) stays as it is. The stored login, which the
    page never shows, goes only where it went before: the same scheme, host and port, where no login is written, or the
    same user without a password. Nobody can have it sent to a host of their own.

    Args:
        draft: As written.
        running: The bed's camera now.

    Raises:
        RefusedError: The configuration would refuse it, or it is no camera on the network.
    """
    url = draft.address.strip()
    try:
        address = camera_address(url)
    except ValueError as error:
        raise _unusable(str(error)) from None
    if address is None:
        words = Phrase(
            "on the page only a camera on the network can be tried: rtsp://, rtsps://, http:// or https://; files and "
            "devices are written into the configuration"
        )
        raise RefusedError(words, RefusalCode.CAMERA_WRONG)
    if draft.password and not draft.password.isprintable():
        raise _unusable("a password has no line breaks or control characters")
    given: dict[str, object] = {
        name: getattr(running, name) for name in CameraSettings.model_fields if name not in {"url", *_LOGIN}
    }
    given |= {"url": url, "transport": draft.transport, "loop": False}
    is_same_host = _origin(address) == _origin_of(running)
    if not is_same_host:
        given["allow_basic"] = False  # it was allowed for another camera
    given |= {name: value for name in ("username", "password") if (value := getattr(draft, name))}
    has_password = bool(draft.password) or address.password is not None
    user = draft.username or address.username
    keeps = is_same_host and not has_password and user in {None, running.username}
    if keeps:
        given |= {name: getattr(running, name) for name in _LOGIN}
        given["url"] = address.location
    try:
        settings = CameraSettings.model_validate(given)
    except ValidationError as error:
        # Pydantic's own sentences repeat what was given, and that may hold a password.
        reasons = (str(mistake["msg"]).removeprefix("Value error, ") for mistake in error.errors())
        raise _unusable("; ".join(reasons)) from None
    return settings, keeps and (running.password is not None or running.password_file is not None)


def _unusable(reason: str) -> RefusedError:
    words = Phrase("the camera's address or login cannot be used: {reason}", reason=reason)
    return RefusedError(words, RefusalCode.CAMERA_WRONG)


def _origin(address: NetworkAddress) -> tuple[object, ...]:
    return address.scheme, address.hosts


def _origin_of(settings: CameraSettings) -> tuple[object, ...] | None:
    address = camera_address(settings.url)
    return None if address is None else _origin(address)
