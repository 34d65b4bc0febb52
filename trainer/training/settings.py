"""How a network is trained: the fields, limits and defaults of one configuration section."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["OptimiserSettings", "ScheduleSettings", "TrainingSettings"]

Positive = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
Fraction = Annotated[float, Field(ge=0.0, lt=1.0)]


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class OptimiserSettings(_Settings):
    """The optimiser. The defaults are those with which the FEI group trains N-CNN."""

    name: Literal["rmsprop", "adamw", "sgd"] = "rmsprop"
    learning_rate: Positive = 1e-4
    weight_decay: Annotated[float, Field(ge=0.0)] = 1e-5
    momentum: Fraction = Field(default=0.0, description="Of sgd and rmsprop.")
    gradient_clip: Positive | None = Field(default=None, description="Largest norm of the gradient.")


class ScheduleSettings(_Settings):
    """How the learning rate changes from epoch to epoch."""

    name: Literal["constant", "cosine", "cosine-cycle"] = Field(
        default="constant",
        description="`cosine` falls once over all epochs; `cosine-cycle` falls and rises with `half_period_epochs`.",
    )
    warmup_epochs: int = Field(default=0, ge=0, description="The rate grows linearly over so many epochs.")
    half_period_epochs: int = Field(default=5, ge=1, description="Of `cosine-cycle`.")
    final_learning_rate: Annotated[float, Field(ge=0.0)] = Field(default=1e-6, description="Where a cosine ends.")


class TrainingSettings(_Settings):
    """One training run."""

    epochs: int = Field(default=100, ge=1, le=10_000)
    patience_epochs: int = Field(default=10, ge=1, description="Stop after so many epochs without a better loss.")
    least_gain: Annotated[float, Field(ge=0.0)] = Field(
        default=1e-4,
        description="How much lower than the best a validation loss must be to count as better, in nats a picture: "
        "where every picture is answered rightly, the loss creeps towards 0 indefinitely.",
    )
    batch_size: int = Field(default=16, ge=1, le=4096)
    optimiser: OptimiserSettings = OptimiserSettings()
    schedule: ScheduleSettings = ScheduleSettings()
    label_smoothing: Fraction = 0.0
    balance_classes: bool = Field(default=False, description="Weigh the classes as if they were equally frequent.")
    mixup: Annotated[float, Field(ge=0.0, le=4.0)] = Field(default=0.0, description="Beta parameter; 0 = no mixing.")
    average_decay: Fraction = Field(
        default=0.0, description="Decay per step of the averaged weights that are evaluated and saved; 0 = no average."
    )
    seed: int = Field(default=0, ge=0, le=2**31 - 1)
    deterministic: bool = Field(default=True, description="Refuse operations that give different numbers each time.")
    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        default="auto",
        description="auto = float16 with loss scaling on CUDA, bfloat16 on a CPU that has it, float32 on others.",
    )
    threads: int = Field(default=1, ge=1, le=256, description="Of torch, in each process.")
    maximum_restarts: int = Field(default=3, ge=0, le=20, description="Of a network that answers the same to all.")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.schedule.warmup_epochs >= self.epochs:
            raise ValueError("schedule.warmup_epochs must be smaller than epochs")
        return self
