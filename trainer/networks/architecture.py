"""What a kind of network is: its name, its settings, its builder and its input."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from trainer.errors import SettingsError
from trainer.networks.contract import InputContract

if TYPE_CHECKING:
    from trainer.networks.base import PainNetwork

__all__ = ["Architecture"]


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
    build: "Callable[[Any], PainNetwork]"
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

    def create(self, values: Mapping[str, Any] | None = None) -> "PainNetwork":
        """Return an untrained network.

        Raises:
            SettingsError: A setting is unknown or has a wrong value.
        """
        return self.build(self.settings(values or {}))
