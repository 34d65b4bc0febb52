"""One experiment as one YAML file: pictures, model, protocol, training."""

from pathlib import Path
from typing import Any, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from trainer.crops import AUGMENTATION_PRESETS, AugmentationSettings
from trainer.errors import SettingsError
from trainer.experiments.search_space import TuningSettings
from trainer.protocols import ProtocolSettings

__all__ = ["ExperimentConfig", "deep_merge", "explained", "read_config"]


_PATHS = ("manifest", "crops", "weights")


class ExperimentConfig(BaseModel):
    """What `nicu-trainer cv` and `nicu-trainer fit` work from.

    The fields of `model`'s recipe hold unless `network`, `contract` or `training` say otherwise.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    manifest: Path = Field(description="The manifest; relative to this file's folder.")
    crops: Path | None = Field(
        default=None, description="Where `nicu-trainer crop` wrote; beside the manifest if absent."
    )
    model: str = Field(default="ncnn", description="Name of a recipe: `nicu-trainer models` lists them.")
    protocol: ProtocolSettings = ProtocolSettings()
    network: dict[str, Any] = Field(default_factory=dict, description="Settings of the network.")
    contract: dict[str, Any] = Field(default_factory=dict, description="size_px, margin, mean, std of the input.")
    training: dict[str, Any] = Field(default_factory=dict, description="Fields of the training settings.")
    augmentation: str | AugmentationSettings | None = Field(
        default=None, description="Preset or fields of the random variation (strict); the recipe's if absent."
    )
    copies: int | None = Field(
        default=None,
        ge=1,
        le=1000,
        description="Random variations of each picture in an epoch (strict); the recipe's, fewer for large sets.",
    )
    balance_data_sets: bool = Field(
        default=False, description="Learn from smaller data sets more often, so that each counts the same."
    )
    members: int | None = Field(default=None, ge=1, le=64, description="Networks in the ensemble.")
    weights: Path | None = Field(
        default=None, description="Pre-trained weights of a network's trunk; the ONNX file of `onnx-features`."
    )
    tuning: TuningSettings | None = Field(
        default=None, description="A search for settings inside each fold (strict); `nicu-trainer tune` sets it."
    )

    @model_validator(mode="after")
    def _tuning_is_nested(self) -> Self:
        if self.tuning is not None and self.protocol.name != "strict":
            raise ValueError("tuning needs infants that are neither learnt from nor tested: use the strict protocol")
        return self

    def variation(self, default: str) -> AugmentationSettings:
        """Return the random variation that is meant.

        Raises:
            SettingsError: There is no such preset.
        """
        chosen = default if self.augmentation is None else self.augmentation
        if isinstance(chosen, AugmentationSettings):
            return chosen
        if chosen not in AUGMENTATION_PRESETS:
            known = ", ".join(AUGMENTATION_PRESETS)
            raise SettingsError(f"augmentation {chosen!r} is unknown; choose one of {known}, or give its fields")
        return AUGMENTATION_PRESETS[chosen]


def deep_merge(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Return `base` with `changes`, dictionaries within merged likewise."""
    merged = dict(base)
    for name, value in changes.items():
        old = merged.get(name)
        merged[name] = deep_merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


def read_config(path: Path | None, changes: dict[str, Any]) -> ExperimentConfig:
    """Read a configuration file and apply what the command line says; paths become absolute.

    Args:
        path: YAML file, or None for the defaults.
        changes: Fields from the command line, nested as in the file; they win.

    Raises:
        SettingsError: The file is missing or wrong; every mistake is named.
    """
    content: dict[str, Any] = {}
    if path is not None:
        content = _read_yaml(path)
        for name in _PATHS:
            if isinstance(content.get(name), str):
                content[name] = str(path.parent / content[name])
    try:
        config = ExperimentConfig.model_validate(deep_merge(content, changes))
    except ValidationError as error:
        where = str(path) if path else "the command line"
        problems = "; ".join(explained(error))
        raise SettingsError(f"{where}: {problems}") from error
    # A run remembers them, and is opened again from whatever folder its reader happens to be in.
    paths = {name: value.absolute() for name in _PATHS if (value := getattr(config, name)) is not None}
    return config.model_copy(update=paths)


def explained(error: ValidationError) -> list[str]:
    """Return one clause for each mistake: field, what is wrong."""
    return [
        f"{'.'.join(str(part) for part in mistake['loc']) or 'the whole'}: {mistake['msg']}"
        for mistake in error.errors(include_url=False)
    ]


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(f"there is no configuration {path}") from None
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise SettingsError(f"{path} cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise SettingsError(f"{path} must hold fields such as `manifest:` and `model:`")
    return content
