"""Which networks there are. Other distributions add theirs through an entry point.

A distribution that brings a network declares, in its pyproject.toml,

    [project.entry-points."nicu_trainer.networks"]
    my-network = "my_package.networks:ARCHITECTURE"

where `ARCHITECTURE` is an `Architecture`. It is then known by its name in every command and configuration file, and
exports like the built-in ones.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Any

from pydantic import BaseModel, ValidationError

from trainer.errors import SettingsError
from trainer.networks.base import PainNetwork
from trainer.networks.contract import InputContract

__all__ = ["ENTRY_POINT_GROUP", "Architecture", "Registry", "architectures"]

ENTRY_POINT_GROUP = "nicu_trainer.networks"


@dataclass(frozen=True, slots=True)
class Architecture:
    """A kind of network.

    Attributes:
        name: By which configurations and checkpoints refer to it.
        summary: One line for the overview.
        settings_type: Pydantic model of what can be varied.
        build: Makes an untrained network from an instance of `settings_type`.
        contract: The input that it expects unless a configuration says otherwise.
    """

    name: str
    summary: str
    settings_type: type[BaseModel]
    build: Callable[[Any], PainNetwork]
    contract: InputContract

    def settings(self, values: Mapping[str, Any]) -> BaseModel:
        """Check settings that came from a file.

        Raises:
            SettingsError: A field is unknown or has a wrong value.
        """
        try:
            return self.settings_type.model_validate(dict(values))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "settings"
            known = ", ".join(sorted(self.settings_type.model_fields))
            raise SettingsError(
                f"network {self.name!r}, setting {where!r}: {first['msg']}; the settings are {known}"
            ) from error

    def create(self, values: Mapping[str, Any] | None = None) -> PainNetwork:
        """Return an untrained network.

        Raises:
            SettingsError: A setting is unknown or has a wrong value.
        """
        return self.build(self.settings(values or {}))


class Registry:
    """Networks by name.

    Args:
        builtin: Networks of this project.
        group: Entry-point group in which other distributions declare theirs; None looks for none.
    """

    def __init__(self, builtin: tuple[Architecture, ...], group: str | None = ENTRY_POINT_GROUP) -> None:
        self._by_name = {architecture.name: architecture for architecture in builtin}
        for entry_point in entry_points(group=group) if group else ():
            architecture = entry_point.load()
            if not isinstance(architecture, Architecture):
                raise SettingsError(
                    f"the entry point {entry_point.name!r} ({entry_point.value}) is no trainer.networks.Architecture"
                )
            self.register(architecture)

    def register(self, architecture: Architecture) -> None:
        """Add a network.

        Raises:
            SettingsError: The name is taken.
        """
        if architecture.name in self._by_name:
            raise SettingsError(f"there are two networks with the name {architecture.name!r}; rename one of them")
        self._by_name[architecture.name] = architecture

    @property
    def names(self) -> tuple[str, ...]:
        """All names, sorted."""
        return tuple(sorted(self._by_name))

    def __getitem__(self, name: str) -> Architecture:
        """Return a network's description.

        Raises:
            SettingsError: There is none with this name.
        """
        try:
            return self._by_name[name]
        except KeyError:
            raise SettingsError(f"unknown network {name!r}; the known ones are {', '.join(self.names)}") from None


def architectures() -> Registry:
    """Return all networks: those of this project and those that installed distributions declare."""
    from trainer.networks.builtin import BUILTIN

    return Registry(BUILTIN)
