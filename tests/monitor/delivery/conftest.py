"""What the publisher's tests share."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis_server import RedisServer

from monitor.clock import SystemClock
from monitor.config import RedisSettings, SpoolSettings
from monitor.delivery.publisher import Publisher

MakePublisher = Callable[..., Publisher]


@pytest.fixture
def make_publisher(tmp_path: Path, redis_server: RedisServer) -> Iterator[MakePublisher]:
    """Start publishers for station-1 that are stopped at the end."""
    publishers: list[Publisher] = []

    def make(
        settings: RedisSettings | None = None, *, start: bool = True, handle=lambda _: None, **options
    ) -> Publisher:
        publisher = Publisher(
            settings or redis_server.settings(),
            SpoolSettings(directory=tmp_path / "state"),
            "station-1",
            SystemClock(),
            **options,
        )
        publishers.append(publisher)
        if start:
            publisher.start(handle)
        return publisher

    yield make
    for publisher in publishers:
        publisher.stop(2.0)
