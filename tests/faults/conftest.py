"""A publisher that keeps working while something breaks; how each fault test says what it promises and measured.

Every test here is marked `fault(what breaks, how it is injected, what is promised)`. With NICU_RELIABILITY_RECORD set
to a file, the results of passed tests are stored there; `make reliability` makes docs/reliability.md from them.
"""

import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from alerts import make_draft
from redis_server import RedisServer, wait_until
from reliability import Measured, Record, store

from monitor.clock import SystemClock
from monitor.config import RedisSettings, SpoolSettings
from monitor.delivery.publisher import Publisher

_RESULTS = pytest.StashKey[Measured]()
_ROWS = pytest.StashKey[list[Record]]()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "fault(what, injected, promise, slo=''): a row of docs/reliability.md")
    config.stash[_ROWS] = []


@pytest.fixture
def measured(request: pytest.FixtureRequest) -> Measured:
    """Takes the measurements that a test measured."""
    made = Measured()
    request.node.stash[_RESULTS] = made
    return made


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[pytest.TestReport]:
    report = yield
    path = os.environ.get("NICU_RELIABILITY_RECORD")
    marker = item.get_closest_marker("fault")
    if path and marker is not None and report.when == "call" and report.passed:
        name, _, variant = item.nodeid.partition("[")
        what, injected, promise = marker.args
        made = item.stash.get(_RESULTS, Measured())
        slo = marker.kwargs.get("slo", "")
        row = Record(name, variant.rstrip("]"), what, injected, promise, slo, made.measurements, made.load)
        if not store(row, Path(path)):
            message = f"{item.nodeid}: not published, the earlier result stays; load {row.load} a core"
            item.config.get_terminal_writer().line(message)
        item.config.stash[_ROWS].append(row)
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print what was measured, also where the machine was too busy to publish it."""
    rows = config.stash[_ROWS]
    if rows:
        terminalreporter.section("measured")
    for row in rows:
        terminalreporter.line(f"{row.fault}{f' [{row.variant}]' if row.variant else ''}, load {row.load} a core")
        for one in row.measurements:
            limit = "" if one.limit is None else f" of {one.limit:g}"
            terminalreporter.line(f"    {one.name}: {one.value:.2f}{limit} {one.unit}".rstrip())


class Ward:
    """Submits numbered alerts at a steady rate, as a busy station would.

    Args:
        publisher: Not yet started.
        rate: Alerts a second.
    """

    def __init__(self, publisher: Publisher, rate: float = 100.0) -> None:
        self.publisher = publisher
        self.submitted: list[str] = []
        self.slowest_submit_seconds = 0.0
        self._pause_seconds = 1 / rate
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ward")

    def start(self) -> None:
        self.publisher.start()
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(self._pause_seconds):
            alert_id = f"alert-{len(self.submitted)}"
            began = time.monotonic()
            self.publisher.submit([make_draft(alert_id)], {"bed-1": alert_id})
            self.slowest_submit_seconds = max(self.slowest_submit_seconds, time.monotonic() - began)
            self.submitted.append(alert_id)

    def assert_nothing_lost(self, server: RedisServer, within_seconds: float = 10.0, *, repeats: bool = False) -> float:
        """Check the promise: every alert is in the stream, in order; return the seconds until the last was there.

        Args:
            server: Where the stream is.
            within_seconds: For the stream to be complete.
            repeats: Whether an alert may be there twice (it must then be the same text).
        """
        self.stop()
        client = server.client()

        def is_complete() -> bool:
            newest = client.xrevrange("nicu:alerts", count=1)
            return bool(newest) and newest[0][1]["alert_id"] == self.submitted[-1]

        took_seconds = wait_until(is_complete, within_seconds, "the arrival of the last alert")
        entries = [fields for _, fields in client.xrange("nicu:alerts")]
        first_seen = list(dict.fromkeys(fields["alert_id"] for fields in entries))
        assert first_seen == self.submitted
        texts = {(fields["producer_id"], fields["seq"], fields["alert"]) for fields in entries}
        assert len(texts) == len(self.submitted), "one number stands for two texts"
        if not repeats:
            assert [item for item, count in Counter(f["alert_id"] for f in entries).items() if count > 1] == []
        return took_seconds


MakeWard = Callable[..., Ward]


@pytest.fixture
def make_ward(tmp_path: Path, redis_server: RedisServer) -> Iterator[MakeWard]:
    wards: list[Ward] = []

    def make(settings: RedisSettings | None = None, spool: SpoolSettings | None = None, rate: float = 100.0) -> Ward:
        publisher = Publisher(
            settings or redis_server.settings(),
            spool or SpoolSettings(directory=tmp_path / "state"),
            "station-1",
            SystemClock(),
        )
        wards.append(Ward(publisher, rate))
        return wards[-1]

    yield make
    for ward in wards:
        ward.stop()
        ward.publisher.stop(2.0)
