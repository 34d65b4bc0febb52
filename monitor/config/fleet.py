"""A bed that several stations share, as Redis holds it."""

import os
import re
from collections.abc import Mapping
from typing import Any, Self

from pydantic import Field, ValidationError, model_validator

from monitor.config.base import Identifier, Settings, first_mistake
from monitor.config.settings import BedSettings, CameraSettings
from monitor.errors import ConfigError

__all__ = ["FleetBed"]

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")
_STAND_IN = "x"


class FleetBed(Settings):
    """One bed as Redis holds it: everything but secrets, which each station has itself.

    Any text may name `${NAME}` or `${NAME:-default}`, taken from the environment of the station that watches the bed;
    `password_file` names a file on that station.
    """

    id: Identifier
    home: Identifier | None = Field(default=None, description="Station that watches this bed in the ordinary case.")
    camera: dict[str, Any]
    region_of_interest: dict[str, float] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _holds_no_secret(self) -> Self:
        if self.camera.get("password") is not None and not _is_reference(self.camera["password"]):
            raise ValueError("a password does not belong into Redis: write password_file, or ${NAME}")
        url = self.camera.get("url")
        if not isinstance(url, str):
            raise ValueError("camera.url is missing")  # noqa: TRY004 - pydantic takes ValueError
        camera = CameraSettings.model_validate({**_filled(self.camera, None), "password": None})
        if camera.password is not None and not _is_reference_in(url):
            raise ValueError("a password does not belong into Redis: take it out of camera.url, write password_file")
        return self

    def settings(self, environment: Mapping[str, str] | None = None) -> BedSettings:
        """Return the bed as a station watches it.

        Args:
            environment: For `${NAME}`; the process's own when absent.

        Raises:
            ConfigError: This station lacks a variable, or what it stands for is wrong.
        """
        known = os.environ if environment is None else environment
        fields = {"id": self.id, "camera": self.camera, "region_of_interest": self.region_of_interest}
        missing = sorted({name for name in _names(fields) if name not in known})
        if missing:
            raise ConfigError(f"bed {self.id} needs the environment variable {missing[0]}, which is not set here")
        try:
            return BedSettings.model_validate(_filled(fields, known))
        except ValidationError as error:
            raise ConfigError(f"bed {self.id} in Redis is wrong at {first_mistake(error)}") from None


def _is_reference(value: object) -> bool:
    """Return whether a value is nothing but the name of a variable; a default would be the secret itself."""
    match = _VARIABLE.fullmatch(value) if isinstance(value, str) else None
    return match is not None and not match[2]


def _is_reference_in(url: str) -> bool:
    """Return whether the password of an address is a reference."""
    userinfo = url.partition("://")[2].rpartition("@")[0]
    return _is_reference(userinfo.partition(":")[2])


def _filled(value: Any, environment: Mapping[str, str] | None) -> Any:  # noqa: ANN401 - JSON values
    """Return a value with every reference replaced; by a stand-in where there is no environment."""
    if isinstance(value, dict):
        return {name: _filled(inner, environment) for name, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner, environment) for inner in value]
    if not isinstance(value, str):
        return value

    def found(match: re.Match[str]) -> str:
        name, default = match.groups()
        if environment is None:
            return default or _STAND_IN
        return str(environment.get(name, default if default is not None else ""))

    return _VARIABLE.sub(found, value)


def _names(value: object) -> set[str]:
    """Return the variables without a default that a value refers to."""
    if isinstance(value, dict):
        return set().union(*(_names(inner) for inner in value.values())) if value else set()
    if isinstance(value, list):
        return set().union(*(_names(inner) for inner in value)) if value else set()
    if not isinstance(value, str):
        return set()
    return {match[1] for match in _VARIABLE.finditer(value) if match[2] is None}
