"""The last hours of every bed in Redis, for the page of a ward: written by the station that watches the bed.

Each bed has a stream with one entry a finished minute: its number, the packed samples, and what people asked of the bed
within it. A station goes on after the newest minute that the stream has, from its own record: minutes of an outage of
Redis, and those around a restart, follow.
"""

import base64
import binascii
import json
import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from redis.exceptions import RedisError

from monitor.board import Board
from monitor.clock import Clock
from monitor.config import RedisSettings
from monitor.delivery.keys import Keys
from monitor.delivery.redis_client import RedisClient, connect_redis, redis_address
from monitor.delivery.redis_errors import describe_failure
from monitor.errors import MonitorError
from monitor.history.entries import ActionEntry, moment_of
from monitor.history.recorder import HistoryRecorder
from monitor.history.samples import MINUTE_SECONDS, Minute, pack_minute, unpack_minute
from monitor.loops import run_until_done

__all__ = ["HistorySharing", "SharedMinute", "read_minutes"]

_log = logging.getLogger(__name__)

_TURN_SECONDS = 10.0
_LATE_SECONDS = 12.0
"""So long after its end a minute may still change: samples come late."""
_AT_ONCE = 60
"""Minutes of one bed in one turn, so that a long outage is made up for without a flood."""
_HOUR_MINUTES = 60

SharedMinute = tuple[int, Minute, list[ActionEntry]]
"""Its number, its samples, and what people asked of the bed within it."""


class HistorySharing:
    """Writes finished minutes to Redis, on a thread of its own; nothing waits for it.

    Args:
        redis: Where to.
        station: Id of the station.
        recorder: Keeps the minutes.
        board: Says which beds this station watches.
        clock: The board's clock.
        hours: How much of each bed stays in Redis.
        ticked: Called at every turn, about every ten seconds.
    """

    def __init__(
        self,
        redis: RedisSettings,
        station: str,
        recorder: HistoryRecorder,
        board: Board,
        clock: Clock,
        hours: int,
        ticked: Callable[[], None] = lambda: None,
    ) -> None:
        self._settings = redis
        self._keys = Keys(redis.key_prefix, station)
        self._recorder = recorder
        self._board = board
        self._clock = clock
        self._minutes_at_most = hours * _HOUR_MINUTES
        self._ticked = ticked
        self._client: Any = None
        self._shared: dict[str, int] = {}  # the newest minute that needs no other turn
        self._newest: dict[str, int] = {}  # the newest minute that was in the stream
        self._failure: str | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="history-sharing", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def stop(self, timeout_seconds: float = 5.0) -> None:
        """End the thread; safe to call twice."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout_seconds)

    def _run(self) -> None:
        run_until_done(self._step, "the sharing of the history")
        if self._client is not None:
            self._client.close()

    def _step(self) -> bool:
        self._ticked()
        failure = None
        try:
            self.turn()
        except (RedisError, OSError) as error:
            failure = describe_failure(error, redis_address(self._settings))
        except MonitorError as error:
            failure = str(error)
        if failure is not None:
            if self._failure is None:
                _log.info("the history of the beds is not passed on to a ward's page now: %s", failure)
            if self._client is not None:
                self._client.close()
            self._client, self._shared = None, {}
        self._failure = failure
        return self._stopping.wait(_TURN_SECONDS)

    def turn(self) -> None:
        """Write what has been finished since the last time.

        Raises:
            redis.exceptions.RedisError: The server does not answer.
            MonitorError: The record cannot be read, or the address is wrong.
        """
        if self._client is None:
            self._client = connect_redis(self._settings)
        last = int((self._clock.wall().timestamp() - _LATE_SECONDS) // MINUTE_SECONDS) - 1
        for bed in self._board.snapshot().beds:
            self._ticked()
            self._share(bed.info.bed_id, last)

    def _share(self, bed: str, last: int) -> None:
        if self._shared.get(bed, 0) >= last:
            return
        # Asked each time: a server that was emptied, and a bed that was elsewhere, begin where their stream ends.
        entries = self._client.xrevrange(self._keys.history(bed), count=1)
        newest = max((number for number, _ in _entries(entries)), default=0)
        if newest < self._newest.get(bed, 0):
            self._shared[bed] = 0
        first = max(newest, self._shared.get(bed, 0), last - self._minutes_at_most) + 1
        minutes: list[tuple[int, Minute]] = []
        while first <= last and not minutes:  # a day in which nothing was recorded is passed over at once
            end = min(last, first + _AT_ONCE - 1)
            minutes = self._recorder.minutes(bed, first, end)
            first = end + 1
        if minutes:
            self._write(bed, minutes)
        self._newest[bed] = max(newest, minutes[-1][0] if minutes else 0)
        self._shared[bed] = first - 1

    def _write(self, bed: str, minutes: Sequence[tuple[int, Minute]]) -> None:
        key = self._keys.history(bed)
        with self._client.pipeline(transaction=False) as pipe:
            for number, minute in minutes:
                begin, end = moment_of(number * MINUTE_SECONDS), moment_of((number + 1) * MINUTE_SECONDS)
                actions = [asdict(one) for one in self._recorder.actions(bed, begin, end)]
                fields = {"minute": str(number), "samples": base64.b64encode(pack_minute(minute)).decode()}
                if actions:
                    fields["actions"] = json.dumps(actions)
                pipe.xadd(key, fields, maxlen=self._minutes_at_most, approximate=True)
            pipe.pexpire(key, self._minutes_at_most * MINUTE_SECONDS * 1000)
            pipe.execute()


def read_minutes(client: RedisClient, keys: Keys, bed: str, since_seconds: float) -> list[SharedMinute]:
    """Return the minutes of a bed that were written since a moment, by number; damaged entries are left out.

    Raises:
        redis.exceptions.RedisError: The server does not answer.
    """
    found: dict[int, SharedMinute] = {}
    first = max(0, int(since_seconds * 1000))
    entries: Any = client.xrange(keys.history(bed), min=f"{first}-0")
    for number, fields in _entries(entries):
        try:
            minute = unpack_minute(base64.b64decode(fields["samples"], validate=True))
            actions = [ActionEntry(**one) for one in json.loads(fields.get("actions", "[]"))]
        except (KeyError, TypeError, ValueError, binascii.Error):
            continue
        found[number] = (number, minute, actions)
    return [found[number] for number in sorted(found)]


def _entries(entries: Sequence[tuple[str, Mapping[str, str]]]) -> Iterator[tuple[int, Mapping[str, str]]]:
    for _, fields in entries:
        try:
            yield int(fields["minute"]), fields
        except (KeyError, ValueError):
            continue
