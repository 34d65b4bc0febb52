"""Which networks there are. Other distributions add theirs through an entry point.

A distribution that brings a network declares, in its pyproject.toml,

    [project.entry-points."nicu_trainer.networks"]
    my-network = "my_package.networks:ARCHITECTURE"

where `ARCHITECTURE` is an `Architecture`. It is then known by its name in every command and configuration file, and
exports like the built-in ones.
"""

from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Any

from trainer.errors import SettingsError
from trainer.networks.architecture import Architecture
from trainer.networks.base import PainNetwork
from trainer.networks.builtin import BUILTIN
from trainer.networks.contract import InputContract
from trainer.networks.ensemble import Ensemble, EnsembleSettings

__all__ = ["ENTRY_POINT_GROUP", "Registry", "architectures"]

ENTRY_POINT_GROUP = "nicu_trainer.networks"


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
    registry = Registry(BUILTIN)

    def create(name: str, values: Mapping[str, Any]) -> PainNetwork:
        return registry[name].create(values)

    registry.register(
        Architecture(
            name="ensemble",
            summary="the mean of several networks of one architecture",
            settings_type=EnsembleSettings,
            build=lambda settings: Ensemble.from_settings(settings, create),
            contract=InputContract(size_px=120),
        )
    )
    return registry
