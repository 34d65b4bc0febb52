"""The station's configuration: its fields, limits and defaults.

Reading a file, with every mistake named by line, is `monitor.config.file`'s work; this module only says what is right.
"""

import ipaddress
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, SecretStr, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from monitor.config.addresses import camera_address, host_name
from monitor.config.alarms import AlarmSettings
from monitor.config.base import Fraction, Identifier, PositiveSeconds, Settings, known_time_zone
from monitor.config.fleet_settings import FleetSettings
from monitor.config.history_settings import HistorySettings
from monitor.config.model_settings import ModelSettings
from monitor.config.push_settings import PushSettings
from monitor.config.redis_settings import REDIS_SCHEMES, RedisSettings

__all__ = [
    "MAXIMUM_BEDS",
    "REDIS_SCHEMES",
    "AlarmSettings",
    "AnalysisSettings",
    "BedSettings",
    "CameraSettings",
    "DecoderKind",
    "FaceSettings",
    "HttpSettings",
    "LogSettings",
    "RedisSettings",
    "RegionOfInterest",
    "SpoolSettings",
    "StationConfig",
    "StationSettings",
    "WebSettings",
]

MAXIMUM_BEDS = 256

DecoderKind = Literal["software", "auto", "nvdec", "vaapi", "v4l2"]


class StationSettings(Settings):
    """One running daemon."""

    id: Identifier = Field(default="station-1", description="Unique name of this station; part of every alert.")
    language: Literal["en", "pt-BR", "es"] = Field(
        default="en",
        description="Of the page, where a person may choose another one; `nicu-monitor forward` has one for each mail.",
    )
    time_zone: str | None = Field(
        default=None,
        description="Of the times that people read, such as America/Sao_Paulo; when absent, the machine's own, which "
        "is UTC in most containers. Records carry UTC, whatever this says.",
    )

    _known_zone = field_validator("time_zone")(known_time_zone)


class RegionOfInterest(Settings):
    """The part of the picture in which the patient's face is looked for, in fractions of width and height."""

    left: Fraction = Field(default=0.0, description="Left edge, as a share of the width.")
    top: Fraction = Field(default=0.0, description="Upper edge, as a share of the height.")
    right: Fraction = Field(default=1.0, description="Right edge, as a share of the width.")
    bottom: Fraction = Field(default=1.0, description="Lower edge, as a share of the height.")

    @property
    def edges(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom."""
        return self.left, self.top, self.right, self.bottom

    @model_validator(mode="after")
    def _has_area(self) -> Self:
        if self.left >= self.right or self.top >= self.bottom:
            raise ValueError("a region of interest needs left < right and top < bottom, as fractions from 0 to 1")
        return self


class CameraSettings(Settings):
    """One video source of a bed."""

    id: Identifier | None = Field(default=None, description="Name in metrics and alerts; `<bed>-camera` when absent.")
    url: str = Field(
        description="rtsp://, rtsps://, http:// or https:// (MJPEG), file:///path or a path, v4l2:///dev/video0, "
        "synthetic://pain?seed=1",
    )
    username: str | None = Field(default=None, description="For the camera; may stand in the url instead.")
    password: SecretStr | None = Field(default=None, description="Never printed; `password_file` is better.")
    password_file: Path | None = Field(default=None, description="File with the password; better than `password`.")
    allow_basic: bool = Field(
        default=False, description="Without TLS, send the password in clear where only that works."
    )
    transport: Literal["tcp", "udp"] = Field(default="tcp", description="RTSP transport.")
    decoder: DecoderKind = Field(
        default="software",
        description="What decodes H.264, H.265 and MJPEG; `auto`: the first of nvdec, vaapi and v4l2 that works. One "
        "that fails is replaced by software. Damage that a decoder in hardware conceals is not seen.",
    )
    latency_milliseconds: int = Field(default=200, ge=0, le=5_000, description="RTSP jitter buffer.")
    tls_ca_file: Path | None = Field(default=None, description="Certificate authority for rtsps:// and https://.")
    stall_seconds: PositiveSeconds = Field(default=2.0, description="No frame for so long: rebuild the pipeline.")
    loop: bool = Field(default=False, description="Play a file again and again, at its own speed (for trials).")

    @property
    def is_synthetic(self) -> bool:
        """Whether its pictures are painted."""
        return self.url.startswith("synthetic://")

    @model_validator(mode="before")
    @classmethod
    def _take_credentials_out_of_the_url(cls, fields: Any) -> Any:  # noqa: ANN401 - raw input
        """Move `user:password@` from the URL to the fields that are never printed, and its scheme to small letters."""
        if not isinstance(fields, dict) or not isinstance(fields.get("url"), str):
            return fields
        url = fields["url"].strip()
        try:
            address = camera_address(url)
        except ValueError:
            return fields  # which the field's own validator refuses, by the name of the field
        if address is None:
            scheme, separator, rest = url.partition("://")
            return {**fields, "url": f"{scheme.lower()}://{rest}" if separator else url}
        moved = {**fields, "url": address.location}
        if address.username is not None:
            if fields.get("username") is not None:
                raise ValueError("give the user name in the url or in `username`, not both")
            moved["username"] = address.username
        if address.password is not None:
            if fields.get("password") is not None or fields.get("password_file") is not None:
                raise ValueError("give the password in the url or in `password_file`, not both")
            moved["password"] = address.password
        return moved

    @field_validator("url")
    @classmethod
    def _is_an_address(cls, url: str) -> str:
        if not url or url.endswith("://"):
            raise ValueError("an address is missing")
        camera_address(url)
        return url

    @model_validator(mode="after")
    def _one_password(self) -> Self:
        if self.password is not None and self.password_file is not None:
            raise ValueError("give `password` or `password_file`, not both")
        return self


class BedSettings(Settings):
    """One patient bed."""

    id: Identifier = Field(description="Pseudonymous id of the patient bed; never a name.")
    camera: CameraSettings
    region_of_interest: RegionOfInterest = RegionOfInterest()

    @property
    def camera_id(self) -> str:
        """Name of the camera in alerts and metrics."""
        return self.camera.id or f"{self.id}-camera"


class FaceSettings(Settings):
    """Detection, tracking and choice of the patient's face."""

    detection_size_px: Literal[320, 640] = Field(
        default=640, description="Longer side of what the detector sees; 320 costs a quarter and misses smaller faces."
    )
    minimum_score: Fraction = Field(default=0.8, description="Detections below this are not faces.")
    minimum_face_px: float = Field(default=40.0, ge=8.0, description="Smaller faces are seen but not analysed.")
    track_lost_seconds: PositiveSeconds = Field(
        default=2.0, description="Without a detection for so long, a track ends."
    )
    maximum_tracks: int = Field(default=16, ge=1, le=256, description="Faces followed at the same time in a picture.")
    track_guided: bool = Field(
        default=True,
        description="Look at the surroundings of the patient's last face instead of the whole picture, which is then "
        "looked at every few seconds or on a loss: a fifth of the cost; other faces are noticed some seconds later.",
    )
    mesh_following: bool = Field(
        default=True,
        description="Follow a calm face by the classifier's mesh, with a detection a second instead of one a frame; "
        "any doubt, and the first trace of an expression, gives every frame its own again. For classifiers without a "
        "mesh it changes nothing.",
    )


class AnalysisSettings(Settings):
    """How often frames are analysed, and by how many workers."""

    frames_per_second: float = Field(
        default=5.0, gt=0.0, le=60.0, description="Pictures of each bed that are analysed in a second."
    )
    calm_frames_per_second: float | None = Field(
        default=None,
        ge=1.0,
        le=60.0,
        description="Rate of a bed whose patient has shown no sign of pain for 15 s; any sign, or no face, brings the "
        "full rate back at once. 2 saves half of the work, and half of decoding where key frames come every 2.2 s or "
        "sooner, and lets a first sign wait for half a second, or there for up to 1.1 s; pictures "
        "that stand still are distinguished from live ones less surely; below 2, no_life_seen takes 24 s of pictures. "
        "When absent, every bed has the full rate.",
    )
    calm_key_frames: bool = Field(
        default=False,
        description="Decode only key frames of a bed that has shown no sign of pain for 15 s, where its camera sends "
        "at least one in a second; any sign, or no face, brings every picture back from the next key frame on. Saves "
        "most of decoding and analysis, and lets an alarm wait for up to two seconds more.",
    )
    workers: int | None = Field(default=None, ge=1, le=64, description="Inference threads; one per core when absent.")
    camera_processes: int | None = Field(
        default=None,
        ge=0,
        le=64,
        description="Processes beside the station's own that receive and decode the cameras' pictures, each for its "
        "share of the beds. With 1, a station near its limit analyses more, and a decoder that crashes takes no "
        "alarm with it; each costs about 70 MB, and 4 MB for each bed of 720p. 0 does all in one process. When absent, "
        "1 for eight beds and more on two cores and more, and for a station that shares its beds "
        "(fleet.capacity_beds), else 0; counted at the start.",
    )


class SpoolSettings(Settings):
    """The on-disk record between the alarm logic and Redis."""

    directory: Path = Field(default=Path("state"), description="Where the spool and the alarm state live.")
    maximum_megabytes: int = Field(default=512, ge=1, description="Disk quota; each bed's newest state always fits.")


class HttpSettings(Settings):
    """Where /metrics, /healthz, /readyz and the page are served."""

    host: str = Field(
        default="127.0.0.1",
        description="Address to listen on; 0.0.0.0 for other machines, with a proxy that speaks TLS.",
    )
    port: int = Field(default=9108, ge=0, le=65_535, description="0 takes a free port.")

    @property
    def is_loopback(self) -> bool:
        """Whether only programs of this machine can reach it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


class WebSettings(Settings):
    """The page that people look at, and its API; both are served where `http` says."""

    enabled: bool = Field(default=True, description="Needs the extra `web`; without it only /metrics and health are.")
    users_file: Path | None = Field(
        default=None, description="Who may log in; written by `nicu-monitor users`. Without it nobody can."
    )
    anonymous_role: Literal["none", "viewer", "nurse"] = Field(
        default="none", description="What people may do without a login; only while `http.host` is loopback."
    )
    preview: Literal["off", "blurred", "full"] = Field(
        default="off", description="Whether a logged-in person sees the camera's picture. Pictures are never stored."
    )
    session_hours: float = Field(default=12.0, gt=0.0, le=168.0, description="A login ends after this.")
    allowed_hosts: tuple[str, ...] = Field(
        default=(), description="Names by which browsers reach the page through a proxy, such as nicu.hospital.example."
    )
    trusted_proxies: tuple[str, ...] = Field(
        default=(),
        description="Proxies whose X-Forwarded-For and X-Forwarded-Proto are believed, such as 127.0.0.1.",
    )
    user_header: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z][A-Za-z0-9-]*$",
        description="Header in which a trusted proxy names the user that it has authenticated, such as X-Remote-User.",
    )
    push: PushSettings = PushSettings()

    @field_validator("allowed_hosts")
    @classmethod
    def _as_browsers_send_them(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(host_name(name) for name in names)

    @field_validator("trusted_proxies")
    @classmethod
    def _are_addresses(cls, addresses: tuple[str, ...]) -> tuple[str, ...]:
        for address in addresses:
            try:
                ipaddress.ip_network(address)
            except ValueError:
                raise ValueError("an IP address or network is needed, such as 127.0.0.1 or 10.0.0.0/24") from None
        return addresses

    @model_validator(mode="after")
    def _a_named_user_has_a_proxy_and_a_role(self) -> "Self":
        if self.user_header is not None and not (self.trusted_proxies and self.users_file):
            raise ValueError("user_header needs trusted_proxies, whose word it is, and users_file, which gives roles")
        return self

    @field_validator("preview", mode="before")
    @classmethod
    def _yaml_reads_off_as_false(cls, preview: object) -> object:
        return "off" if preview is False else preview


class LogSettings(Settings):
    """What the daemon writes on standard error."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="What is less important than this is left out."
    )
    format: Literal["text", "json"] = Field(default="text", description="`json`: one object a line, for programs.")


class StationConfig(Settings):
    """The whole file."""

    station: StationSettings = StationSettings()
    fleet: FleetSettings | None = Field(
        default=None, description="Share beds with other stations: they come from Redis, and `beds` is left out."
    )
    beds: tuple[BedSettings, ...] = Field(description="One entry a bed: its id and its camera.")
    models: ModelSettings = ModelSettings()
    faces: FaceSettings = FaceSettings()
    analysis: AnalysisSettings = AnalysisSettings()
    alarms: AlarmSettings = AlarmSettings()
    spool: SpoolSettings = SpoolSettings()
    history: HistorySettings = HistorySettings()
    redis: RedisSettings = RedisSettings()
    http: HttpSettings = HttpSettings()
    web: WebSettings = WebSettings()
    logging: LogSettings = LogSettings()

    @model_validator(mode="before")
    @classmethod
    def _a_fleet_brings_its_beds(cls, fields: Any) -> Any:  # noqa: ANN401 - raw input
        if isinstance(fields, dict) and fields.get("fleet") is not None and "beds" not in fields:
            return {**fields, "beds": ()}
        return fields

    @field_validator("beds")
    @classmethod
    def _beds_have_their_own_ids(cls, beds: tuple[BedSettings, ...], info: ValidationInfo) -> tuple[BedSettings, ...]:
        if info.data.get("fleet") is not None:
            if beds:
                raise ValueError(
                    "with `fleet` the beds come from Redis; publish these with `nicu-monitor beds publish`"
                )
            return beds
        if not 1 <= len(beds) <= MAXIMUM_BEDS:
            raise ValueError(f"a station watches 1 to {MAXIMUM_BEDS} beds")
        seen: set[str] = set()
        for bed in beds:
            for name in (bed.id, bed.camera_id):
                if name in seen:
                    message = "the id '{name}' is used twice; every bed and camera needs its own"
                    raise PydanticCustomError("duplicate_id", message, {"name": name})
                seen.add(name)
        return beds

    @model_validator(mode="after")
    def _nobody_acts_unnamed_over_the_network(self) -> Self:
        if self.web.anonymous_role != "none" and not self.http.is_loopback:
            raise ValueError(
                "web.anonymous_role lets everybody in who reaches the page, and other machines reach http.host; write "
                "`anonymous_role: none` and a `users_file`, or listen on 127.0.0.1"
            )
        return self
