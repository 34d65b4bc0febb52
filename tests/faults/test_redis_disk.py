"""The disk under the spool fails: full, locked, damaged, read-only, while alerts keep coming.

The promise: the station is informed in one sentence, never waits, and no alert that memory can hold is lost: with Redis
up it goes there from memory, under a producer id of its own; with Redis down it is stored when the disk is back.
"""

import json
import shutil
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from alerts import make_draft
from redis_server import RedisServer, wait_until
from reliability import allowance

from monitor.clock import SystemClock
from monitor.config import SpoolSettings
from monitor.delivery.outbox import Outbox
from monitor.delivery.publisher import Publisher
from monitor.errors import SpoolError
from monitor.pain.vocabulary import Phase


def fault(what: str, injected: str) -> pytest.MarkDecorator:
    promise = "no alert that memory can hold is lost; the fault is reported in one sentence"
    return pytest.mark.fault(what, injected, promise, slo="0 alerts lost while memory can hold them")


@pytest.fixture
def publisher(redis_server: RedisServer, tmp_path: Path) -> Iterator[Publisher]:
    made = Publisher(redis_server.settings(), SpoolSettings(directory=tmp_path / "state"), "station-1", SystemClock())
    made.start()
    yield made
    made.stop(2.0)


class LockedDisk:
    """Another program holds the spool's write lock: no write succeeds."""

    def __init__(self, directory: Path) -> None:
        self._connection = sqlite3.connect(directory / "spool.sqlite", isolation_level=None)
        self._connection.execute("BEGIN IMMEDIATE")

    def release(self) -> None:
        self._connection.execute("ROLLBACK")
        self._connection.close()


def read(server: RedisServer) -> list[dict[str, object]]:
    return [json.loads(fields["alert"]) for _, fields in server.client().xrange("nicu:alerts")]


@fault("spool cannot be written", "another program holds its lock")
@pytest.mark.fault(
    "disk takes no writes",
    "another program holds the spool's lock",
    "alerts reach Redis from memory under a producer id of their own; no number is missing",
)
def test_alerts_go_to_redis_from_memory_and_back_to_the_disk_afterwards(redis_server, publisher, tmp_path) -> None:
    publisher.submit([make_draft("before")])
    wait_until(lambda: len(read(redis_server)) == 1, 5)
    lock = LockedDisk(tmp_path / "state")
    began = time.monotonic()
    publisher.submit([make_draft("during-1")])
    publisher.submit([make_draft("during-2")])
    assert time.monotonic() - began < 0.4 * allowance()
    wait_until(lambda: len(read(redis_server)) == 3, 10)
    assert "locked by another program" in publisher.stats().disk_fault
    lock.release()
    wait_until(lambda: publisher.stats().disk_fault is None, 10)
    publisher.submit([make_draft("after")], {"bed-1": "state"})
    wait_until(lambda: len(read(redis_server)) == 4, 10)
    alerts = read(redis_server)
    assert [alert["alert_id"] for alert in alerts] == ["before", "during-1", "during-2", "after"]
    durable = publisher.producer_id
    by_producer = [(alert["producer_id"].startswith(f"{durable}~"), alert["seq"]) for alert in alerts]
    # The numbers of each producer have no gap: what went from memory was counted apart.
    assert by_producer == [(False, 1), (True, 1), (True, 2), (False, 2)]
    assert publisher.load_snapshots() == {"bed-1": "state"}


@fault("spool can be written again", "lock released, no new alert")
@pytest.mark.fault(
    "disk takes writes again",
    "the lock is released and nothing new happens",
    "the fault is over by itself",
)
def test_a_fault_is_over_without_waiting_for_the_next_alert(redis_server, publisher, tmp_path) -> None:
    lock = LockedDisk(tmp_path / "state")
    publisher.submit([make_draft("during")])
    wait_until(lambda: publisher.stats().disk_fault, 10)
    wait_until(lambda: len(read(redis_server)) == 1, 10)
    lock.release()
    wait_until(lambda: publisher.stats().disk_fault is None, 10)


@fault("spool cannot be written and Redis is down", "lock held, server stopped")
@pytest.mark.fault(
    "disk and Redis both away",
    "the spool locked, Redis stopped, 100 alerts",
    "nothing is lost; the disk gets it when it is back",
)
def test_with_redis_down_too_nothing_is_lost_and_the_disk_gets_it_later(redis_server, publisher, tmp_path) -> None:
    redis_server.stop()
    lock = LockedDisk(tmp_path / "state")
    for i in range(100):
        publisher.submit([make_draft(f"alert-{i}")])
    wait_until(lambda: publisher.stats().disk_fault, 10)
    wait_until(lambda: publisher.stats().backlog_count == 100, 10)
    lock.release()
    assert publisher.wait_until_stored(15)
    redis_server.start()
    wait_until(lambda: redis_server.client().xlen("nicu:alerts") == 100, 10)
    assert [alert["alert_id"] for alert in read(redis_server)] == [f"alert-{i}" for i in range(100)]


@fault("spool damaged under way", "index page overwritten, 300 alerts waiting")
@pytest.mark.fault(
    "spool damaged while the station runs",
    "pages of the database overwritten",
    "the file is set aside, what can be read of it is delivered",
)
def test_a_spool_damaged_under_way_is_set_aside_and_what_it_held_goes_on(redis_server, publisher, tmp_path) -> None:
    redis_server.stop()
    for i in range(300):
        publisher.submit([make_draft(f"alert-{i}")])
    assert publisher.wait_until_stored(10)
    before = publisher.producer_id
    # Break the index pages, of which the rows are independent.
    database = sqlite3.connect(tmp_path / "state" / "spool.sqlite", isolation_level=None)
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    (root,) = database.execute("SELECT rootpage FROM sqlite_master WHERE name = 'alerts_by_id'").fetchone()
    database.close()
    with (tmp_path / "state" / "spool.sqlite").open("r+b") as file:
        file.seek((root - 1) * 4096)
        file.write(b"\xff" * 4096)
    publisher.submit([make_draft("alert-300")])
    wait_until(lambda: publisher.producer_id not in {None, before}, 10, "a new spool")
    assert list((tmp_path / "state").glob("spool.sqlite.damaged-1"))
    redis_server.start()
    wait_until(lambda: redis_server.client().xlen("nicu:alerts") == 301, 10)
    assert [alert["alert_id"] for alert in read(redis_server)] == [f"alert-{i}" for i in range(301)]


@fault("spool is no database at the start", "file replaced")
@pytest.mark.fault(
    "spool damaged while the station is off",
    "the database is no database",
    "the file is set aside; the station starts",
)
def test_a_spool_damaged_while_the_station_was_off(redis_server, tmp_path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    (state / "spool.sqlite").write_bytes(b"not a database" * 100)
    publisher = Publisher(redis_server.settings(), SpoolSettings(directory=state), "station-1", SystemClock())
    publisher.start()
    publisher.submit([make_draft("alert-1")])
    wait_until(lambda: len(read(redis_server)) == 1, 5)
    assert (state / "spool.sqlite.damaged-1").read_bytes().startswith(b"not a database")
    publisher.stop()


@fault("state directory cannot be made", "a file of its name")
@pytest.mark.fault(
    "state directory unusable",
    "a file stands where the directory should be",
    "alerts reach Redis from memory; the directory is used once it can be",
)
def test_a_state_directory_that_cannot_be_used_does_not_stop_the_alerts(redis_server, tmp_path) -> None:
    (tmp_path / "file").write_text("in the way")
    publisher = Publisher(
        redis_server.settings(), SpoolSettings(directory=tmp_path / "file" / "state"), "station-1", SystemClock()
    )
    publisher.start()
    assert "make spool.directory a folder that this user may write" in publisher.stats().disk_fault
    publisher.submit([make_draft("alert-1"), make_draft("alert-2")])
    wait_until(lambda: len(read(redis_server)) == 2, 5)
    # The way is cleared while the station runs.
    (tmp_path / "file").unlink()
    publisher.submit([make_draft("alert-3")])
    wait_until(lambda: len(read(redis_server)) == 3, 10)
    wait_until(lambda: publisher.producer_id is not None, 10)
    publisher.stop()


@pytest.mark.fault(
    "state directory deleted while the station runs",
    "rm -r, or the spool's files replaced by others, while 20 alerts wait for Redis",
    "the waiting alerts and the alarm state go into a new spool at once, and outlive the process",
)
@pytest.mark.parametrize("replace", [False, True], ids=["deleted", "replaced"])
def test_a_deleted_state_directory_is_made_again(redis_server, publisher, tmp_path, replace) -> None:
    redis_server.stop()
    for i in range(20):
        publisher.submit([make_draft(f"alert-{i}")], {"bed-1": f"state-{i}"})
    assert publisher.wait_until_stored(10)
    before = publisher.producer_id
    shutil.rmtree(tmp_path / "state")
    if replace:
        (tmp_path / "state").mkdir()
        (tmp_path / "state" / "spool.sqlite").write_bytes(b"")
    wait_until(lambda: publisher.producer_id not in {None, before}, 10, "a new spool")
    assert publisher.wait_until_stored(10)
    publisher.stop()
    second = Publisher(redis_server.settings(), SpoolSettings(directory=tmp_path / "state"), "station-1", SystemClock())
    assert second.load_snapshots() == {"bed-1": "state-19"}
    redis_server.start()
    second.start()
    wait_until(lambda: redis_server.client().xlen("nicu:alerts") == 20, 10)
    second.stop()
    assert [alert["alert_id"] for alert in read(redis_server)] == [f"alert-{i}" for i in range(20)]
    assert [alert["seq"] for alert in read(redis_server)] == list(range(1, 21))


@pytest.mark.fault(
    "lock of the state directory deleted",
    "the lock file is removed under a running station, and a second one is started",
    "the lock is taken again; the second station refuses; numbering goes on",
)
def test_a_deleted_lock_is_taken_again(redis_server, publisher, tmp_path) -> None:
    publisher.submit([make_draft("alert-0")])
    wait_until(lambda: len(read(redis_server)) == 1, 10)
    (tmp_path / "state" / "spool.lock").unlink()
    wait_until((tmp_path / "state" / "spool.lock").exists, 10, "a new lock")
    publisher.submit([make_draft("alert-1")])
    wait_until(lambda: len(read(redis_server)) == 2, 10)
    with pytest.raises(SpoolError, match="in use by another station"):
        Publisher(redis_server.settings(), SpoolSettings(directory=tmp_path / "state"), "station-2", SystemClock())
    assert [alert["seq"] for alert in read(redis_server)] == [1, 2]
    assert publisher.producer_id == read(redis_server)[1]["producer_id"]


@pytest.mark.fault(
    "two stations on one state directory",
    "a second publisher is started",
    "it refuses: two would number their alerts alike",
)
def test_a_second_station_on_the_same_directory_does_not_start(redis_server, publisher, tmp_path) -> None:
    with pytest.raises(SpoolError, match="in use by another station"):
        Publisher(redis_server.settings(), SpoolSettings(directory=tmp_path / "state"), "station-2", SystemClock())


@pytest.mark.fault(
    "no disk, no Redis, for long",
    "more alerts than memory may hold",
    "memory is bounded; the newest record of every alert is retained",
)
def test_memory_is_bounded_and_keeps_the_newest_record_of_every_alert(tmp_path) -> None:
    (tmp_path / "file").write_text("in the way")
    outbox = Outbox(SpoolSettings(directory=tmp_path / "file" / "x"), "station-1", SystemClock(), capacity=50)
    outbox.submit([make_draft("running", Phase.START)])
    for _ in range(200):
        outbox.submit([make_draft("noisy", Phase.UPDATE)])
    claim = outbox.claim(1000)
    assert claim is not None
    ids = [alert.draft["alert_id"] for alert in claim.alerts]
    assert ids == ["running"] + ["noisy"] * 49
    assert outbox.record().dropped == 201 - 50
    outbox.stop()
