"""Metrics of a station that shares its beds with others."""

from collections.abc import Iterable

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from monitor.fleet.held_beds import FleetStatus

__all__ = ["FleetCollector"]


class FleetCollector(Collector):
    """Shows what the keeper of the leases last found.

    Args:
        status: Read at every scrape.
    """

    def __init__(self, status: FleetStatus) -> None:
        self._status = status

    def collect(self) -> Iterable[Metric]:
        """Yield all families."""
        now = self._status
        yield GaugeMetricFamily("nicu_monitor_fleet_beds_held", "Shared beds that this station watches.", now.held)
        yield GaugeMetricFamily("nicu_monitor_fleet_beds_limit", "Shared beds that it may watch at most.", now.limit)
        yield GaugeMetricFamily(
            "nicu_monitor_fleet_beds_unwatched",
            "Shared beds that no station watches, as seen here.",
            len(now.unwatched),
        )
        yield GaugeMetricFamily(
            "nicu_monitor_fleet_table_up", "1 while the table of shared beds can be read, else 0.", now.failure is None
        )
        yield CounterMetricFamily(
            "nicu_monitor_fleet_takeovers", "Beds that were taken over from another station.", now.takeovers
        )
        yield CounterMetricFamily(
            "nicu_monitor_fleet_beds_lost", "Beds that another station took from this one.", now.lost
        )
