"""What the demo counted: read back from where it went, the Redis stream and Prometheus."""

import json
import time
import urllib.parse
import urllib.request
from collections.abc import Iterable
from typing import Any

import numpy as np
from redis.exceptions import RedisError

from monitor.config import RedisSettings
from monitor.delivery.keys import Keys
from monitor.delivery.redis_client import connect_redis, redis_address
from monitor.delivery.redis_errors import describe_failure
from monitor.errors import PublishError

__all__ = ["count_in_prometheus", "count_in_redis", "percentiles"]

Counts = dict[str, dict[str, dict[str, int]]]
_STATION = "station"
_PATIENCE_SECONDS = 5.0


def count_in_redis(settings: RedisSettings, station: str) -> Counts:
    """Return how many alerts of this station lie in the stream: bed (or `station`), code, phase.

    Raises:
        PublishError: Redis does not answer.
    """
    client: Any = connect_redis(settings)
    counts: Counts = {}
    try:
        for _, fields in client.xrange(Keys(settings.key_prefix, station).alerts):
            alert = json.loads(fields["alert"])
            if alert["station"] == station:
                codes = counts.setdefault(alert["bed"] or _STATION, {})
                phases = codes.setdefault(alert["code"], {})
                phases[alert["phase"]] = phases.get(alert["phase"], 0) + 1
    except RedisError as error:
        raise PublishError(describe_failure(error, redis_address(settings))) from None
    finally:
        client.close()
    return counts


def count_in_prometheus(url: str, wanted: Counts) -> Counts:
    """Return how many changes of alarm conditions Prometheus has scraped, waiting a few seconds for the last scrape."""
    give_up = time.monotonic() + _PATIENCE_SECONDS
    while True:
        counts = _ask(url)
        if counts == wanted or time.monotonic() > give_up:
            return counts
        time.sleep(0.25)


def _ask(url: str) -> Counts:
    query = urllib.parse.urlencode({"query": "nicu_monitor_alarm_transitions_total"})
    with urllib.request.urlopen(f"{url}/api/v1/query?{query}", timeout=5) as answer:  # noqa: S310 - fixed http URL
        rows = json.load(answer)["data"]["result"]
    counts: Counts = {}
    for row in rows:
        labels, value = row["metric"], int(float(row["value"][1]))
        if value:
            codes = counts.setdefault(labels.get("bed") or _STATION, {})
            phases = codes.setdefault(labels["code"], {})
            phases[labels["phase"]] = phases.get(labels["phase"], 0) + value
    return counts


def percentiles(seconds: Iterable[float]) -> dict[str, float] | None:
    """Return the median, 95th and 99th percentile in seconds; None of nothing."""
    values = np.fromiter(seconds, dtype=np.float64)
    if values.size == 0:
        return None
    return {f"p{rank}": round(float(np.percentile(values, rank)), 4) for rank in (50, 95, 99)}
