"""How pictures are divided into those to learn from and those to test on."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from trainer.crops.expansion import DEFAULT_EXPANSION, EXPANSIONS

__all__ = ["ProtocolSettings"]


class ProtocolSettings(BaseModel):
    """One of two protocols.

    `dissertation` repeats the published one with its flaws: pictures, not infants, are divided, and the copies of the
    augmentation are made before the division into training and validation, so that both hold copies of one picture.
    `strict` divides infants: no infant, file or near-duplicate is on two sides.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Literal["strict", "dissertation"] = "strict"
    folds: Annotated[int, Field(ge=2, le=1000)] | Literal["infants"] = Field(
        default=3, description="Number of folds; `infants` leaves one infant out at a time (strict only)."
    )
    inner_folds: int = Field(
        default=4, ge=2, le=20, description="strict: one of so many parts of the training infants stops and calibrates."
    )
    test_share: float = Field(default=0.5, gt=0.0, lt=1.0, description="dissertation: share that is tested on.")
    validation_share: float = Field(default=0.3, gt=0.0, lt=1.0, description="dissertation: of the copies.")
    expansion: str = Field(default=DEFAULT_EXPANSION, description="dissertation: which 37 copies.")
    test_half: Literal["fixed", "redrawn"] = Field(
        default="redrawn",
        description="dissertation: whether all folds test the same pictures, or each divides the pictures again.",
    )
    seed: int = Field(default=0, ge=0, le=2**31 - 1)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.expansion not in EXPANSIONS:
            raise ValueError(f"expansion {self.expansion!r} is unknown; choose one of {', '.join(EXPANSIONS)}")
        if self.name == "dissertation" and self.folds == "infants":
            raise ValueError("the dissertation protocol divides pictures; `folds: infants` needs the strict one")
        return self
