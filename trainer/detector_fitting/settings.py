"""How a detector is fine-tuned: fields, limits and defaults."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["FitSettings"]

Positive = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]


class FitSettings(BaseModel):
    """One fine-tuning."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    steps: int = Field(default=600, ge=1, le=1_000_000, description="Of the whole plan; the rate falls to its end.")
    infants_per_step: int = Field(default=2, ge=1, le=64)
    views_per_infant: int = Field(default=3, ge=1, le=64, description="Each bare and with devices.")
    size_px: int = Field(default=256, ge=64, le=640, multiple_of=32, description="Side of the training pictures.")
    learning_rate: Positive = Field(default=1e-4, description="At the beginning; it falls as a cosine to a twentieth.")
    agreement: NotNegative = Field(default=2.0, description="Weight of the original's answers to the bare pictures.")
    distance: NotNegative = Field(default=0.05, description="Weight of the distance of the weights from the original.")
    average_decay: Annotated[float, Field(ge=0.0, lt=1.0)] = Field(
        default=0.99, description="Decay per step of the averaged weights, which are the result."
    )
    seed: int = Field(default=0, ge=0, le=2**31 - 1)
