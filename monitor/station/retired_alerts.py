"""Alerts that a station left on which was taken out of service: no rule of any station will ever end them."""

import uuid
from collections.abc import Collection

from redis.exceptions import ResponseError

from monitor.alerts.record import Alert, AlertDraft, alert_of_entry, format_time
from monitor.clock import Clock
from monitor.config import RedisSettings
from monitor.delivery.alert_stream import AlertStream, stream_entry
from monitor.delivery.keys import Keys, id_before
from monitor.delivery.redis_client import RedisClient
from monitor.delivery.spool import Position, SpooledAlert
from monitor.station.left_alerts import end_left_alerts

__all__ = ["end_retired_alerts"]

_MOST_PAGES = 100
"""As far back as a reader of a ward goes at its start."""


def end_retired_alerts(
    client: RedisClient, redis: RedisSettings, station: str, shared: Collection[str], clock: Clock
) -> int:
    """End in the record what a station left on, as questionable; return how many alerts that were.

    Args:
        client: Connection to Redis.
        redis: Its settings.
        station: The station that was taken out of service.
        shared: Beds whose alerts another station goes on with or sets right.
        clock: For labels.

    Raises:
        redis.exceptions.RedisError: The server does not answer, or refuses.
    """
    keys = Keys(redis.key_prefix, station)
    stream = AlertStream(client, keys.alerts, redis.stream_max_length)
    tip = stream.tip()
    left = [
        AlertDraft.model_validate(alert.model_dump(include=set(AlertDraft.model_fields)))
        for alert in _newest(stream, tip)
        if alert.station == station and alert.bed not in shared
    ]
    now = clock.wall()
    ends = end_left_alerts(left, (), (), now, f"Station {station} was taken out of service.")
    if not ends:
        return 0
    producer = f"retired-{uuid.uuid4().hex}"
    entries = [
        stream_entry(SpooledAlert(producer, number, end.model_dump(mode="json"), format_time(now)))
        for number, end in enumerate(ends, 1)
    ]
    stream.deliver(producer, entries, Position(0, tip))
    for end, entry in zip(ends, entries, strict=True):
        try:
            client.publish(keys.doorbell(end.bed), entry.fields["alert"])
        except ResponseError:  # a user who may not ring: who misses the bell finds the record in the stream
            break
    return len(ends)


def _newest(stream: AlertStream, tip: str) -> Collection[Alert]:
    """Return the newest record of every alert, whichever station wrote it."""
    newest: dict[str, Alert] = {}
    end = tip
    for _ in range(_MOST_PAGES):
        page = stream.page_until(end)
        for _, fields in page:
            alert = alert_of_entry(fields)
            if alert is not None:
                newest.setdefault(alert.alert_id, alert)
        if not page:
            break
        end = id_before(page[-1][0])
    return newest.values()
