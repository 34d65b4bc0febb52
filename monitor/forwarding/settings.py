"""What `nicu-monitor forward` reads: where alerts come from, and where they go."""

from pathlib import Path
from typing import Annotated, Literal, Self

import yaml
from pydantic import AfterValidator, AnyHttpUrl, Field, ValidationError, field_validator, model_validator

from monitor.config import RedisSettings
from monitor.config.base import Identifier, PositiveSeconds, Settings, known_time_zone
from monitor.config.secret_file import read_secret_file
from monitor.config.unique_keys import load_unique
from monitor.errors import ConfigError
from monitor.pain.vocabulary import Kind, Phase, Priority

__all__ = [
    "DestinationSettings",
    "EmailSettings",
    "ForwardSettings",
    "Hl7Settings",
    "MqttSettings",
    "WebhookSettings",
    "read_forward_settings",
    "read_secret",
]

_MAXIMUM_BYTES = 1_000_000
_STATION_FIELDS = {"beds", "station", "fleet"}
_Port = Annotated[int, Field(ge=1, le=65_535)]
_Host = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[^\s/@]+$")]


def _ascii(address: str) -> str:
    if not address.isascii():
        raise ValueError("only ASCII letters, for not every mail server takes others; write the domain as xn--...")
    return address


_Mailbox = Annotated[
    str, Field(min_length=3, max_length=254, pattern=r"^[^\s@<>,;]+@[^\s@<>,;]+$"), AfterValidator(_ascii)
]


class DestinationSettings(Settings):
    """What every destination has: a name, what it wants to hear, and how long it is tried."""

    name: Identifier
    beds: tuple[str, ...] | None = Field(default=None, description="Only these beds; all where absent.")
    priorities: frozenset[Priority] = Field(default=frozenset(Priority), description="Only alerts of these priorities.")
    kinds: frozenset[Kind] = Field(default=frozenset(Kind), description="`physiological`, `technical`, or both.")
    phases: frozenset[Phase] = Field(default=frozenset(Phase), description="Which changes of a condition.")
    silent_stations: bool = Field(default=True, description="Whether to report stations that no longer watch.")
    timeout_seconds: PositiveSeconds = Field(default=10.0, description="Bound on one attempt.")
    refusals: int = Field(
        default=3, ge=1, le=100, description="Refusals (not failures) after which a message is a dead letter."
    )
    give_up_seconds: float = Field(
        default=86_400.0,
        gt=0.0,
        le=30 * 86_400.0,
        description="How long a destination that is away is tried with one message before it is a dead letter.",
    )


class WebhookSettings(DestinationSettings):
    """An HTTP server that takes JSON."""

    type: Literal["webhook"]
    url: AnyHttpUrl
    secret_file: Path | None = Field(
        default=None, description="File with the secret that signs every request (HMAC-SHA-256)."
    )
    ca_file: Path | None = Field(default=None, description="Certificate authority of the server, where it is your own.")


class MqttSettings(DestinationSettings):
    """An MQTT broker."""

    type: Literal["mqtt"]
    host: _Host
    port: _Port = 1883
    topic_prefix: str = Field(default="nicu", pattern=r"^[^#+\x00]{1,200}$")
    username: str | None = None
    password_file: Path | None = None
    tls: bool = False
    ca_file: Path | None = None


class Hl7Settings(DestinationSettings):
    """A receiver of HL7 v2 messages over MLLP, such as an alarm manager."""

    type: Literal["hl7"]
    host: _Host
    port: _Port = 2575
    sending_facility: str = Field(default="NICU", max_length=60)
    receiving_application: str = Field(default="ALARM_MANAGER", max_length=60)
    receiving_facility: str = Field(default="HOSPITAL", max_length=60)
    test_mode: bool = Field(
        default=True,
        description="Mark every message as training (MSH-11 `T`). Only `false` lets messages about real cameras be "
        "marked as production; those of demos and replays never are.",
    )


class EmailSettings(DestinationSettings):
    """People who get e-mail, and whom to write to when nobody acknowledges."""

    type: Literal["email"]
    host: _Host
    port: _Port = 25
    security: Literal["none", "starttls", "tls"] = "starttls"
    ca_file: Path | None = None
    username: str | None = None
    password_file: Path | None = None
    sender: _Mailbox
    to: tuple[_Mailbox, ...] = Field(min_length=1)
    escalate_to: tuple[_Mailbox, ...] = Field(default=(), description="Who is written to when nobody acknowledges.")
    escalate_after_seconds: PositiveSeconds = 120.0
    phases: frozenset[Phase] = frozenset({Phase.START, Phase.ESCALATE})
    language: Literal["en", "pt-BR", "es"] = Field(default="en", description="Of subject and text.")
    time_zone: str | None = Field(default=None, description="Of the times, such as America/Sao_Paulo; UTC when absent.")

    _known_zone = field_validator("time_zone")(known_time_zone)


Destination = Annotated[WebhookSettings | MqttSettings | Hl7Settings | EmailSettings, Field(discriminator="type")]


class ForwardSettings(Settings):
    """The whole file.

    Attributes:
        redis: Where the alerts are.
        state_directory: Where progress and dead letters are stored.
        from_start: At the very first start, begin with the oldest alert instead of the next one.
        stations: Stations that must be heard of from the start.
        silence_seconds: A station without heartbeat for so long is reported as silent.
        destinations: Where the alerts go.
    """

    redis: RedisSettings = RedisSettings()
    state_directory: Path = Path("forward-state")
    from_start: bool = False
    stations: tuple[Identifier, ...] = ()
    silence_seconds: PositiveSeconds = 20.0
    destinations: tuple[Destination, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _own_names(self) -> Self:
        names = [destination.name for destination in self.destinations]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two destinations are called {twice[0]!r}; each needs a name of its own")
        return self


def read_forward_settings(path: Path) -> ForwardSettings:
    """Read a YAML file; relative paths in it are relative to the file.

    Raises:
        ConfigError: It cannot be read, or is wrong; names every field that is.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MAXIMUM_BYTES + 1)
        if len(content) > _MAXIMUM_BYTES:
            raise ConfigError(f"{path} is larger than {_MAXIMUM_BYTES} bytes; it is no such configuration")
        tree = load_unique(content.decode(), path)
        if isinstance(tree, dict) and "destinations" not in tree and _STATION_FIELDS & tree.keys():
            raise ConfigError(
                f"{path} seems to be a station's file, which `nicu-monitor check` checks; a forwarder's has "
                "`destinations:`, as configs/forward.example.yaml has"
            )
        settings = ForwardSettings.model_validate(tree)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror})") from None
    except ValidationError as error:
        lines = [
            f"{path}: {'.'.join(str(part) for part in item['loc']) or 'the file'}: {item['msg']}"
            for item in error.errors(include_url=False, include_input=False)
        ]
        raise ConfigError("\n".join(lines)) from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark is not None else str(path)
        raise ConfigError(f"{where} is no YAML; check indentation and quotes, also of dates and numbers") from None
    return _with_absolute_paths(settings, path.absolute().parent)


def _with_absolute_paths(settings: ForwardSettings, home: Path) -> ForwardSettings:
    def absolute(group: Settings) -> dict[str, Path]:
        return {name: home / value for name, value in dict(group).items() if isinstance(value, Path)}

    return settings.model_copy(
        update={
            **absolute(settings),
            "redis": settings.redis.model_copy(update=absolute(settings.redis)),
            "destinations": tuple(d.model_copy(update=absolute(d)) for d in settings.destinations),
        }
    )


def read_secret(path: Path | None, field: str) -> str | None:
    """Return the secret in a file, None without one.

    Raises:
        ConfigError: The file holds no secret.
    """
    if path is None:
        return None
    try:
        return read_secret_file(path)
    except ValueError as error:
        raise ConfigError(f"{field}: {path} {error}") from None
