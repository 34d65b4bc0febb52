"""Days past on the page of a ward: what stations left in Redis of the last hours, read when somebody asks."""

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TypeVar

from redis.exceptions import RedisError

from monitor.alerts.record import alert_of_entry
from monitor.clock import Clock
from monitor.config import RedisSettings
from monitor.delivery.keys import Keys
from monitor.delivery.redis_client import RedisClient, connect_redis, redis_address
from monitor.delivery.redis_errors import describe_failure
from monitor.errors import HistoryError
from monitor.history.entries import ActionEntry, AlertEntry, entry_of
from monitor.history.samples import MINUTE_SECONDS, SampleSeries, join_minutes
from monitor.history.sharing import SharedMinute, read_minutes

__all__ = ["WardHistory"]

_ALERTS_AT_MOST = 50_000
_EARLIER_SECONDS = 86_400.0
"""An alert that is on since longer than this before a stretch begins is not known there."""
_CLOCKS_SECONDS = 600.0
"""By so much the clocks of stations and of Redis may differ."""
_FRESH_SECONDS = 5.0
"""What was read a moment ago serves the other questions of the same page."""

_ALERTS = "/alerts"
"""No bed is called so."""

Found = TypeVar("Found")


class WardHistory:
    """Reads samples, alerts and actions of every bed; from any thread. It keeps nothing.

    Args:
        redis: Where from.
        clock: Monotonic time.
    """

    def __init__(self, redis: RedisSettings, clock: Clock) -> None:
        self._settings = redis
        self._keys = Keys(redis.key_prefix, "")
        self._clock = clock
        self._lock = threading.Lock()
        self._client: Any = None
        self._read: dict[tuple[str, float], tuple[float, Any]] = {}

    def close(self) -> None:
        """Close the connection; safe to call twice."""
        with self._lock:
            if self._client is not None:
                self._client.close()
                self._client = None

    def samples(self, bed: str, since: datetime, until: datetime) -> SampleSeries:
        """Return a bed's samples from one moment to another, up to about a minute ago.

        Raises:
            HistoryError: Redis does not answer.
        """
        first, last = since.timestamp() // MINUTE_SECONDS, until.timestamp() // MINUTE_SECONDS
        minutes = [(number, minute) for number, minute, _ in self._minutes(bed, since) if first <= number <= last]
        return join_minutes(minutes, since.timestamp(), until.timestamp())

    def alerts(self, bed: str, since: datetime, until: datetime) -> list[AlertEntry]:
        """Return the records of every alert that was on between two moments, oldest first; `bed` may be empty.

        Raises:
            HistoryError: Redis does not answer.
        """
        by_bed = self._once((_ALERTS, since.timestamp()), lambda client: self._alerts(client, since))
        entries = [entry for entry in by_bed.get(bed, []) if entry.at_seconds < until.timestamp()]
        newest = {entry.alert_id: entry for entry in entries}
        over = {name for name, one in newest.items() if not one.is_present and one.at_seconds < since.timestamp()}
        return [entry for entry in entries if entry.alert_id not in over]

    def actions(self, bed: str, since: datetime, until: datetime) -> list[ActionEntry]:
        """Return what people asked of a bed between two moments, oldest first.

        Raises:
            HistoryError: Redis does not answer.
        """
        found = [action for _, _, actions in self._minutes(bed, since) for action in actions]
        return [one for one in found if since.timestamp() <= one.at_seconds < until.timestamp()]

    def _minutes(self, bed: str, since: datetime) -> list[SharedMinute]:
        begin = since.timestamp()
        earliest = begin - _CLOCKS_SECONDS
        return self._once((bed, begin), lambda client: read_minutes(client, self._keys, bed, earliest))

    def _alerts(self, client: RedisClient, since: datetime) -> dict[str, list[AlertEntry]]:
        first = int(1000 * (since.timestamp() - _EARLIER_SECONDS))
        records: Any = client.xrevrange(self._keys.alerts, min=f"{max(0, first)}-0", count=_ALERTS_AT_MOST)
        by_bed: dict[str, list[AlertEntry]] = defaultdict(list)
        for _, fields in reversed(records):
            alert = alert_of_entry(fields)
            if alert is not None:
                by_bed[alert.bed or ""].append(entry_of(alert))
        for entries in by_bed.values():
            entries.sort(key=lambda entry: entry.at_seconds)
        return dict(by_bed)

    def _once(self, key: tuple[str, float], read: Callable[[Any], Found]) -> Found:
        """Read something, or take what was read a moment ago; one reader at a time, so that a ward is read once."""
        with self._lock, self._errors():
            now = self._clock.monotonic()
            self._read = {
                name: known
                for name, known in self._read.items()
                # The minutes of one bed at a time: those of a whole ward are many megabytes.
                if now - known[0] < _FRESH_SECONDS and name[0] in {key[0], _ALERTS}
            }
            if key not in self._read:
                if self._client is None:
                    self._client = connect_redis(self._settings)
                self._read[key] = (self._clock.monotonic(), read(self._client))
            found: Found = self._read[key][1]
            return found

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (RedisError, OSError) as error:
            raise HistoryError(describe_failure(error, redis_address(self._settings))) from None
