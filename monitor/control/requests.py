"""What people ask of a station: acknowledge, pause, admit and so on, as it comes in and as it was checked."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, TypeAdapter, ValidationError

from monitor.errors import RefusalCode, RefusedError
from monitor.localization import Phrase
from monitor.pain.occupancy import BedStatement
from monitor.pain.procedure import LONGEST_PROCEDURE_SECONDS, ProcedureKind

__all__ = [
    "COMMAND_ADAPTER",
    "COMMAND_FIELDS",
    "WHOLE_STATION",
    "Acknowledge",
    "AcknowledgeCommand",
    "Admit",
    "AdmitCommand",
    "AnyCommand",
    "Command",
    "Discharge",
    "DischargeCommand",
    "InfantName",
    "OperatorRequest",
    "Pause",
    "PauseCommand",
    "Procedure",
    "ProcedureCommand",
    "Reason",
    "Resume",
    "ResumeCommand",
    "SignedCommand",
    "Standby",
    "StandbyCommand",
    "Undo",
    "UndoCommand",
    "Withdraw",
    "WithdrawCommand",
    "checked_infant",
    "checked_reason",
    "command_json_schema",
    "order_of",
]

WHOLE_STATION = "_station"
"""Stands for a bed where an alert concerns the whole station; no id of a bed begins with an underscore."""


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    if not line.isprintable():
        raise ValueError("write one line of letters")
    return line


InfantName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$")]
"""A pseudonym; never an infant's name."""
Reason = Annotated[str, Field(max_length=200), AfterValidator(_one_line)]
"""Why, in a few words that everybody who sees the bed may read."""


_INFANT_ADAPTER: TypeAdapter[str] = TypeAdapter(InfantName)
_REASON_ADAPTER: TypeAdapter[str] = TypeAdapter(Reason)


def checked_infant(text: str) -> str | None:
    """Return a pseudonym as it is recorded; None for an empty text.

    Raises:
        RefusedError: It is none.
    """
    if not text.strip():
        return None
    try:
        return _INFANT_ADAPTER.validate_python(text.strip())
    except ValidationError:
        words = Phrase("write a pseudonym of 1 to 63 letters, digits, dots, hyphens or underscores")
        raise RefusedError(words, RefusalCode.PSEUDONYM_WRONG) from None


def checked_reason(text: str) -> str:
    """Return a reason as it is recorded.

    Raises:
        RefusedError: It is too long or not one line of letters.
    """
    try:
        return _REASON_ADAPTER.validate_python(text)
    except ValidationError:
        words = Phrase("write the reason in one line of at most 200 letters")
        raise RefusedError(words, RefusalCode.REASON_WRONG) from None


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


_Bed = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$")]


class AdmitCommand(SignedCommand):
    """Says that an infant was laid into a bed: it is watched from nothing, and the one before is discharged.

    Attributes:
        action: `admit`.
        bed: Which bed.
        infant: A pseudonym; need not be given.
    """

    action: Literal["admit"]
    bed: _Bed
    infant: InfantName | None = None


class DischargeCommand(SignedCommand):
    """Says that a bed is empty: its alarms end, and it raises none until an infant is admitted.

    Attributes:
        action: `discharge`.
        bed: Which bed.
    """

    action: Literal["discharge"]
    bed: _Bed


class StandbyCommand(SignedCommand):
    """Says that an infant is away from its bed for a while: no pain alarms until then.

    Attributes:
        action: `standby`.
        bed: Which bed.
        seconds: For how long at most; may be left out with `until_face`.
        until_face: Whether the stand-by ends, too, when a face returns.
        reason: Why; need not be given.
    """

    action: Literal["standby"]
    bed: _Bed
    seconds: Annotated[float, Field(gt=0.0, allow_inf_nan=False)] | None = None
    until_face: bool = False
    reason: Reason = ""


class ProcedureCommand(SignedCommand):
    """Says that something painful is done to an infant now: pain is expected, and alarmed as ever.

    Attributes:
        action: `procedure`.
        bed: Which bed.
        kind: What is done.
        seconds: How long pain is put down to it; ten minutes when left out, at most an hour.
        note: A few words more; need not be given.
    """

    action: Literal["procedure"]
    bed: _Bed
    kind: ProcedureKind
    seconds: Annotated[float, Field(gt=0.0, le=LONGEST_PROCEDURE_SECONDS, allow_inf_nan=False)] | None = None
    note: Reason = ""


class UndoCommand(SignedCommand):
    """Takes back what the same person has said of a bed, within 15 s and only where it is the newest word.

    Attributes:
        action: `undo`.
        bed: Which bed.
        statement: What is taken back: `resume` is the end of a stand-by.
    """

    action: Literal["undo"]
    bed: _Bed
    statement: BedStatement


AnyCommand: TypeAlias = (
    AcknowledgeCommand
    | PauseCommand
    | ResumeCommand
    | WithdrawCommand
    | AdmitCommand
    | DischargeCommand
    | StandbyCommand
    | ProcedureCommand
    | UndoCommand
)
Command: TypeAlias = Annotated[AnyCommand, Field(discriminator="action")]
COMMAND_ADAPTER: TypeAdapter[AnyCommand] = TypeAdapter(Command)
COMMAND_FIELDS = frozenset(name for model in get_args(AnyCommand) for name in model.model_fields)


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


@dataclass(frozen=True, slots=True)
class Admit:
    """A command that was checked: `by` may say that an infant lies in a bed now."""

    bed: str
    by: str
    infant: str | None = None


@dataclass(frozen=True, slots=True)
class Discharge:
    """A command that was checked: `by` may say that a bed is empty."""

    bed: str
    by: str


@dataclass(frozen=True, slots=True)
class Standby:
    """A command that was checked: `by` may say that an infant is away (None: as long as is allowed, until a face)."""

    bed: str
    by: str
    duration_seconds: float | None = None
    until_face: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Procedure:
    """A command that was checked: `by` may say that something painful is done now (None: for ten minutes)."""

    bed: str
    by: str
    kind: ProcedureKind
    duration_seconds: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Undo:
    """A command that was checked: `by` may take back what they have said of a bed a moment ago."""

    bed: str
    by: str
    statement: BedStatement


OperatorRequest: TypeAlias = Acknowledge | Pause | Resume | Withdraw | Admit | Discharge | Standby | Procedure | Undo
"""What a command comes to once it was checked."""


def order_of(command: AnyCommand) -> tuple[OperatorRequest, str]:
    """Return what a command asks for, as the station takes it and in words for the log."""
    by = command.by
    order: OperatorRequest
    match command:
        case AcknowledgeCommand(alert_id=alert_id):
            order, words = Acknowledge(alert_id, by), f"acknowledge the alert {alert_id}"
        case WithdrawCommand(alert_id=alert_id):
            order, words = Withdraw(alert_id, by), f"withdraw the acknowledgement of the alert {alert_id}"
        case AdmitCommand(bed=bed, infant=infant):
            order, words = Admit(bed, by, infant), f"admit an infant to bed {bed}"
        case DischargeCommand(bed=bed):
            order, words = Discharge(bed, by), f"discharge the infant of bed {bed}"
        case StandbyCommand(bed=bed):
            order = Standby(bed, by, command.seconds, command.until_face, command.reason)
            words = f"put bed {bed} on stand-by"
        case ProcedureCommand(bed=bed):
            order = Procedure(bed, by, command.kind, command.seconds, command.note)
            words = f"note a procedure at bed {bed}"
        case UndoCommand(bed=bed, statement=statement):
            order, words = Undo(bed, by, statement), f"take back {statement} at bed {bed}"
        case PauseCommand(bed=bed):
            order, words = Pause(_bed_of(bed), by, command.seconds), f"pause the alarms of {_scope(bed)}"
        case ResumeCommand(bed=bed):
            order, words = Resume(_bed_of(bed), by), f"end the pause of {_scope(bed)}"
    return order, words


def _bed_of(name: str) -> str | None:
    return None if name == WHOLE_STATION else name


def _scope(name: str) -> str:
    return "the station" if name == WHOLE_STATION else f"bed {name}"


def command_json_schema() -> dict[str, Any]:
    """Return the JSON schema of a command (configs/schemas/command.schema.json is this, written down)."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "nicu-pain-monitor/command/1",
        "title": "Command",
        **COMMAND_ADAPTER.json_schema(),
    }
