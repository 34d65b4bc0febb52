"""Metrics of the processes that receive and decode for a station."""

from collections.abc import Callable, Iterable

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from monitor.telemetry.process_use import cpu_seconds, own_bytes

__all__ = ["CameraProcessCollector", "CameraProcessUse"]

CameraProcessUse = Callable[[], Iterable[tuple[int, int | None, int]]]
"""Gives place, number (None while it does not run) and starts of each process."""


class CameraProcessCollector(Collector):
    """Shows how often each was started and what it takes; what the pictures that it shares take counts in the station.

    Args:
        use: Read at every scrape.
    """

    def __init__(self, use: CameraProcessUse) -> None:
        self._use = use

    def collect(self) -> Iterable[Metric]:
        """Yield all families."""
        starts = CounterMetricFamily(
            "nicu_monitor_camera_process_starts",
            "Starts of a camera process; more than one: it crashed or hung.",
            None,
            ["process"],
        )
        resident = GaugeMetricFamily(
            "nicu_monitor_camera_process_resident_bytes", "Memory that a camera process holds.", None, ["process"]
        )
        used = CounterMetricFamily(
            "nicu_monitor_camera_process_cpu_seconds", "CPU time that a camera process has used.", None, ["process"]
        )
        for place, number, started in self._use():
            starts.add_metric([str(place)], started)
            held = None if number is None else own_bytes(number)
            if held is not None:
                resident.add_metric([str(place)], held)
            seconds = None if number is None else cpu_seconds(number)
            if seconds is not None:
                used.add_metric([str(place)], sum(seconds))
        yield starts
        yield resident
        yield used
