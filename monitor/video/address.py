"""Camera addresses: what kind of source it is, where it is, and the credentials apart from it.

Credentials leave the address at once: GStreamer gets them as properties, and everything that may be printed is made of
`display`, which never had them.
"""

import re
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from monitor.config import CameraSettings
from monitor.config.addresses import scheme_of, split_address
from monitor.config.secret_file import read_secret_file
from monitor.errors import VideoError
from monitor.phrases import Phrase

__all__ = ["SourceAddress", "SourceKind", "SyntheticRequest", "parse_address", "resolve_address"]

_LARGEST_SYNTHETIC_PX = 4096


class SourceKind(StrEnum):
    """Where pictures come from."""

    RTSP = "rtsp"
    HTTP = "http"
    FILE = "file"
    V4L2 = "v4l2"
    SYNTHETIC = "synthetic"


@dataclass(frozen=True, slots=True)
class SyntheticRequest:
    """What a `synthetic://` address asks for.

    Attributes:
        scenario: What the infant does, for example `pain` or `rest`.
        seed: Two beds with the same seed and scenario are alike.
        frames_per_second: Rate of the pretended camera.
        size_px: (width, height).
    """

    scenario: str
    seed: int = 0
    frames_per_second: float = 15.0
    size_px: tuple[int, int] = (640, 480)


@dataclass(frozen=True, slots=True)
class SourceAddress:
    """One camera's address, taken apart.

    Attributes:
        kind: Which kind of source.
        location: What GStreamer opens: an address without credentials, a file's path, or a device.
        display: For people: without credentials, wherever the address holds them (see `monitor.config.addresses`).
        username: From the settings or the address; None where there is none. Not printed: it may be a token.
        password: The same; never printed.
        synthetic: What a synthetic source is asked for.
        hidden: Texts of the address that `display` leaves out, for messages of others.
    """

    kind: SourceKind
    location: str = field(repr=False)
    display: str
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    synthetic: SyntheticRequest | None = None
    hidden: tuple[str, ...] = field(default=(), repr=False)

    @property
    def live(self) -> bool:
        """Whether an end of the stream is a failure; a file may end."""
        return self.kind is not SourceKind.FILE


def parse_address(url: str) -> SourceAddress:
    """Take one camera address apart.

    Raises:
        VideoError: The scheme is not known, or a part that it needs is missing or wrong.
    """
    scheme = scheme_of(url)
    if scheme is None:
        return _file(url)
    if scheme in {"rtsp", "rtsps"}:
        return _network(SourceKind.RTSP, url)
    if scheme in {"http", "https"}:
        return _network(SourceKind.HTTP, url)
    if scheme == "file":
        return _file(unquote(url.split("://", 1)[1]))
    if scheme == "v4l2":
        device = url.split("://", 1)[1]
        if not device.startswith("/dev/"):
            raise VideoError(f"{url!r} names no device; write for example v4l2:///dev/video0")
        return SourceAddress(SourceKind.V4L2, device, f"v4l2://{device}")
    if scheme == "synthetic":
        return _synthetic(f"synthetic://{url.split('://', 1)[1]}")
    raise VideoError(
        f"cameras cannot be reached by {scheme!r}://; use rtsp, rtsps, http, https, file, v4l2 or synthetic"
    )


def resolve_address(settings: CameraSettings) -> SourceAddress:
    """Return the camera's address with the credentials of its settings; a password file is read again each time.

    Raises:
        VideoError: The address is wrong or the password file cannot be read.
    """
    address = parse_address(settings.url)
    username = settings.username if settings.username is not None else address.username
    password = address.password
    if settings.password is not None:
        password = settings.password.get_secret_value()
    elif settings.password_file is not None:
        try:
            password = read_secret_file(settings.password_file)
        except ValueError as error:
            values = {"file": settings.password_file, "address": address.display, "reason": str(error)}
            raise VideoError(Phrase("the password_file {file} of {address} {reason}", **values)) from None
    return replace(address, username=username, password=password)


def _network(kind: SourceKind, url: str) -> SourceAddress:
    try:
        address = split_address(url)
    except ValueError as error:
        raise VideoError(f"a camera's address cannot be used: {error}") from None
    return SourceAddress(
        kind, address.location, address.display, address.username or None, address.password, hidden=address.secrets
    )


def _file(path: str) -> SourceAddress:
    if not path:
        raise VideoError("a camera address is empty; write for example rtsp://camera-1/stream or a file's path")
    try:
        absolute = str(Path(path).expanduser().absolute())
    except RuntimeError:
        raise VideoError(f"{path} begins with the home of a user that this machine does not have") from None
    return SourceAddress(SourceKind.FILE, absolute, absolute)


def _synthetic(url: str) -> SourceAddress:
    parts = urlsplit(url)
    scenario = parts.netloc or parts.path.strip("/")
    if not re.fullmatch(r"[a-z][a-z0-9_-]*", scenario):
        raise VideoError(f"{url!r} names no scenario; write for example synthetic://pain?seed=1&fps=15&size=640x480")
    query = parse_qs(parts.query, keep_blank_values=True)
    unknown = sorted(set(query) - {"seed", "fps", "size"})
    if unknown:
        raise VideoError(f"{url!r} has unknown parts {', '.join(unknown)}; there are seed, fps and size")
    try:
        seed = int(query.get("seed", ["0"])[-1])
        rate = float(query.get("fps", ["15"])[-1])
        width, height = (int(part) for part in query.get("size", ["640x480"])[-1].lower().split("x"))
    except ValueError as error:
        raise VideoError(f"{url!r}: seed is a whole number, fps a number, size like 640x480") from error
    if seed < 0 or not 0.1 <= rate <= 120.0 or not all(64 <= side <= _LARGEST_SYNTHETIC_PX for side in (width, height)):
        raise VideoError(
            f"{url!r}: seed must not be negative, fps lie in [0.1, 120], both sides in [64, {_LARGEST_SYNTHETIC_PX}]"
        )
    return SourceAddress(
        SourceKind.SYNTHETIC, url, url, synthetic=SyntheticRequest(scenario, seed, rate, (width, height))
    )
