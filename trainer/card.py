"""What a training run records for the model card of its model."""

from pydantic import BaseModel, ConfigDict

__all__ = ["CardFacts"]


class CardFacts(BaseModel):
    """Sentences for those sections of a model card that a bundle's manifest does not fill; unknown ones stay empty.

    The sections are those of Mitchell et al., "Model Cards for Model Reporting", 2019.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    training_data: tuple[str, ...] = ()
    evaluation_data: tuple[str, ...] = ()
    explanation: tuple[str, ...] = ()
    caveats: tuple[str, ...] = ()
