"""What comes in over Redis: acknowledgements, read from `<prefix>:commands:<station>`.

A command is one stream entry with the fields of `Command`. It is checked, tied to a person, and handed on; the alarm
logic then writes the audit itself, as an update of the alert that names who acknowledged it. An entry is deleted once
it is dealt with, so that no token stays in the stream.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from redis.exceptions import ResponseError

from monitor.publish.access import AccessList, Role
from monitor.publish.redis_client import RedisClient

__all__ = ["Acknowledge", "Command", "CommandOutcome", "CommandReader", "command_json_schema"]

_log = logging.getLogger(__name__)

_AT_ONCE = 100


class Command(BaseModel):
    """The fields of one entry of the commands stream.

    Attributes:
        action: `acknowledge` silences the signal of one alert for a while; the condition stays.
        alert_id: Which alert.
        by: Who. With an access list it must be the name that the token belongs to.
        token: Secret of that person; needed where the station has an access list.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    action: Literal["acknowledge"]
    alert_id: Annotated[str, Field(pattern=r"^[!-~]{1,128}$")]
    by: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.@-]{0,62}$")]
    token: Annotated[SecretStr, Field(max_length=256)] | None = None


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """A command that was checked: `by` has the right to acknowledge `alert_id`."""

    alert_id: str
    by: str


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
        access: Who may acknowledge; None lets everybody who may write to the stream.
        handle: Gets every accepted command.
        last_id: Where an earlier reader stopped.
    """

    def __init__(
        self,
        client: RedisClient,
        key: str,
        access: AccessList | None,
        handle: Callable[[Acknowledge], None],
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
        """Deal with what has come; does not wait.

        Raises:
            redis.exceptions.RedisError: The stream cannot be read.
        """
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

    def _deal_with(self, fields: Mapping[str, str]) -> CommandOutcome:
        try:
            command = Command.model_validate(dict(fields))
        except ValidationError as error:
            # Only this program's own words are logged: a stranger's field names may hold anything.
            wrong = {str(item["loc"][0]) for item in error.errors(include_input=False) if item["loc"]}
            known = sorted(wrong & set(Command.model_fields)) or ["unknown fields"]
            _log.warning("a command in %s was dropped: look at %s", self._key, ", ".join(known))
            return CommandOutcome.MALFORMED
        if not self._may(command):
            _log.warning("a command of %s for alert %s was refused", command.by, command.alert_id)
            return CommandOutcome.REFUSED
        _log.info("alert %s is acknowledged by %s", command.alert_id, command.by)
        try:
            self._handle(Acknowledge(command.alert_id, command.by))
        except Exception:  # noqa: BLE001 - see below
            # A command that the station chokes on must not come back for ever.
            _log.exception("the acknowledgement of alert %s by %s failed", command.alert_id, command.by)
            return CommandOutcome.FAILED
        return CommandOutcome.ACCEPTED

    def _may(self, command: Command) -> bool:
        if self._access is None:
            return True
        person = None if command.token is None else self._access.identify(command.token.get_secret_value())
        return person is not None and person.name == command.by and person.role.includes(Role.NURSE)


def command_json_schema() -> dict[str, Any]:
    """Return the JSON schema of a command (configs/schemas/command.schema.json is this, written down)."""
    schema = Command.model_json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "nicu-pain-monitor/command/1",
        **schema,
    }
