"""The other end of the wire: reads the alert stream, once each, and notices when nobody watches any more.

What has been read is stored after an alert has been handled, so a reader that dies sees that alert once more.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from redis.exceptions import RedisClusterException, RedisError

from monitor.alerts.record import Alert, alert_of_entry
from monitor.clock import Clock, SystemClock
from monitor.config import RedisSettings
from monitor.delivery.keys import Keys, id_before, id_order
from monitor.delivery.progress import Progress, ProgressError
from monitor.delivery.redis_client import RedisClient, connect_redis, redis_address
from monitor.delivery.redis_errors import describe_failure

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
_LOOK_SECONDS = 1.0


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


class AlertSubscriber:
    """Reads alerts and watches heartbeats; survives the server's restarts.

    Args:
        connect: Makes a connection.
        address: Of the server, without credentials, for messages.
        prefix: Of the key names.
        progress: What was read before; saved by `poll` after each batch was taken.
        clock: For the time since a heartbeat.
        stations: Stations whose heartbeat is watched from the start; others are watched once they have been seen,
            by an earlier reader with the same progress too.
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
        self._is_answered = False
        self._has_read_all = False
        # Station to the time of its last heartbeat; and those that have been reported as silent.
        self._heard: dict[str, float] = dict.fromkeys((*stations, *progress.watching), clock.monotonic())
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

    @property
    def is_answered(self) -> bool:
        """Whether the server answered the newest question; what waits in the stream is not known otherwise."""
        return self._is_answered

    def poll(self) -> Iterator[Event]:
        """Yield what is new, without waiting. Progress is saved after the caller has taken an alert.

        It ends early where the caller takes long, so that the next call looks at the heartbeats before further alerts.

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
            if not entries and self._progress.noted_id != "0-0":
                self._note_earlier()
            self._is_answered = True
        except (RedisError, RedisClusterException, OSError) as error:
            self.close()
            self._has_read_all = True
            if not self._server_lost:
                self._server_lost = True
                yield ServerLost(describe_failure(error, self._address))
            yield from self._check_silence(())
            if not self._progress.is_saved and self._progress.last_id is not None:
                self._progress.save()
            return
        if self._server_lost:
            self._server_lost = False
            yield ServerSeen()
        yield from self._check_silence(beating)
        yield from self._take(entries)
        if entries or not self._progress.is_saved:
            self._progress.save()

    def close(self) -> None:
        """Close the connection; the next `poll` opens a new one."""
        self._is_answered = False
        if self._client is not None:
            self._client.close()
            self._client = None

    def _begin(self) -> None:
        if self._progress.last_id is None:
            newest = [] if self._from_start else self._client.xrevrange(self._keys.alerts, count=1)
            self._progress.begin(str(newest[0][0]) if newest else "0-0")
            self._progress.save()

    def _read(self) -> list[tuple[str, Mapping[str, str]]]:
        """Return the next page; from the beginning where the server has lost what was read last.

        It may have, and be back between two calls without an error: the entry that was read last must still be there.
        A clock that went back with the data would otherwise hide all that comes behind it.
        """
        last_id = self._progress.last_id or "0-0"
        if last_id == "0-0":
            return self._page(last_id, _PAGE)
        page = self._page(last_id, _PAGE + 1)
        if page and page[0][0] == last_id:
            return page[1:]
        oldest = self._page("0-0", 1)
        if oldest and id_order(oldest[0][0]) > id_order(last_id):
            return page[:_PAGE]  # trimmed, or emptied: all that is there comes behind it
        # Repeats are known by number. What was there before this reader began lies before the entry that it began at,
        # as long as that is still there.
        begun_id = self._progress.begun_id
        self._progress.read_again(keeps_begin=any(entry_id == begun_id for entry_id, _ in self._page(begun_id, 1)))
        return self._page("0-0", _PAGE)

    def _note_earlier(self) -> None:
        """Learn a page of numbers from before the beginning, newest first: little by little, a stream may be long."""
        progress = self._progress
        page = self._client.xrevrange(self._keys.alerts, max=progress.noted_id, count=_PAGE)
        alerts = [alert for _, fields in page if (alert := alert_of_entry(fields)) is not None]
        further_id = id_before(str(page[-1][0])) if len(page) == _PAGE else "0-0"
        progress.note_earlier([(alert.producer_id, alert.seq) for alert in alerts], further_id)

    def _page(self, start: str, count: int) -> list[tuple[str, Mapping[str, str]]]:
        entries = self._client.xrange(self._keys.alerts, min=start, count=count)
        return [(str(stream_id), fields) for stream_id, fields in entries]

    def _take(self, entries: Sequence[tuple[str, Mapping[str, str]]]) -> Iterator[Event]:
        began_seconds = self._clock.monotonic()
        for stream_id, fields in entries:
            event = self._admit(stream_id, fields)
            if event is not None:
                yield event
            self._progress.last_id = stream_id
            if event is not None and self._saves_each:
                self._progress.save()
            if self._clock.monotonic() - began_seconds >= _LOOK_SECONDS:
                return

    def _admit(self, stream_id: str, fields: Mapping[str, str]) -> NewAlert | None:
        alert = alert_of_entry(fields)
        if alert is None:
            return None
        skipped = self._progress.admit(alert.producer_id, alert.seq, stream_id)
        return None if skipped is None else NewAlert(alert, fields["alert"], skipped)

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
                self._progress.note_station(station, is_watching=True)
                yield HeartbeatSeen(station)
        for station, heard_seconds in self._heard.items():
            if station not in self._silent and now_seconds - heard_seconds >= self._silence_seconds:
                self._silent.add(station)
                yield HeartbeatLost(station)
                # Only now: a reader that dies before it was done with it reports the silence once more.
                self._progress.note_station(station, is_watching=False)
