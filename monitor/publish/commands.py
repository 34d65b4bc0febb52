"""What comes in over Redis: acknowledgements and pauses, read from `<prefix>:commands:<station>`.

A command is one stream entry with the fields of `AcknowledgeCommand`, `PauseCommand` or `ResumeCommand`. It is checked,
tied to a person, and handed on; the alarm logic then writes the audit itself, as an update of every alert concerned
that names who silenced it. An entry is deleted once it is dealt with, so that no token stays in the stream.
"""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, SecretStr, TypeAdapter, ValidationError
from redis.exceptions import ResponseError

from monitor.publish.access import AccessList, Role
from monitor.publish.keys import WHOLE_STATION
from monitor.publish.redis_client import RedisClient

__all__ = [
    "Acknowledge",
    "AcknowledgeCommand",
    "Command",
    "CommandOutcome",
    "CommandReader",
    "Order",
    "Pause",
    "PauseCommand",
    "Resume",
    "ResumeCommand",
    "command_json_schema",
]

_log = logging.getLogger(__name__)

_AT_ONCE = 100
_LONGEST_SECONDS = 0.1
_MOST_BYTES = 8_000_000
"""A stream of commands that occupies more than this is a flood, not a nurse: it is thrown away unread."""


class _SignedCommand(BaseModel):
    """What every command says about its sender.

    Attributes:
        by: Who. With an access list it must be the name that the token belongs to.
        token: Secret of that person; needed where the station has an access list.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    by: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.@-]{0,62}$")]
    token: Annotated[SecretStr, Field(max_length=256)] | None = None


class AcknowledgeCommand(_SignedCommand):
    """Silences the signal of one alert for a while; the condition stays.

    Attributes:
        action: `acknowledge`.
        alert_id: Which alert.
    """

    action: Literal["acknowledge"]
    alert_id: Annotated[str, Field(pattern=r"^[!-~]{1,128}$")]


_Place = Annotated[str, Field(pattern=rf"^({WHOLE_STATION}|[A-Za-z0-9][A-Za-z0-9_.-]{{0,62}})$")]


class PauseCommand(_SignedCommand):
    """Acknowledges all that one bed signals now, and the same kinds of condition in advance, for a limited time.

    Attributes:
        action: `pause`.
        bed: Which bed; `_station` for the conditions of the whole station.
        seconds: For how long; never longer than an acknowledgement lasts, which is also the default.
    """

    action: Literal["pause"]
    bed: _Place
    seconds: Annotated[float, Field(gt=0.0, le=86_400.0, allow_inf_nan=False)] | None = None


class ResumeCommand(_SignedCommand):
    """Ends a pause before its time: what still holds is signalled again.

    Attributes:
        action: `resume`.
        bed: Which bed; `_station` for the whole station.
    """

    action: Literal["resume"]
    bed: _Place


Command: TypeAlias = Annotated[AcknowledgeCommand | PauseCommand | ResumeCommand, Field(discriminator="action")]
_ADAPTER: TypeAdapter[AcknowledgeCommand | PauseCommand | ResumeCommand] = TypeAdapter(Command)
_FIELDS = frozenset(name for model in (AcknowledgeCommand, PauseCommand, ResumeCommand) for name in model.model_fields)


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


Order: TypeAlias = Acknowledge | Pause | Resume
"""What a command comes to once it was checked."""


class CommandOutcome(StrEnum):
    """What became of a command."""

    ACCEPTED = "accepted"
    MALFORMED = "malformed"
    REFUSED = "refused"
    FAILED = "failed"


class CommandReader:
    """Reads the commands of one station.

    Args:
        client: The connection.
        key: Of the stream.
        access: Who may command; None lets everybody who may write to the stream.
        handle: Gets every accepted command.
        last_id: Where an earlier reader stopped.
    """

    def __init__(
        self,
        client: RedisClient,
        key: str,
        access: AccessList | None,
        handle: Callable[[Order], object],
        last_id: str = "0-0",
    ) -> None:
        self._client: Any = client
        self._key = key
        self._access = access
        self._handle = handle
        self._last_id = last_id

    @property
    def last_id(self) -> str:
        """Id of the last entry that was dealt with."""
        return self._last_id

    def poll(self) -> list[CommandOutcome]:
        """Deal with what has come, for a fraction of a second at most; does not wait.

        Raises:
            redis.exceptions.RedisError: The stream cannot be read.
        """
        if self._throw_flood_away():
            return [CommandOutcome.MALFORMED]
        outcomes: list[CommandOutcome] = []
        until = time.monotonic() + _LONGEST_SECONDS
        while time.monotonic() < until:
            dealt_with = self._deal_with_some()
            outcomes += dealt_with
            if len(dealt_with) < _AT_ONCE:
                break
        return outcomes

    def _deal_with_some(self) -> list[CommandOutcome]:
        outcomes: list[CommandOutcome] = []
        # Everything that is still there is new: entries are deleted once dealt with. The id only guards against a
        # server that refuses the deletion.
        entries = self._client.xrange(self._key, min=f"({self._last_id}", count=_AT_ONCE)
        for stream_id, fields in entries:
            outcomes.append(self._deal_with(fields))
            self._last_id = str(stream_id)
        if entries:
            try:
                self._client.xdel(self._key, *(stream_id for stream_id, _ in entries))
            except ResponseError:
                _log.warning("commands stay in %s because this Redis user may not delete them there", self._key)
        return outcomes

    def start_over(self) -> None:
        """Begin at the oldest entry again, after the server lost its data."""
        self._last_id = "0-0"

    def _throw_flood_away(self) -> bool:
        """Keep a flood, which one answer of the server would bring into memory, from ever being read."""
        try:
            occupied = self._client.memory_usage(self._key, samples=0) or 0
        except ResponseError:  # a user without the right to ask
            return False
        if occupied <= _MOST_BYTES:
            return False
        _log.error("%s held %.0f MB of commands; they were thrown away unread", self._key, occupied / 1e6)
        self._client.delete(self._key)
        self.start_over()
        return True

    def _deal_with(self, fields: Mapping[str, str]) -> CommandOutcome:
        try:
            command = _ADAPTER.validate_python(dict(fields))
        except ValidationError as error:
            # Only this program's own words are logged: a stranger's field names may hold anything.
            wrong = {str(item["loc"][-1]) if item["loc"] else "action" for item in error.errors(include_input=False)}
            known = sorted(wrong & _FIELDS) or ["unknown fields"]
            _log.warning("a command in %s was dropped: look at %s", self._key, ", ".join(known))
            return CommandOutcome.MALFORMED
        order, words = _order_of(command)
        if not self._may(command):
            _log.warning("%s may not %s: the command was refused", command.by, words)
            return CommandOutcome.REFUSED
        _log.info("%s asks to %s", command.by, words)
        try:
            self._handle(order)
        except Exception:  # noqa: BLE001 - see below
            # A command that the station chokes on must not come back for ever.
            _log.exception("it failed to %s, as %s asked", words, command.by)
            return CommandOutcome.FAILED
        return CommandOutcome.ACCEPTED

    def _may(self, command: _SignedCommand) -> bool:
        if self._access is None:
            return True
        person = None if command.token is None else self._access.identify(command.token.get_secret_value())
        return person is not None and person.name == command.by and person.role.includes(Role.NURSE)


def _order_of(command: AcknowledgeCommand | PauseCommand | ResumeCommand) -> tuple[Order, str]:
    """Return what a command asks for, as the station takes it and in words for the log."""
    if isinstance(command, AcknowledgeCommand):
        return Acknowledge(command.alert_id, command.by), f"acknowledge the alert {command.alert_id}"
    bed = None if command.bed == WHOLE_STATION else command.bed
    place = "the station" if bed is None else f"bed {bed}"
    if isinstance(command, PauseCommand):
        return Pause(bed, command.by, command.seconds), f"pause the alarms of {place}"
    return Resume(bed, command.by), f"end the pause of {place}"


def command_json_schema() -> dict[str, Any]:
    """Return the JSON schema of a command (configs/schemas/command.schema.json is this, written down)."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "nicu-pain-monitor/command/1",
        "title": "Command",
        **_ADAPTER.json_schema(),
    }
