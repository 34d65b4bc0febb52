"""What comes in over Redis: acknowledgements and pauses, read from `<prefix>:commands:<station>`.

A command is one stream entry with the fields of one of the commands in `monitor.control.requests`. It is checked, tied
to a person, and handed on; the alarm logic then writes the audit itself, as an update of every alert concerned
that names who silenced it. An entry is deleted once it is dealt with, so that no token stays in the stream.

A command is void a minute after it was sent, by the server's own clock: where a station was away, or another one takes
over a bed whose commands nobody deleted, what somebody asked long ago must not silence what nobody has seen yet.
"""

import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any

from pydantic import ValidationError
from redis.exceptions import ResponseError

from monitor.control.access import AccessList, Role
from monitor.control.requests import COMMAND_ADAPTER, COMMAND_FIELDS, OperatorRequest, SignedCommand, order_of
from monitor.delivery.keys import id_after, id_order
from monitor.delivery.redis_client import RedisClient
from monitor.errors import RefusedError

__all__ = ["CommandOutcome", "CommandReader"]

_log = logging.getLogger(__name__)

_BEGINNING = "0-0"
_AT_ONCE = 100
_LONGEST_SECONDS = 0.1
_ANSWER_SECONDS = 60
_LONGEST_AGE_SECONDS = 60.0
_MOST_BYTES = 8_000_000
"""A stream of commands that occupies more than this is a flood, not a nurse: it is thrown away unread."""


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
        handle: Gets every accepted command, and returns whether it changed anything; raises `RefusedError` for one
            that cannot be done.
        last_id: Where an earlier reader stopped.
        answer_key: Returns the key for the answer to the command of an id; None gives no answers.
    """

    def __init__(
        self,
        client: RedisClient,
        key: str,
        access: AccessList | None,
        handle: Callable[[OperatorRequest], object],
        last_id: str = _BEGINNING,
        answer_key: Callable[[str], str] | None = None,
    ) -> None:
        self._client: Any = client
        self._key = key
        self._access = access
        self._handle = handle
        self._last_id = last_id
        self._answer_key = answer_key
        self._has_tidied = False
        self._may_ask_time = True
        self.is_shared = False
        """Whether another station reads the same commands: then they are left for it."""

    @property
    def last_id(self) -> str:
        """Id of the last entry that was dealt with."""
        return self._last_id

    def poll(self) -> list[CommandOutcome]:
        """Deal with what has come, for a fraction of a second at most; does not wait.

        Raises:
            redis.exceptions.RedisError: The stream cannot be read.
        """
        if self._discard_flood():
            return [CommandOutcome.MALFORMED]
        if not self._has_tidied and not self.is_shared:
            self._tidy()
        outcomes: list[CommandOutcome] = []
        until = time.monotonic() + _LONGEST_SECONDS
        while time.monotonic() < until:
            dealt_with = self._handle_batch()
            outcomes += dealt_with
            if len(dealt_with) < _AT_ONCE:
                break
        return outcomes

    def _handle_batch(self) -> list[CommandOutcome]:
        outcomes: list[CommandOutcome] = []
        answers: dict[str, str] = {}
        # Everything that is still there is new: entries are deleted once dealt with. The id only guards against a
        # server that refuses the deletion.
        entries = self._client.xrange(self._key, min=id_after(self._last_id), count=_AT_ONCE)
        latest_old_ms = self._server_ms() - 1000.0 * _LONGEST_AGE_SECONDS if entries else 0.0
        for stream_id, fields in entries:
            is_old = id_order(str(stream_id))[0] < latest_old_ms
            outcome, detail, changed = self._refuse_old() if is_old else self._handle_entry(fields)
            outcomes.append(outcome)
            self._last_id = str(stream_id)
            answers[self._last_id] = json.dumps({"outcome": outcome, "detail": detail, "changed": changed})
        self._answer(answers)
        if not self.is_shared:
            self._delete([stream_id for stream_id, _ in entries])
        return outcomes

    def _server_ms(self) -> float:
        """Return the server's time in ms since 1970, by which it numbers entries; -inf where it may not be asked."""
        if self._may_ask_time:
            try:
                seconds, microseconds = self._client.time()
                return float(1000.0 * seconds + microseconds / 1000.0)
            except ResponseError:
                self._may_ask_time = False
                _log.warning(
                    "this Redis user may not ask for the time, so that commands in %s count however old they are; "
                    "give it +time",
                    self._key,
                )
        return float("-inf")

    def _refuse_old(self) -> tuple[CommandOutcome, str, bool]:
        _log.warning("a command in %s is older than %.0f s and was not carried out", self._key, _LONGEST_AGE_SECONDS)
        detail = f"the command came more than {_LONGEST_AGE_SECONDS:.0f} s after it was sent; ask again"
        return CommandOutcome.REFUSED, detail, False

    def _tidy(self) -> None:
        """Delete what an earlier reader carried out before its connection broke."""
        if self._last_id != _BEGINNING:
            done = self._client.xrange(self._key, max=self._last_id, count=_AT_ONCE)
            self._delete([stream_id for stream_id, _ in done])
        self._has_tidied = True

    def _delete(self, ids: Sequence[str]) -> None:
        if not ids:
            return
        try:
            self._client.xdel(self._key, *ids)
        except ResponseError:
            _log.warning("commands stay in %s because this Redis user may not delete them there", self._key)

    def go_back_with_stream(self) -> None:
        """Go on behind the newest entry where the server lost its data and its ids start again from the beginning.

        What an older copy of the stream still holds was carried out before, and is not carried out again.

        Raises:
            redis.exceptions.RedisError: The server does not answer.
        """
        try:
            newest = self._client.xrevrange(self._key, count=1)
        except ResponseError:  # a user without the right to read: no command is taken anyway
            return
        tip = str(newest[0][0]) if newest else _BEGINNING
        self._last_id = min(self._last_id, tip, key=id_order)

    def _discard_flood(self) -> bool:
        """Keep a flood, which one answer of the server would bring into memory, from ever being read."""
        try:
            occupied = self._client.memory_usage(self._key, samples=0) or 0
        except ResponseError:  # a user without the right to ask
            return False
        if occupied <= _MOST_BYTES:
            return False
        _log.error("%s held %.0f MB of commands; they were thrown away unread", self._key, occupied / 1e6)
        self._client.delete(self._key)
        self._last_id = _BEGINNING
        return True

    def _answer(self, answers: Mapping[str, str]) -> None:
        """Write what came of some commands, in one turn: on a slow line every turn takes its time."""
        if self._answer_key is None or self.is_shared or not answers:
            return
        try:
            with self._client.pipeline(transaction=False) as pipe:
                for command_id, answer in answers.items():
                    pipe.set(self._answer_key(command_id), answer, ex=_ANSWER_SECONDS)
                pipe.execute()
        except ResponseError as error:  # a user without the right, or a server that takes no writes
            _log.debug("answers to commands could not be written: %s", error)

    def _handle_entry(self, fields: Mapping[str, str]) -> tuple[CommandOutcome, str, bool]:
        """Return what became of a command, one sentence on why it was not done, and whether it changed anything."""
        try:
            command = COMMAND_ADAPTER.validate_python(dict(fields))
        except ValidationError as error:
            # Only this program's own words are logged: a stranger's field names may hold anything.
            wrong = {str(item["loc"][-1]) if item["loc"] else "action" for item in error.errors(include_input=False)}
            known = sorted(wrong & COMMAND_FIELDS) or ["unknown fields"]
            _log.warning("a command in %s was dropped: look at %s", self._key, ", ".join(known))
            return CommandOutcome.MALFORMED, f"the command is not understood; look at {', '.join(known)}", False
        order, words = order_of(command)
        if not self._may(command):
            _log.warning("%s may not %s: the command was refused", command.by, words)
            return CommandOutcome.REFUSED, "name and token do not give this right", False
        _log.info("%s asks to %s", command.by, words)
        try:
            changed = bool(self._handle(order))
        except RefusedError as error:
            return CommandOutcome.REFUSED, str(error), False
        except Exception:  # noqa: BLE001 - see below
            # A command that the station chokes on must not come back indefinitely.
            _log.exception("it failed to %s, as %s asked", words, command.by)
            return CommandOutcome.FAILED, "the station failed to do it; see its log", False
        return CommandOutcome.ACCEPTED, "", changed

    def _may(self, command: SignedCommand) -> bool:
        if self._access is None:
            return True
        person = None if command.token is None else self._access.identify(command.token.get_secret_value())
        if person is None or not person.role.includes(Role.NURSE):
            return False
        # Whose alert it is, is not known here: who may act on some beds only acknowledges by the page or the API.
        if not person.beds.covers(getattr(command, "bed", None)):
            return False
        # The page of a ward passes on what the people who are logged in there ask, under its own token.
        return person.name == command.by or person.role is Role.ADMIN
