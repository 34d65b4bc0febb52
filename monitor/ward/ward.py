"""One process that shows every bed of every station: reader, page and API together."""

import logging
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, replace
from types import TracebackType
from typing import Any, Self

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.registry import Collector

from monitor.board.board import Board
from monitor.clock import Clock, SystemClock
from monitor.config import StationConfig
from monitor.errors import ConfigError
from monitor.telemetry.status_server import Health
from monitor.ward.history import WardHistory
from monitor.ward.reader import WardReader, WardView
from monitor.ward.requests import WardRequests
from monitor.web.http_server import HttpServer, open_server

__all__ = ["Ward", "WardCollector"]

_log = logging.getLogger(__name__)

_READ_SECONDS = 10.0


class Ward:
    """Shows a ward; a context manager. Of the ward it keeps nothing: several may run at once, and any may be restarted.

    Args:
        config: With a `fleet` section; its beds, models and cameras play no part.
        clock: Monotonic and wall time.

    Raises:
        MonitorError: The configuration has no `fleet`, or the HTTP address cannot be used.
    """

    def __init__(self, config: StationConfig, clock: Clock | None = None) -> None:
        if config.fleet is None:
            raise ConfigError("a ward reads the beds that stations share: write `fleet: {}` into its configuration")
        self._config = config
        self._clock = clock or SystemClock()
        self.board = Board((), self._clock, on_level=config.alarms.on_level)
        self.reader = WardReader(config, self.board, self._clock)
        self._requests = WardRequests(
            config.redis, config.station.id, self.board, lambda: self.reader.view, config.fleet.command_token_file
        )
        self._history = WardHistory(config.redis, self._clock)
        registry = CollectorRegistry()
        registry.register(WardCollector(self.reader))
        config.spool.directory.mkdir(parents=True, exist_ok=True)
        self.server: HttpServer = open_server(
            config,
            self.board,
            self._clock,
            handle=self._requests.handle,
            registry=registry,
            healthy=self.healthy,
            ready=self.ready,
            ward=self.describe,
            history=self._history,
        )
        self._running = ExitStack()

    def __enter__(self) -> Self:
        """Start to read and to serve."""
        self._running.callback(self._requests.close)
        self._running.callback(self._history.close)
        self.reader.start()
        self._running.callback(self.reader.stop)
        self.server.start()
        self._running.callback(self.server.stop)
        _log.info("ward %s shows all stations; metrics at %s/metrics", self._config.station.id, self.server.url)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self._running.close()

    def describe(self) -> Mapping[str, Any]:
        """Return who watches what, as JSON values."""
        view = self.reader.view
        age_seconds = self.reader.seconds_since_read
        return {
            **asdict(view),
            "shared": sorted(view.shared),
            "unwatched": sorted(bed for bed, station in view.beds.items() if station is None),
            "silent": sorted(name for name, lives in view.stations.items() if not lives),
            "age_seconds": None if age_seconds is None else round(age_seconds, 1),
        }

    def healthy(self) -> Health:
        """Return whether the process itself works; an absent Redis is no fault of it."""
        return Health(self.reader.is_alive, {})

    def ready(self) -> Health:
        """Return whether what is shown is new."""
        return Health(_is_new(self.reader), {"failure": self.reader.view.failure})


def _is_new(reader: WardReader) -> bool:
    age_seconds = reader.seconds_since_read
    return age_seconds is not None and age_seconds < _READ_SECONDS


class WardCollector(Collector):
    """What Prometheus reads of a ward: who watches, while that is known.

    Args:
        reader: Of the ward.
    """

    def __init__(self, reader: WardReader) -> None:
        self._reader = reader

    def collect(self) -> "list[GaugeMetricFamily]":
        """Return all families; those on beds and stations are empty while what was read last is old."""
        view: WardView = self._reader.view
        if view.failure is not None or not _is_new(self._reader):
            view = replace(view, beds={}, stations={})
        watched = GaugeMetricFamily(
            "nicu_ward_bed_watched", "1 for the station that watches a bed.", labels=("bed", "station")
        )
        for bed, station in view.beds.items():
            watched.add_metric((bed, station or ""), float(station is not None))
        lives = GaugeMetricFamily(
            "nicu_ward_station_up", "1 while a station gives its heartbeat, else 0.", labels=("station",)
        )
        for name, is_alive in view.stations.items():
            lives.add_metric((name,), float(is_alive))
        up = GaugeMetricFamily(
            "nicu_ward_redis_up", "1 while the ward can be read, else 0.", float(view.failure is None)
        )
        return [watched, lives, up]
