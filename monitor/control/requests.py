"""What people ask of a station: acknowledgements and pauses, as they come in and as they were checked."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, SecretStr, TypeAdapter

__all__ = [
    "COMMAND_ADAPTER",
    "COMMAND_FIELDS",
    "WHOLE_STATION",
    "Acknowledge",
    "AcknowledgeCommand",
    "Command",
    "OperatorRequest",
    "Pause",
    "PauseCommand",
    "Resume",
    "ResumeCommand",
    "SignedCommand",
    "Withdraw",
    "WithdrawCommand",
    "command_json_schema",
    "order_of",
]

WHOLE_STATION = "_station"
"""Stands for a bed where an alert concerns the whole station; no id of a bed begins with an underscore."""


class SignedCommand(BaseModel):
    """What every command says about its sender.

    Attributes:
        by: Who. With an access list it must be the name that the token belongs to.
        token: Secret of that person; needed where the station has an access list.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    by: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.@-]{0,62}$")]
    token: Annotated[SecretStr, Field(max_length=256)] | None = None


class AcknowledgeCommand(SignedCommand):
    """Silences the signal of one alert for a while; the condition stays.

    Attributes:
        action: `acknowledge`.
        alert_id: Which alert.
    """

    action: Literal["acknowledge"]
    alert_id: Annotated[str, Field(pattern=r"^[!-~]{1,128}$")]


_Place = Annotated[str, Field(pattern=rf"^({WHOLE_STATION}|[A-Za-z0-9][A-Za-z0-9_.-]{{0,62}})$")]


class PauseCommand(SignedCommand):
    """Acknowledges all that one bed signals now, and the same kinds of condition in advance, for a limited time.

    Attributes:
        action: `pause`.
        bed: Which bed; `_station` for the conditions of the whole station.
        seconds: For how long; never longer than an acknowledgement lasts, which is also the default.
    """

    action: Literal["pause"]
    bed: _Place
    seconds: Annotated[float, Field(gt=0.0, le=86_400.0, allow_inf_nan=False)] | None = None


class ResumeCommand(SignedCommand):
    """Ends a pause before its time: what still holds is signalled again.

    Attributes:
        action: `resume`.
        bed: Which bed; `_station` for the whole station.
    """

    action: Literal["resume"]
    bed: _Place


class WithdrawCommand(SignedCommand):
    """Takes back the acknowledgement of one alert, within 15 s of it.

    Attributes:
        action: `withdraw`.
        alert_id: Which alert.
    """

    action: Literal["withdraw"]
    alert_id: Annotated[str, Field(pattern=r"^[!-~]{1,128}$")]


Command: TypeAlias = Annotated[
    AcknowledgeCommand | PauseCommand | ResumeCommand | WithdrawCommand, Field(discriminator="action")
]
COMMAND_ADAPTER: TypeAdapter[AcknowledgeCommand | PauseCommand | ResumeCommand | WithdrawCommand] = TypeAdapter(Command)
COMMAND_FIELDS = frozenset(
    name for model in (AcknowledgeCommand, PauseCommand, ResumeCommand, WithdrawCommand) for name in model.model_fields
)


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """A command that was checked: `by` has the right to acknowledge `alert_id`."""

    alert_id: str
    by: str


@dataclass(frozen=True, slots=True)
class Pause:
    """A command that was checked: `by` may pause a bed (None: the whole station) for so long (None: the longest)."""

    bed: str | None
    by: str
    duration_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Resume:
    """A command that was checked: `by` may end the pause of a bed (None: of the whole station)."""

    bed: str | None
    by: str


@dataclass(frozen=True, slots=True)
class Withdraw:
    """A command that was checked: `by` may take back the acknowledgement of `alert_id`, given a moment ago."""

    alert_id: str
    by: str


OperatorRequest: TypeAlias = Acknowledge | Pause | Resume | Withdraw
"""What a command comes to once it was checked."""


def order_of(
    command: AcknowledgeCommand | PauseCommand | ResumeCommand | WithdrawCommand,
) -> tuple[OperatorRequest, str]:
    """Return what a command asks for, as the station takes it and in words for the log."""
    if isinstance(command, AcknowledgeCommand):
        return Acknowledge(command.alert_id, command.by), f"acknowledge the alert {command.alert_id}"
    if isinstance(command, WithdrawCommand):
        return Withdraw(command.alert_id, command.by), f"withdraw the acknowledgement of the alert {command.alert_id}"
    bed = None if command.bed == WHOLE_STATION else command.bed
    scope = "the station" if bed is None else f"bed {bed}"
    if isinstance(command, PauseCommand):
        return Pause(bed, command.by, command.seconds), f"pause the alarms of {scope}"
    return Resume(bed, command.by), f"end the pause of {scope}"


def command_json_schema() -> dict[str, Any]:
    """Return the JSON schema of a command (configs/schemas/command.schema.json is this, written down)."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "nicu-pain-monitor/command/1",
        "title": "Command",
        **COMMAND_ADAPTER.json_schema(),
    }
