"""One camera's ONVIF services: which profiles it has, and what its encoders can be set to.

The wire is onveef's: it answers WS-UsernameToken and HTTP digest, signs with the camera's own clock where that is
wrong, checks certificates, follows no redirect and reads XML without entities. This module decides what is asked, and
turns what goes wrong into one sentence. No password leaves in clear: Basic is answered over TLS alone.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
from onveef import OnvifClient, envelopes, parsers
from onveef.exceptions import (
    OnvifAuthError,
    OnvifCapabilityMissingError,
    OnvifError,
    OnvifOperationNotSupportedError,
    OnvifTimeoutError,
    OnvifTransportError,
)
from onveef.transport import OnvifCredentials, OnvifEndpoint

from monitor.cameras.encoder import EncoderChange, EncoderLimits, changed_configuration, parse_limits
from monitor.cameras.profiles import VideoProfile
from monitor.cameras.transport import BrokenAnswer, GuardedTransport
from monitor.cameras.wording import printable, shown_address
from monitor.config.addresses import scheme_of, split_address
from monitor.errors import VideoError

__all__ = ["Login", "OnvifCamera"]

_LARGEST_ANSWER = 2 * 1024 * 1024
_MOST_PROFILES = 64
_CODECS = {"H264": "H.264", "H265": "H.265", "HEVC": "H.265", "JPEG": "MJPEG", "MJPEG": "MJPEG"}
_SERVICE_PATH = "/onvif/device_service"


@dataclass(frozen=True, slots=True)
class Login:
    """An account of the camera that may read its settings."""

    username: str
    password: str = field(repr=False)


class _Client(OnvifClient):
    def get_system_date_time(self) -> dict[str, Any]:
        # It is read when a login is refused, for the camera's clock may be wrong. Cameras answer it to everybody, but
        # some not to a token that is stale by just that clock.
        answer = self.call(
            service="device",
            operation="GetSystemDateAndTime",
            body_inner=envelopes.device_get_system_date_time(),
            require_auth=False,
        )
        return parsers.parse_system_datetime(answer)


class _BrokenAnswerError(VideoError):
    """What the camera said breaks off, so that nothing can be concluded from what is missing."""


class OnvifCamera:
    """Asks and sets one camera; use it as a context manager.

    Args:
        host: `192.0.2.10`, `camera-1:8000`, or the address of its device service as `find_cameras` gives it.
        login: None asks without one, which most cameras refuse.
        ca_file: Authority of the certificate of an https:// address; None takes the system's.
        timeout_seconds: For each answer.

    Raises:
        VideoError: The host cannot be read, or the camera is none, cannot be reached, or refuses the login.
    """

    def __init__(
        self, host: str, login: Login | None = None, *, ca_file: Path | None = None, timeout_seconds: float = 5.0
    ) -> None:
        url = _device_address(host)
        parts = split_address(url)
        self.address = f"{parts.scheme}://{parts.netloc}"
        self._login = login
        self._timeout_seconds = timeout_seconds
        is_secure = url.startswith("https://")
        verify: bool | str = str(ca_file) if ca_file is not None else True
        try:
            transport = GuardedTransport(2.0 * timeout_seconds, _LARGEST_ANSWER, verify)
        except OSError as error:
            raise VideoError(f"the certificate authority {ca_file} cannot be read ({error})") from None
        self._client = _Client(
            endpoint=OnvifEndpoint(url),
            credentials=OnvifCredentials(*(("", "") if login is None else (login.username, login.password))),
            timeout_s=timeout_seconds,
            http_auth="auto" if is_secure else "digest",
            retries=0,
            max_response_bytes=_LARGEST_ANSWER,
            transport=transport,
        )
        try:
            self._find_services(url)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def model(self) -> str:
        """Return maker, model and firmware as the camera says them; empty where it does not."""
        try:
            with self._asked():
                found = self._client.get_device_information()
        except VideoError:
            return ""
        return printable(
            " ".join(filter(None, (found.get(key, "") for key in ("Manufacturer", "Model", "FirmwareVersion"))))
        )

    def profiles(self) -> list[VideoProfile]:
        """Return what the camera offers, in its own order.

        Raises:
            VideoError: It does not answer, refuses, or has no profile.
        """
        with self._asked():
            rows = self._profile_rows()
        if not rows:
            raise VideoError(f"{self.address} has no profile; set up a stream on the camera's own page")
        return [self._profile(row) for row in rows[:_MOST_PROFILES]]

    def limits(self, profile: VideoProfile) -> EncoderLimits:
        """Return what the encoder of a profile can be set to; nothing is known where the camera does not say it.

        Raises:
            VideoError: The camera does not answer.
        """
        if profile.encoder is None:
            return EncoderLimits()
        with self._asked():
            try:
                rows = self._client.get_video_encoder_options_normalized(
                    configuration_token=profile.encoder,
                    profile_token=profile.token,
                    prefer="media2" if self._is_media2 else "auto",
                )
            except OnvifOperationNotSupportedError:
                return EncoderLimits()
        return parse_limits([row for row in rows if _codec(row.get("encoding")) == profile.codec])

    def change(self, profile: VideoProfile, change: EncoderChange) -> VideoProfile:
        """Set the encoder of a profile, and return the profile as the camera has it afterwards.

        Everything that is not to be changed is sent back as the camera gave it.

        Raises:
            VideoError: The profile has no encoder, or the camera refuses.
        """
        if profile.encoder is None:
            raise VideoError(f"profile {profile.token} of {self.address} has no encoder that could be set")
        prefix, service = ("trt2", "media2") if self._is_media2 else ("trt", "media")
        with self._asked():
            answer = self._client.call(
                service=service,
                operation="GetVideoEncoderConfigurations",
                body_inner=f"<{prefix}:GetVideoEncoderConfigurations/>",
            )
            configuration = changed_configuration(answer, profile.encoder, change)
            if configuration is None:
                raise VideoError(f"{self.address} does not show the encoder of profile {profile.token}")
            persist = "" if self._is_media2 else "<trt:ForcePersistence>true</trt:ForcePersistence>"
            self._client.call(
                service=service,
                operation="SetVideoEncoderConfiguration",
                body_inner=f"<{prefix}:SetVideoEncoderConfiguration>{configuration}{persist}"
                f"</{prefix}:SetVideoEncoderConfiguration>",
            )
        found = next((one for one in self.profiles() if one.token == profile.token), None)
        if found is None:
            raise VideoError(f"{self.address} has taken the change, and no longer has the profile {profile.token}")
        return found

    @property
    def _is_media2(self) -> bool:
        return "media" not in self._client.endpoint.services

    def _find_services(self, url: str) -> None:
        """Ask which services there are; the newer media service, which alone knows H.265, is taken where it works."""
        with self._asked():
            services = self._client.discover_services()
        if not services:
            raise VideoError(
                f"{self.address} answers, but not as an ONVIF camera; another port or path may be the right one"
            )
        if "media" not in services and "media2" not in services:
            raise VideoError(f"{self.address} is an ONVIF device without a media service, so no camera")
        services["device"] = url
        newer = {name: address for name, address in services.items() if name != "media"}
        self._client.set_endpoint(OnvifEndpoint(url, newer if "media2" in services else services))
        if {"media", "media2"} <= set(services):
            try:
                with self._asked():
                    usable = any("video_encoder" in row for row in self._profile_rows())
            except VideoError:
                usable = False
            if not usable:
                del services["media2"]
                self._client.set_endpoint(OnvifEndpoint(url, services))

    def _profile_rows(self) -> list[dict[str, Any]]:
        if self._is_media2:
            return self._client.media2_get_profiles(types=["VideoSource", "VideoEncoder"])
        return self._client.get_profiles()

    def _profile(self, row: dict[str, Any]) -> VideoProfile:
        token = str(row.get("token", ""))
        encoder: dict[str, Any] = row.get("video_encoder") or {}
        address, is_shortened = self._stream_address(token) if encoder else (None, False)
        width, height = _number(encoder.get("width")), _number(encoder.get("height"))
        rate = _number(encoder.get("fps_limit"))
        return VideoProfile(
            token=printable(token),
            name=printable(str(row.get("name", ""))),
            encoder=str(encoder["token"]) if encoder.get("token") else None,
            codec=_codec(encoder.get("encoding")),
            size_px=None if width is None or height is None else (width, height),
            frames_per_second=None if rate is None else float(rate),
            gop=_number(encoder.get("gop")),
            kbit_per_second=_number(encoder.get("bitrate_kbps")),
            address=address,
            is_shortened=is_shortened,
        )

    def _stream_address(self, token: str) -> tuple[str | None, bool]:
        """Return a profile's stream without its login, and whether it was shortened for that; None without a stream."""
        try:
            with self._asked():
                url = self._client.get_stream_uri(profile_token=token)
            shown = shown_address(url, None if self._login is None else self._login.password)
        except _BrokenAnswerError:
            raise
        except (VideoError, ValueError):
            return None, False
        return shown, shown != split_address(url).location

    @contextmanager
    def _asked(self) -> Iterator[None]:
        """Turn what goes wrong with a question into one sentence without a credential."""
        try:
            yield
        except OnvifAuthError:
            raise VideoError(self._refused()) from None
        except OnvifTimeoutError:
            raise VideoError(
                f"{self.address} does not answer within {self._timeout_seconds:g} s; is it on, with ONVIF?"
            ) from None
        except OnvifCapabilityMissingError:
            raise VideoError(f"{self.address} has no service for this") from None
        except OnvifTransportError as error:
            if isinstance(error.__cause__, BrokenAnswer):
                raise _BrokenAnswerError(
                    f"{self.address} answers with XML that breaks off or is malformed; ask again, and look at the "
                    "network and the camera's firmware"
                ) from None
            raise VideoError(f"{self.address} {_transport_fault(error)}") from None
        except OnvifError as error:
            raise VideoError(f"{self.address} refuses: {self._without_login(str(error))}") from None
        except (ArithmeticError, LookupError, httpx.InvalidURL, RecursionError, TypeError, UnicodeError, ValueError):
            # What its sender made up is read by code of others.
            raise VideoError(f"{self.address} answers with something that no camera says") from None

    def _refused(self) -> str:
        if self._login is None:
            return f"{self.address} wants a login; give --username and --password-file"
        return (
            f"{self.address} refuses the login of {self._login.username}; check both, whether the account may use "
            "ONVIF (many cameras have accounts of their own for it), and the camera's clock; a camera that wants the "
            "password in clear gets it over https:// alone"
        )

    def _without_login(self, text: str) -> str:
        if self._login is not None and self._login.password:
            text = text.replace(self._login.password, "***")
        return printable(text)


def _device_address(host: str) -> str:
    scheme = scheme_of(host)
    if scheme not in {None, "http", "https"}:
        raise VideoError(f"{scheme}:// is a stream; give the camera's host alone, such as 192.0.2.10 or camera-1:8000")
    try:
        address = split_address(host if scheme else f"http://{host}")
        httpx.URL(f"{address.scheme}://{address.netloc}/")
    except (ValueError, httpx.InvalidURL) as error:
        raise VideoError(f"the camera's host cannot be used: {error}") from None
    if address.username is not None or address.password is not None or len(address.hosts) != 1:
        raise VideoError("give one host without a login; --username and --password-file take that")
    path = address.path if address.path not in {"", "/"} else _SERVICE_PATH
    return f"{address.scheme}://{address.netloc}{path}"


def _transport_fault(error: OnvifTransportError) -> str:
    """Return what is wrong, as the end of a sentence that begins with the address."""
    cause = error.__cause__
    faults: tuple[tuple[Callable[[], bool], str], ...] = (
        (
            lambda: isinstance(cause, httpx.DecodingError),
            "answers with a document type declaration, which is refused: it could hold a bomb of entities",
        ),
        (lambda: "CERTIFICATE_VERIFY" in str(cause), "has a certificate that is not trusted; give its --ca-file"),
        (
            lambda: isinstance(cause, httpx.ConnectError),
            "cannot be reached; check the address and the port of its web service (80, 8000, 8080 and 8899 are common)",
        ),
        (lambda: "redirected" in str(error), "redirects to another address; give that one, such as https://HOST"),
        (lambda: "exceeded" in str(error), "answers without end"),
        (
            lambda: isinstance(cause, httpx.UnsupportedProtocol),
            "names an address for its services that cannot be used; correct the network settings on its own page",
        ),
        (lambda: isinstance(cause, httpx.HTTPError), "ends the connection, or speaks no HTTP"),
    )
    return next(
        (text for is_met, text in faults if is_met()),
        "answers, but not as an ONVIF camera; another port or path may be the right one",
    )


def _codec(encoding: object) -> str | None:
    text = printable(str(encoding or ""), 20)
    return _CODECS.get(text.upper(), text or None)


def _number(value: object) -> int | None:
    """Return a whole number that a camera can mean; None for nothing and for nonsense."""
    return value if isinstance(value, int) and 0 < value < 1_000_000 else None
