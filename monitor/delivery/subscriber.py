"""The other end of the wire: reads the alert stream, once each, and notices when nobody watches any more.

What has been read is stored in a small file: the last id in the stream, and per producer the highest number with the
numbers missing below it. That is all it takes to skip repeats (a server that lost its data gets its alerts again) and
to name gaps. The file is written after an alert has been handled, so a reader that dies sees that alert once more.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from pydantic import ValidationError
from redis.exceptions import RedisClusterException, RedisError

from monitor.alerts.record import Alert
from monitor.clock import Clock, SystemClock
from monitor.config import RedisSettings
from monitor.delivery.keys import Keys, id_after, id_order
from monitor.delivery.redis_client import RedisClient, connect_redis, redis_address
from monitor.delivery.redis_errors import describe_failure
from monitor.errors import PublishError
from monitor.private_file import replace_private_file

__all__ = [
    "AlertSubscriber",
    "Event",
    "HeartbeatLost",
    "HeartbeatSeen",
    "NewAlert",
    "Progress",
    "ProgressError",
    "ServerLost",
    "ServerSeen",
]

_PAGE = 200
_MISSING_KEPT = 10_000


@dataclass(frozen=True, slots=True)
class NewAlert:
    """An alert that was not seen before.

    Attributes:
        alert: The record.
        text: Its JSON as published.
        missing_before: How many numbers of its producer were skipped right before it.
    """

    alert: Alert
    text: str
    missing_before: int


@dataclass(frozen=True, slots=True)
class HeartbeatLost:
    """A station no longer says that it is watching. No alert will come from it: that does not mean no pain."""

    station: str


@dataclass(frozen=True, slots=True)
class HeartbeatSeen:
    """A station says that it is watching (for the first time, or again)."""

    station: str


@dataclass(frozen=True, slots=True)
class ServerLost:
    """Redis does not answer: one sentence."""

    reason: str


@dataclass(frozen=True, slots=True)
class ServerSeen:
    """Redis answers (again)."""


Event = NewAlert | HeartbeatLost | HeartbeatSeen | ServerLost | ServerSeen


@dataclass(slots=True)
class _Numbers:
    highest: int
    missing: set[int] = field(default_factory=set)


class ProgressError(PublishError):
    """What has been read cannot be stored: only a restart would read it again."""


class Progress:
    """What has been read of the stream.

    Args:
        path: Where it is stored; None keeps it in memory only.

    Raises:
        PublishError: The file cannot be read or is none of this program's.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self.last_id: str | None = None
        self.is_saved = True
        self._producers: dict[str, _Numbers] = {}
        if path is None or not path.exists():
            return
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            id_order(str(document["last_id"]))
            self.last_id = str(document["last_id"])
            for name, numbers in document["producers"].items():
                self._producers[str(name)] = _Numbers(int(numbers["highest"]), {int(n) for n in numbers["missing"]})
        except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
            raise PublishError(f"{path} cannot be read as a subscriber's state; delete it to start afresh") from error

    def admit(self, producer_id: str, seq: int) -> int | None:
        """Note a number; return how many were skipped right before it, or None when it has been seen already."""
        numbers = self._producers.get(producer_id)
        if numbers is None:
            self._producers[producer_id] = _Numbers(seq)
            return 0
        if seq <= numbers.highest:
            if seq not in numbers.missing:
                return None
            numbers.missing.discard(seq)
            return 0
        skipped = seq - numbers.highest - 1
        numbers.missing.update(range(max(numbers.highest + 1, seq - _MISSING_KEPT), seq))
        if len(numbers.missing) > _MISSING_KEPT:
            numbers.missing = set(sorted(numbers.missing)[-_MISSING_KEPT:])
        numbers.highest = seq
        return skipped

    def save(self) -> None:
        """Replace the file by a new one, whole or not at all.

        Raises:
            ProgressError: It cannot be written.
        """
        if self._path is None:
            return
        self.is_saved = False
        document = {
            "last_id": self.last_id,
            "producers": {
                name: {"highest": numbers.highest, "missing": sorted(numbers.missing)}
                for name, numbers in self._producers.items()
            },
        }
        try:
            replace_private_file(self._path, json.dumps(document))
        except OSError as error:
            raise ProgressError(
                f"cannot write {self._path} ({error.strerror}); free some space, or choose another state file"
            ) from error
        self.is_saved = True


class AlertSubscriber:
    """Reads alerts and watches heartbeats; survives the server's restarts.

    Args:
        connect: Makes a connection.
        address: Of the server, without credentials, for messages.
        prefix: Of the key names.
        progress: What was read before; saved by `events` after each batch was taken.
        clock: For the time since a heartbeat.
        stations: Stations whose heartbeat is watched from the start; others are watched once they have been seen.
        from_start: Without earlier progress, begin with the oldest alert in the stream instead of the next one.
        silence_seconds: A station without heartbeat for so long is reported.
        saves_each: Save progress after every alert that the caller has taken, not only after each batch.
    """

    def __init__(
        self,
        connect: Callable[[], RedisClient],
        address: str,
        prefix: str,
        progress: Progress,
        clock: Clock,
        *,
        stations: Sequence[str] = (),
        from_start: bool = False,
        silence_seconds: float = 20.0,
        saves_each: bool = False,
    ) -> None:
        self._connect = connect
        self._address = address
        self._prefix = prefix
        self._keys = Keys(prefix, "")
        self._progress = progress
        self._clock = clock
        self._from_start = from_start
        self._silence_seconds = silence_seconds
        self._saves_each = saves_each
        self._client: Any = None
        self._server_lost = False
        self._has_read_all = False
        # Station to the time of its last heartbeat; and those that have been reported as silent.
        self._heard: dict[str, float] = dict.fromkeys(stations, clock.monotonic())
        self._seen: set[str] = set()
        self._silent: set[str] = set()

    @classmethod
    def from_settings(
        cls,
        settings: RedisSettings,
        *,
        state_file: Path | None = None,
        clock: Clock | None = None,
        stations: Sequence[str] = (),
        from_start: bool = False,
        silence_seconds: float = 20.0,
        saves_each: bool = False,
    ) -> Self:
        """Return a subscriber of the server that a configuration names.

        Args:
            settings: The section `redis` of a configuration.
            state_file: Where the progress is stored, so that a restart goes on there; None stores nothing.
            clock: For the time since a heartbeat; the machine's where absent.
            stations: As in the constructor, like the rest.
            from_start: Without earlier progress, begin with the oldest alert in the stream.
            silence_seconds: A station without heartbeat for so long is reported.
            saves_each: Save progress after every alert, not only after each batch.

        Raises:
            ConfigError: The address is wrong.
            PublishError: The state file cannot be read.
        """
        return cls(
            lambda: connect_redis(settings),
            redis_address(settings),
            settings.key_prefix,
            Progress(state_file),
            clock or SystemClock(),
            stations=stations,
            from_start=from_start,
            silence_seconds=silence_seconds,
            saves_each=saves_each,
        )

    @property
    def silent_stations(self) -> tuple[str, ...]:
        """Stations that are not watching at the moment."""
        return tuple(sorted(self._silent))

    @property
    def has_read_all(self) -> bool:
        """Whether the newest `poll` found no further entry in the stream, or no server."""
        return self._has_read_all

    def poll(self) -> Iterator[Event]:
        """Yield what is new, without waiting. Progress is saved after the caller has taken an alert.

        Raises:
            ProgressError: Progress cannot be saved. It is held in memory: the next call goes on with what comes after
                the alert that was taken, and tries to save again.
            ConfigError: The address or a file that it needs is wrong.
        """
        try:
            if self._client is None:
                self._client = self._connect()
                self._begin()
            entries = self._read()
            beating = self._beating_stations()
            self._has_read_all = not entries
        except (RedisError, RedisClusterException, OSError) as error:
            self.close()
            self._has_read_all = True
            if not self._server_lost:
                self._server_lost = True
                yield ServerLost(describe_failure(error, self._address))
            yield from self._check_silence(())
            return
        if self._server_lost:
            self._server_lost = False
            yield ServerSeen()
        yield from self._check_silence(beating)
        for stream_id, fields in entries:
            event = self._admit(fields)
            if event is not None:
                yield event
            self._progress.last_id = stream_id
            if event is not None and self._saves_each:
                self._progress.save()
        if entries or not self._progress.is_saved:
            self._progress.save()

    def close(self) -> None:
        """Close the connection; the next `poll` opens a new one."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _begin(self) -> None:
        newest = self._client.xrevrange(self._keys.alerts, count=1)
        tip = str(newest[0][0]) if newest else "0-0"
        if self._progress.last_id is None:
            self._progress.last_id = "0-0" if self._from_start else tip
            self._progress.save()
        elif id_order(tip) < id_order(self._progress.last_id):
            # The server lost its data, and its clock may have gone back too: read all; repeats are known by number.
            self._progress.last_id = "0-0"

    def _read(self) -> list[tuple[str, Mapping[str, str]]]:
        entries = self._client.xrange(self._keys.alerts, min=id_after(self._progress.last_id or "0-0"), count=_PAGE)
        return [(str(stream_id), fields) for stream_id, fields in entries]

    def _admit(self, fields: Mapping[str, str]) -> NewAlert | None:
        text = fields.get("alert", "")
        try:
            alert = Alert.model_validate_json(text)
        except ValidationError:
            return None  # another program's entry, or a later version's
        skipped = self._progress.admit(alert.producer_id, alert.seq)
        return None if skipped is None else NewAlert(alert, text, skipped)

    def _beating_stations(self) -> tuple[str, ...]:
        key = Keys(self._prefix, "*").heartbeat
        beginning = len(Keys(self._prefix, "").heartbeat)
        return tuple(name[beginning:] for name in self._client.scan_iter(match=key, count=1000))

    def _check_silence(self, beating: Sequence[str]) -> Iterator[Event]:
        now_seconds = self._clock.monotonic()
        for station in beating:
            self._heard[station] = now_seconds
            if station in self._silent or station not in self._seen:
                self._silent.discard(station)
                self._seen.add(station)
                yield HeartbeatSeen(station)
        for station, heard_seconds in self._heard.items():
            if station not in self._silent and now_seconds - heard_seconds >= self._silence_seconds:
                self._silent.add(station)
                yield HeartbeatLost(station)
