"""What a search may vary, and over which values."""

from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["DEFAULT_SPACE", "Range", "TuningSettings", "nested"]

_FIELDS = ("training.", "copies", "augmentation")


class Range(BaseModel):
    """Numbers between two bounds.

    Attributes:
        low: The lowest.
        high: The highest.
        log: Whether every factor is as likely, instead of every step.
        whole: Whether only whole numbers are tried.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    low: float
    high: float
    log: bool = False
    whole: bool = False

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"the range {self.low:g} to {self.high:g} is empty")
        if self.log and self.low <= 0.0:
            raise ValueError(f"a logarithmic range begins above 0, not at {self.low:g}")
        if self.whole and not (self.low.is_integer() and self.high.is_integer()):
            raise ValueError(f"the range {self.low:g} to {self.high:g} is to hold whole numbers, but has other bounds")
        return self


Choices = Annotated[list[str | int | float | bool], Field(min_length=2)]

DEFAULT_SPACE: dict[str, Range | list[str | int | float | bool]] = {
    "training.optimiser.learning_rate": Range(low=1e-4, high=1e-2, log=True),
    "training.optimiser.weight_decay": Range(low=1e-6, high=1e-1, log=True),
    "training.label_smoothing": Range(low=0.0, high=0.3),
}


class TuningSettings(BaseModel):
    """A search for settings, anew in every fold, by its inner infants alone.

    Only what leaves the network's shape alone may be varied: how it is trained, and how pictures are varied.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    trials: int = Field(default=20, ge=2, le=10_000, description="Settings that are tried in each fold.")
    seed: int = Field(default=0, ge=0)
    space: dict[str, Range | Choices] = Field(
        default_factory=lambda: dict(DEFAULT_SPACE),
        min_length=1,
        description="Field, as `--set` names it, to its range or its choices.",
    )

    @model_validator(mode="after")
    def _fields(self) -> Self:
        for name in self.space:
            if not name.startswith(_FIELDS):
                raise ValueError(
                    f"{name!r} cannot be searched; fields of training, copies and augmentation can, as they leave the "
                    "network as it is"
                )
        if "augmentation" in self.space and any(name.startswith("augmentation.") for name in self.space):
            raise ValueError("search either the augmentation's preset or its fields, not both at once")
        return self


def nested(values: dict[str, Any]) -> dict[str, Any]:
    """Return dotted fields as the nested ones of a configuration."""
    content: dict[str, Any] = {}
    for path, value in values.items():
        *parts, last = path.split(".")
        inner = content
        for part in parts:
            inner = inner.setdefault(part, {})
        inner[last] = value
    return content
