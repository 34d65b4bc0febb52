"""What all parts of the configuration share: strict fields, and the types of ids, shares and durations."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["EngineKind", "Fraction", "Identifier", "PositiveSeconds", "Settings"]

Identifier = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$")]
Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
EngineKind = Literal["auto", "onnxruntime", "onnxruntime-cuda", "openvino", "openvino-bf16", "tensorrt", "tensorrt-rtx"]
PositiveSeconds = Annotated[float, Field(gt=0.0, le=86_400.0, allow_inf_nan=False)]


class Settings(BaseModel):
    """A group of fields. An unknown field is a mistake, and nothing can be changed afterwards."""

    # Inputs may hold credentials: the text of an error never repeats them.
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)
