"""What Redis says of every alert in the end, when its records and the station's do not fit together any more."""

import shutil
import sqlite3
from collections import defaultdict
from contextlib import closing
from pathlib import Path

import pytest
from alerts import make_draft
from redis_server import RedisServer, wait_until

from monitor.alerts.record import Alert
from monitor.delivery.outbox import Outbox
from monitor.delivery.redis_session import RedisSession
from monitor.delivery.spool import Spool
from monitor.pain.vocabulary import Phase


def read_stream(server: RedisServer) -> list[Alert]:
    return [Alert.model_validate_json(fields["alert"]) for _, fields in server.client().xrange("nicu:alerts")]


def assert_numbered_without_gaps(alerts: list[Alert]) -> None:
    by_producer: dict[str, list[int]] = defaultdict(list)
    for alert in alerts:
        by_producer[alert.producer_id].append(alert.seq)
    for producer, numbers in by_producer.items():
        assert numbers == list(range(1, len(numbers) + 1)), producer


def last_record(server: RedisServer, alert_id: str) -> Alert:
    return [alert for alert in read_stream(server) if alert.alert_id == alert_id][-1]


def all_published(publisher, count: int) -> None:
    wait_until(lambda: publisher.stats().published >= count and publisher.stats().backlog_count == 0, 10)


def test_an_alarm_that_is_on_is_said_again_after_an_old_state_directory_was_restored(
    redis_server, make_publisher, tmp_path: Path
) -> None:
    """Redis has heard of its end, from a run whose state directory is lost."""
    on = make_draft("alert-1")
    publisher = make_publisher()
    publisher.submit([on])
    all_published(publisher, 1)
    publisher.stop()
    shutil.copytree(tmp_path / "state", tmp_path / "backup")
    publisher = make_publisher()
    publisher.submit([make_draft("alert-1", Phase.END)])
    all_published(publisher, 1)
    publisher.stop()
    shutil.rmtree(tmp_path / "state")
    shutil.copytree(tmp_path / "backup", tmp_path / "state")
    assert not last_record(redis_server, "alert-1").condition_present
    publisher = make_publisher(start=False)
    publisher.restore([on])
    publisher.start()
    wait_until(lambda: last_record(redis_server, "alert-1").condition_present, 10)
    publisher.submit([make_draft("alert-1", Phase.UPDATE, priority=on.priority)])
    wait_until(lambda: last_record(redis_server, "alert-1").phase is Phase.UPDATE, 10)
    assert_numbered_without_gaps(read_stream(redis_server))


def test_a_station_that_only_restarts_says_nothing_again(redis_server, make_publisher) -> None:
    on, over = make_draft("alert-1"), [make_draft("alert-2"), make_draft("alert-2", Phase.END)]
    publisher = make_publisher()
    publisher.submit([on, *over])
    all_published(publisher, 3)
    publisher.stop()
    publisher = make_publisher(start=False)
    publisher.restore([on])
    publisher.start()
    publisher.submit([make_draft("alert-3")])
    all_published(publisher, 1)
    assert [alert.alert_id for alert in read_stream(redis_server)] == ["alert-1", "alert-2", "alert-2", "alert-3"]


def test_what_ended_before_redis_was_asked_is_not_said_to_be_on(redis_server, make_publisher) -> None:
    on = make_draft("alert-1")
    publisher = make_publisher(start=False)
    publisher.restore([on])
    publisher.submit([make_draft("alert-1", Phase.END)])
    publisher.start()
    all_published(publisher, 1)
    publisher.submit([make_draft("alert-2")])
    wait_until(lambda: publisher.stats().published == 2, 10)
    assert [(alert.alert_id, alert.phase) for alert in read_stream(redis_server)] == [
        ("alert-1", "end"),
        ("alert-2", "start"),
    ]


def test_redis_goes_back_in_time_and_another_station_writes_first(redis_server, make_publisher) -> None:
    client = redis_server.client()
    publisher = make_publisher()
    publisher.submit([make_draft("alert-1")])
    all_published(publisher, 1)
    earlier = client.dump("nicu:alerts")
    publisher.submit([make_draft(f"alert-{number}") for number in range(2, 8)])
    all_published(publisher, 7)
    client.delete("nicu:alerts")
    client.restore("nicu:alerts", 0, earlier)
    client.xadd("nicu:alerts", {"producer_id": "other-1", "seq": "1", "alert_id": "x", "alert": "{}"})
    wait_until(lambda: client.xlen("nicu:alerts") == 8, 15)
    own = [fields for _, fields in client.xrange("nicu:alerts") if fields["producer_id"] == publisher.producer_id]
    assert [fields["seq"] for fields in own] == ["1", "2", "3", "4", "5", "6", "7"]


def test_one_unreadable_draft_holds_up_no_other(redis_server, make_publisher, tmp_path: Path) -> None:
    publisher = make_publisher(start=False)
    publisher.stop()
    spool = Spool(tmp_path / "state", 50_000_000, "station-1", publisher._clock)
    spool.append([make_draft("alert-1"), make_draft("alert-2")])
    spool.close()
    with closing(sqlite3.connect(tmp_path / "state" / "spool.sqlite")) as database, database:
        database.execute("UPDATE alerts SET draft = '{' WHERE seq = 1")
    publisher = make_publisher()
    publisher.submit([make_draft("alert-3")])
    all_published(publisher, 2)
    assert [alert.alert_id for alert in read_stream(redis_server)] == ["alert-2", "alert-3"]
    assert publisher.stats().dropped == 1


@pytest.mark.parametrize(
    ("owner", "name"), [(Spool, "append"), (Spool, "pending"), (Outbox, "record"), (RedisSession, "deliver")]
)
def test_a_moment_without_memory_ends_no_thread(redis_server, make_publisher, monkeypatch, owner, name) -> None:
    real, left = getattr(owner, name), [3]

    def fail_at_first(*args: object, **options: object) -> object:
        if left[0]:
            left[0] -= 1
            raise MemoryError
        return real(*args, **options)

    publisher = make_publisher()
    monkeypatch.setattr(owner, name, fail_at_first)
    publisher.submit([make_draft("alert-1"), make_draft("alert-2")])
    all_published(publisher, 2)
    assert left == [0]
    assert [alert.alert_id for alert in read_stream(redis_server)] == ["alert-1", "alert-2"]


def test_loops_beat_while_much_is_sent_over_a_slow_line(redis_server, make_publisher, monkeypatch) -> None:
    """Every batch of a long backlog counts as a turn, and the heartbeat in Redis goes on meanwhile."""
    ticks: list[int] = []
    client = redis_server.client()
    publisher = make_publisher(start=False, ticked=lambda: ticks.append(client.exists("nicu:heartbeat:station-1")))
    publisher.submit([make_draft(f"alert-{number}") for number in range(1000)])
    publisher._outbox.start()
    assert publisher.wait_until_stored(20)
    real, during = RedisSession.deliver, []

    def deliver(session: RedisSession, turned) -> None:
        before = len(ticks)
        real(session, turned)
        during.append(ticks[before:])

    monkeypatch.setattr(RedisSession, "deliver", deliver)
    monkeypatch.setattr(publisher._outbox, "start", lambda: None)
    publisher.start()
    all_published(publisher, 1000)
    assert max(map(len, during)) >= 10
    assert sum(max(during, key=len)) >= 9, "and the heartbeat is there while alerts are sent"
