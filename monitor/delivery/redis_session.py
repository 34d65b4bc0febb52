"""Everything the publisher does over one connection to Redis: deliver alerts, ring, beat, show state, take commands."""

import json
import logging
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from redis import RedisCluster
from redis.exceptions import ResponseError

from monitor.alerts.record import AlertDraft, format_time
from monitor.clock import Clock
from monitor.config import RedisSettings
from monitor.control.access import AccessList
from monitor.control.requests import OperatorRequest
from monitor.delivery.alert_stream import AlertStream, ProducerConflictError, StreamEntry, StreamLostError, stream_entry
from monitor.delivery.batch import Batch
from monitor.delivery.claims import Claims
from monitor.delivery.keys import DISPUTED, Keys
from monitor.delivery.outbox import Outbox
from monitor.delivery.redis_client import RedisClient
from monitor.delivery.request_reader import CommandOutcome, CommandReader
from monitor.delivery.spool import Position
from monitor.errors import PublishError
from monitor.pain.vocabulary import Signal

__all__ = ["RedisSession", "SessionEvents", "StateValue", "shows_as_on"]

_log = logging.getLogger(__name__)

_BATCH = 100
_WAIT_SHARE = 0.8
"""Of the bound on one call, how long replicas may take: the server must answer before the client gives up."""
_COMMANDS_ID = "commands_id"
_STREAM_ID = re.compile(r"\d{1,20}-\d{1,20}", re.ASCII)
_STATE_FIELDS = ("condition_present", "signal", "priority", "validity")

StateValue = str | float | bool | None


@dataclass(frozen=True, slots=True)
class SessionEvents:
    """What the publisher notifies the rest of the station of; called from its thread.

    Attributes:
        request: A person who may do so acknowledged an alert, or paused or resumed the alarms of a bed.
        published: An alert reached Redis so many seconds after it was handed in (None for one of an earlier run).
        command: What became of a command.
    """

    request: Callable[[OperatorRequest], object] = lambda _: None
    published: Callable[[float | None], None] = lambda _: None
    command: Callable[[CommandOutcome], None] = lambda _: None


class RedisSession:
    """The work over one connection.

    Args:
        client: The connection; owned by the session from now on.
        settings: Bounds and lives of keys.
        keys: Names of keys.
        outbox: Where alerts come from.
        clock: For labels and ages.
        access: Who may command.
        events: What to report.

    Raises:
        redis.exceptions.RedisError: The server does not answer.
    """

    def __init__(
        self,
        client: RedisClient,
        settings: RedisSettings,
        keys: Keys,
        outbox: Outbox,
        clock: Clock,
        access: AccessList | None,
        events: SessionEvents,
    ) -> None:
        self._client: Any = client
        # The keys of several beds lie on several nodes of a cluster, which no transaction spans.
        self._is_cluster = isinstance(client, RedisCluster)
        self._settings = settings
        self._keys = keys
        self._outbox = outbox
        self._clock = clock
        self._events = events
        self._stream = AlertStream(client, keys.alerts, settings.stream_max_length)
        spool = outbox.spool
        last_id = (spool.get_meta(_COMMANDS_ID) if spool is not None else None) or "0-0"
        if not _STREAM_ID.fullmatch(last_id):
            _log.error("the spool's note of the last command is damaged; the commands that still wait are read again")
            last_id = "0-0"
        self._is_reconciled = False
        self._commands = CommandReader(client, keys.commands, access, events.request, last_id, keys.answer)

    @property
    def stream(self) -> AlertStream:
        """The stream of alerts."""
        return self._stream

    def check_stream(self) -> None:
        """Notice a server that lost its data, and send again what it lost and the spool still has."""
        spool = self._outbox.spool
        if spool is None or not spool.position.stream_id:
            return
        try:
            self._stream.check(spool.producer_id, spool.position)
        except StreamLostError as lost:
            self._rewind(lost.position)

    def deliver(self, turned: Callable[[], None] = lambda: None) -> None:
        """Send all that waits, oldest first.

        Args:
            turned: Called between batches: on a slow line much that waits takes minutes.

        Raises:
            redis.exceptions.RedisError: The rest waits on; whether the last batch arrived is found out next time.
        """
        while (claim := self._outbox.claim(_BATCH)) is not None:
            self._deliver(claim)
            turned()

    def reconcile(self, turned: Callable[[], None] = lambda: None) -> None:
        """Compare what Redis says of every alert that is signalled with the alarm logic, and say again what differs.

        Redis may know a later record of an alert than this spool, whose directory was restored from an older copy, or
        none at all. Done once a connection and after every loss, as soon as nothing waits.

        Args:
            turned: Called after every page that was read.

        Raises:
            redis.exceptions.RedisError: The stream cannot be read.
        """
        if self._is_reconciled:
            return
        if not self.has_sent_all():
            return
        signalled = self._outbox.signalled.by_id()
        known = self._stream.newest_by_alert(signalled, turned) if signalled else {}
        differing = [draft for alert_id, draft in signalled.items() if not _agrees(known.get(alert_id), draft)]
        if differing and (count := self._outbox.say_again(differing)):
            _log.warning("Redis did not have the present state of %d alerts that are on; they are said again", count)
        self._is_reconciled = True

    def distrust(self) -> None:
        """Compare again, because this station goes on with alerts that another one wrote."""
        self._is_reconciled = False

    def has_sent_all(self) -> bool:
        """Return whether nothing waits: Redis has everything that this station ever said."""
        return self._outbox.backlog().count == 0

    def ask_to_compare(self, bed: str) -> None:
        """Let the station that watches a bed compare what Redis says of its alerts with its own alarm logic."""
        self._client.hset(self._keys.alarm_state(bed), DISPUTED, self._keys.station)

    def _deliver(self, claim: Batch) -> None:
        producer_id = claim.alerts[0].producer_id
        position = claim.position
        if not position.stream_id:
            # Nothing of this producer was ever sent, so its records can only come behind the newest entry of now.
            position = Position(position.seq, self._stream.tip())
            self._outbox.delivered(claim, position)
        claim = self._outbox.stamp(claim, format_time(self._clock.wall()))
        entries = [stream_entry(alert) for alert in claim.alerts]
        try:
            reached = self._stream.deliver(producer_id, entries, position, claim.last_seq)
        except StreamLostError as lost:
            if claim.durable:
                self._rewind(lost.position)
            else:
                self._outbox.renew_producer(claim)
                self._is_reconciled = False
            return
        except ProducerConflictError:
            _log.error(
                "the stream holds alerts of %s that it never gave out: the spool was restored from an old copy, or "
                "somebody forges alerts; they go on under a new producer id",
                producer_id,
            )
            self._outbox.renew_producer(claim)
            self._is_reconciled = False
            return
        except ResponseError:
            self._outbox.stamp(claim, None)
            raise
        self._wait_for_replicas()
        self._outbox.delivered(claim, reached)
        now_seconds = self._clock.monotonic()
        for alert in claim.alerts:
            age_seconds = None if alert.stored_seconds is None else now_seconds - alert.stored_seconds
            self._events.published(age_seconds)
        self._notify_channel(claim, entries)

    def _wait_for_replicas(self) -> None:
        """Wait until enough replicas hold what was written over this connection.

        Raises:
            PublishError: Too few do; the alerts are offered again, and found where they arrived.
        """
        wanted = self._settings.replicas
        if wanted == 0 or self._is_cluster:
            return
        longest_ms = max(1, int(_WAIT_SHARE * 1000 * self._settings.timeout_seconds))
        have = int(self._client.wait(wanted, longest_ms))
        if have < wanted:
            raise PublishError(
                f"only {have} of {wanted} replicas of Redis took the newest alerts; see redis.replicas and the replicas"
            )

    def send_heartbeat(self, document: Mapping[str, object], life_seconds: float) -> None:
        """Say that the station is watching; the key vanishes when this is not said again in time."""
        self._client.set(self._keys.heartbeat, json.dumps(document), px=int(life_seconds * 1000))

    def clear_heartbeat(self) -> None:
        """Take the heartbeat away, so that subscribers learn at once that nobody watches."""
        self._client.delete(self._keys.heartbeat)

    def show(self, states: Mapping[str, Mapping[str, StateValue]]) -> None:
        """Write the newest state of some beds; a state that is not renewed vanishes."""
        if not states:
            return
        with self._client.pipeline(transaction=not self._is_cluster) as pipe:
            for bed, state in states.items():
                key = self._keys.state(bed)
                # Deleted first, so that a value that is unknown now does not stay from before.
                pipe.delete(key)
                pipe.hset(key, mapping={name: _text(value) for name, value in state.items() if value is not None})
                pipe.pexpire(key, int(self._settings.state_ttl_seconds * 1000))
            pipe.execute()

    def hide(self, bed: str) -> None:
        """Delete a bed's state at once."""
        self._client.delete(self._keys.state(bed))

    def renew_claims(self, claims: Claims, beds: Iterable[str]) -> None:
        """Claim the station's id and its beds again."""
        claims.renew(self._client, beds)

    def take_commands(self, claims: Claims) -> None:
        """Deal with the commands that have come; those to an id that is shared are left for the other station, too."""
        self._commands.is_shared = claims.is_id_shared
        before = self._commands.last_id
        try:
            outcomes = self._commands.poll()
        finally:
            # Also where the connection broke after some were carried out and before they were deleted.
            if self._commands.last_id != before:
                self._outbox.with_spool(lambda spool: spool.set_meta(_COMMANDS_ID, self._commands.last_id))
        for outcome in outcomes:
            self._events.command(outcome)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def _rewind(self, position: Position) -> None:
        spool = self._outbox.spool
        if spool is None:
            return
        known = spool.position.seq
        # With more in the stream than was known, the record at the known position must first be found again.
        back_to = position if position.seq <= known else Position(known, "0-0")
        _log.warning("Redis lost alerts after number %d; they are sent again", back_to.seq)
        self._stream.distrust_idempotence()
        self._is_reconciled = False
        self._outbox.move_to(back_to)
        self._commands.go_back_with_stream()

    def _notify_channel(self, claim: Batch, entries: list[StreamEntry]) -> None:
        """Wake subscribers; who misses the bell finds the record in the stream."""
        rings = [
            (self._keys.doorbell(None if (bed := alert.draft.get("bed")) is None else str(bed)), entry.fields["alert"])
            for alert, entry in zip(claim.alerts, entries, strict=True)
        ]
        try:
            if self._is_cluster:  # whose client does not take PUBLISH into a pipeline
                for channel, text in rings:
                    self._client.publish(channel, text)
                return
            with self._client.pipeline(transaction=False) as pipe:
                for channel, text in rings:
                    pipe.publish(channel, text)
                pipe.execute()
        except ResponseError:
            _log.warning("this Redis user may not publish on %s:*; subscribers must read the stream", self._keys.alerts)


def shows_as_on(record: Mapping[str, object] | None) -> bool:
    """Return whether a record of the stream, None where there is none, leaves its alert on."""
    return record is not None and not (record.get("signal") == Signal.OFF and record.get("condition_present") is False)


def _agrees(record: Mapping[str, object] | None, draft: AlertDraft) -> bool:
    """Return whether a record says the same about an alert's state as the alarm logic."""
    if record is None:
        return False
    wanted = draft.model_dump(mode="json", include=set(_STATE_FIELDS))
    return all(record.get(name) == wanted[name] for name in _STATE_FIELDS)


def _text(value: StateValue) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
