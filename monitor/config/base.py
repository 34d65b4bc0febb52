"""What all parts of the configuration share: strict fields, and the types of ids, shares and durations."""

from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError

__all__ = [
    "EngineKind",
    "Fraction",
    "Identifier",
    "ModelRole",
    "PositiveSeconds",
    "Settings",
    "first_mistake",
    "known_time_zone",
]

Identifier = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$")]
Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
EngineKind = Literal["auto", "onnxruntime", "onnxruntime-cuda", "openvino", "openvino-bf16", "tensorrt", "tensorrt-rtx"]
ModelRole = Literal["detector", "classifier"]
"""What a model does in a station; each role has one bundle."""
PositiveSeconds = Annotated[float, Field(gt=0.0, le=86_400.0, allow_inf_nan=False)]


class Settings(BaseModel):
    """A group of fields. An unknown field is a mistake, and nothing can be changed afterwards."""

    # Inputs may hold credentials: the text of an error never repeats them.
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


def first_mistake(error: ValidationError) -> str:
    """Return the first mistake of a document: its field and what is wrong there, without the value."""
    first = error.errors(include_input=False, include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"]) or "its top"
    return f"{where}: {first['msg'].removeprefix('Value error, ')}"


def known_time_zone(name: str | None) -> str | None:
    """Return the name of a time zone, or None for none.

    Raises:
        ValueError: This machine knows no such zone.
    """
    try:
        if name is not None:
            ZoneInfo(name)
    except (LookupError, ValueError, OSError):  # an unknown name is a KeyError
        raise ValueError(
            "there is no such time zone here; write one such as America/Sao_Paulo or Europe/Zurich"
        ) from None
    return name
