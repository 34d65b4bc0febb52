"""Metrics of the publisher and of the station's clock, asked at the moment of a scrape."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from monitor.delivery.publisher import PublisherStats

__all__ = ["PublisherCollector"]


class PublisherCollector(Collector):
    """Shows the publisher's statistics.

    Attributes:
        source: Where they come from; nothing is shown before it is set.
        clock_source: Whether the wall clock is synchronised, None where that is not known.
    """

    def __init__(self) -> None:
        self.source: Callable[[], PublisherStats] | None = None
        self.clock_source: Callable[[], bool | None] | None = None

    def collect(self) -> Iterable[Metric]:
        """Yield all families."""
        synchronised = None if self.clock_source is None else self.clock_source()
        yield _gauge("clock_synchronised", "1 while a time service disciplines the wall clock, else 0.", synchronised)
        if self.source is None:
            return
        now = self.source()
        yield _gauge("publisher_backlog_alerts", "Alerts that wait for Redis.", now.backlog_count)
        yield _gauge("publisher_backlog_age_seconds", "Age of the oldest of them.", now.backlog_age_seconds)
        yield _gauge("redis_up", "1 while Redis answers, else 0; absent before the first attempt.", now.redis_up)
        yield _gauge("spool_bytes", "Disk space that the spool occupies.", now.spool_bytes)
        yield _gauge("spool_writable", "1 while alerts are stored on the disk, else 0.", now.disk_fault is None)
        yield _gauge(
            "heartbeat_age_seconds",
            'Since Redis last took "watching"; absent before the first time.',
            now.heartbeat_age_seconds,
        )
        yield _counter("alerts_published", "Alerts that reached Redis, repeats included.", now.published)
        yield _counter("alerts_dropped", "Alerts given up undelivered for want of room.", now.dropped)


def _gauge(name: str, text: str, value: float | None) -> Metric:
    family = GaugeMetricFamily(f"nicu_monitor_{name}", text)
    if value is not None:
        family.add_metric((), float(value))
    return family


def _counter(name: str, text: str, value: int) -> Metric:
    family = CounterMetricFamily(f"nicu_monitor_{name}", text)
    family.add_metric((), value)
    return family
