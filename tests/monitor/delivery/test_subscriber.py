"""The ready-made subscriber, against a real server."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from alerts import make_draft, put
from hypothesis import given
from hypothesis import strategies as st
from redis_server import RedisServer, wait_until

from monitor.clock import ManualClock
from monitor.delivery.redis_client import connect_redis
from monitor.delivery.subscriber import (
    AlertSubscriber,
    Event,
    HeartbeatLost,
    HeartbeatSeen,
    NewAlert,
    Progress,
    ProgressError,
    ServerLost,
    ServerSeen,
)
from monitor.errors import PublishError


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def make_subscriber(redis_server, clock) -> Iterator:
    made: list[AlertSubscriber] = []

    def make(state: Path | None = None, **options) -> AlertSubscriber:
        settings = redis_server.settings()
        made.append(
            AlertSubscriber(
                lambda: connect_redis(settings), redis_server.url, "nicu", Progress(state), clock, **options
            )
        )
        return made[-1]

    yield make
    for subscriber in made:
        subscriber.close()


def collect(subscriber: AlertSubscriber, count: int, timeout_seconds: float = 10.0) -> list[Event]:
    """Poll until so many events have come."""
    events: list[Event] = []
    wait_until(lambda: events.extend(subscriber.poll()) or len(events) >= count, timeout_seconds, f"{count} events")
    return events


def lose_newest(server: RedisServer, publish: Callable[[], object], subscriber: AlertSubscriber) -> None:
    """Restart a server without what `publish` wrote and the subscriber has read."""
    kept = server.directory / "kept"
    shutil.copytree(server.directory / "appendonlydir", kept)
    publish()
    list(subscriber.poll())
    server.kill()
    list(subscriber.poll())
    server.lose_data()
    kept.rename(server.directory / "appendonlydir")
    server.start()


def ids(events: list[Event]) -> list[str]:
    return [event.alert.alert_id for event in events if isinstance(event, NewAlert)]


def test_it_goes_on_where_it_stopped(redis_server, make_publisher, make_subscriber, tmp_path) -> None:
    state = tmp_path / "seen.json"
    first = make_subscriber(state)
    list(first.poll())
    publisher = make_publisher()
    publisher.submit([make_draft("a"), make_draft("b")])
    wait_until(lambda: publisher.stats().published == 2, 5)
    assert ids(collect(first, 3)) == ["a", "b"]
    first.close()
    publisher.submit([make_draft("c")])
    wait_until(lambda: publisher.stats().published == 3, 5)
    assert ids(collect(make_subscriber(state), 2)) == ["c"]
    assert state.stat().st_mode & 0o777 == 0o600


def test_it_sees_an_alert_again_when_it_died_before_it_was_done_with_it(
    make_publisher, make_subscriber, tmp_path
) -> None:
    publisher = make_publisher()
    publisher.submit([make_draft("a")])
    wait_until(lambda: publisher.stats().published == 1, 5)
    dying = make_subscriber(tmp_path / "seen.json", from_start=True)
    for event in dying.poll():
        if isinstance(event, NewAlert):
            break
    assert ids(collect(make_subscriber(tmp_path / "seen.json", from_start=True), 2)) == ["a"]


def test_repeats_after_a_loss_are_skipped(redis_server, make_publisher, make_subscriber) -> None:
    subscriber = make_subscriber(from_start=True)
    publisher = make_publisher()
    publisher.submit([make_draft("a"), make_draft("b")])
    assert ids(collect(subscriber, 3)) == ["a", "b"]
    redis_server.kill()
    redis_server.lose_data()
    events = collect(subscriber, 1)
    assert isinstance(events[0], ServerLost)
    redis_server.start()
    publisher.submit([make_draft("c")])
    wait_until(lambda: redis_server.client().xlen("nicu:alerts") == 3, 10)
    events = collect(subscriber, 2)
    assert isinstance(events[0], ServerSeen)
    assert ids(events) == ["c"]


def test_what_was_there_before_the_first_start_does_not_come_after_a_loss(
    redis_server, make_subscriber, tmp_path
) -> None:
    for number in range(1, 4):
        put(redis_server, f"old-{number}", number, "quiet")
    subscriber = make_subscriber(tmp_path / "seen.json")
    assert ids(list(subscriber.poll())) == []
    put(redis_server, "known", 1, "busy")
    assert ids(list(subscriber.poll())) == ["known"]
    lose_newest(redis_server, lambda: put(redis_server, "lost", 2, "busy"), subscriber)
    assert redis_server.client().xlen("nicu:alerts") == 4
    assert ids(list(subscriber.poll())) == []
    put(redis_server, "first", 1, "newcomer")
    put(redis_server, "next", 4, "quiet")
    assert ids(collect(subscriber, 2)) == ["first", "next"]


def test_progress_of_the_last_version_learns_what_was_there_before(redis_server, make_subscriber, tmp_path) -> None:
    for number in range(1, 4):
        newest = put(redis_server, f"old-{number}", number, "quiet")
    (tmp_path / "seen.json").write_text(json.dumps({"last_id": newest, "producers": {}}))
    subscriber = make_subscriber(tmp_path / "seen.json")
    list(subscriber.poll())
    lose_newest(redis_server, lambda: put(redis_server, "lost", 1, "busy"), subscriber)
    assert ids(list(subscriber.poll())) == []
    put(redis_server, "next", 4, "quiet")
    assert ids(collect(subscriber, 1)) == ["next"]


def test_a_server_that_lost_all_hides_no_producer_whose_clock_is_behind_the_first_start(
    redis_server, make_subscriber
) -> None:
    behind = int(put(redis_server, "old", 1, "quiet").partition("-")[0]) - 60_000
    subscriber = make_subscriber()
    assert ids(list(subscriber.poll())) == []
    redis_server.kill()
    redis_server.lose_data()
    redis_server.start()
    put(redis_server, "new", 1, "newcomer", entry_id=f"{behind}-0")
    assert ids(list(subscriber.poll())) == ["new"]


def test_what_was_there_before_the_first_start_is_no_news_when_a_server_that_lost_all_gets_it_again(
    redis_server, make_subscriber, tmp_path
) -> None:
    put(redis_server, "oldest", 1, "retired")
    for number in range(1, 301):
        put(redis_server, f"old-{number}", number, "quiet")
    first = make_subscriber(tmp_path / "seen.json")
    assert ids(list(first.poll())) == []
    assert ids(list(first.poll())) == []
    assert Progress(tmp_path / "seen.json").noted_id == "0-0"
    first.close()
    redis_server.kill()
    redis_server.lose_data()
    redis_server.start()
    put(redis_server, "oldest", 1, "retired")
    for number in range(1, 302):
        put(redis_server, f"old-{number}", number, "quiet")
    assert ids(collect(make_subscriber(tmp_path / "seen.json"), 1)) == ["old-301"]


def test_a_server_that_lost_data_between_two_calls_hides_nothing_behind_a_clock_that_went_back(
    redis_server, make_subscriber
) -> None:
    subscriber = make_subscriber(from_start=True)
    behind = int(put(redis_server, "known", 1).partition("-")[0]) - 60_000
    assert ids(list(subscriber.poll())) == ["known"]
    redis_server.kill()
    redis_server.lose_data()
    redis_server.start()
    put(redis_server, "new-2", 2, entry_id=f"{behind}-0")
    assert ids(list(subscriber.poll())) == ["new-2"]
    redis_server.kill()
    redis_server.lose_data()
    redis_server.start()
    put(redis_server, "new-3", 3, entry_id=f"{behind - 60_000}-0")
    put(redis_server, "new-4", 4)  # the clock is right again
    assert ids(list(subscriber.poll())) == ["new-3", "new-4"]
    assert ids(list(subscriber.poll())) == []


def test_an_entry_that_was_trimmed_or_deleted_repeats_nothing(redis_server, make_subscriber) -> None:
    subscriber = make_subscriber(from_start=True)
    client = redis_server.client()
    for number, name in enumerate("abc", 1):
        newest = put(redis_server, name, number)
    assert ids(list(subscriber.poll())) == ["a", "b", "c"]
    client.xdel("nicu:alerts", newest)
    put(redis_server, "d", 4)
    assert ids(list(subscriber.poll())) == ["d"]
    put(redis_server, "e", 5)
    client.xtrim("nicu:alerts", maxlen=1, approximate=False)
    assert ids(list(subscriber.poll())) == ["e"]
    client.delete("nicu:alerts")
    assert ids(list(subscriber.poll())) == []
    put(redis_server, "f", 6)
    assert ids(list(subscriber.poll())) == ["f"]


def test_a_gap_is_named_and_may_be_filled_later(redis_server, make_publisher, make_subscriber) -> None:
    publisher = make_publisher()
    publisher.submit([make_draft(name) for name in "abcd"])
    client = redis_server.client()
    wait_until(lambda: client.xlen("nicu:alerts") == 4, 5)
    entries = client.xrange("nicu:alerts")
    client.delete("nicu:alerts")
    subscriber = make_subscriber(from_start=True)
    for _, fields in (entries[0], entries[3], entries[1], entries[3], entries[2]):
        client.xadd("nicu:alerts", fields)
    events = [event for event in collect(subscriber, 4) if isinstance(event, NewAlert)]
    assert [(event.alert.alert_id, event.missing_before) for event in events][:4] == [
        ("a", 0),
        ("d", 2),
        ("b", 0),
        ("c", 0),
    ]


def test_entries_of_other_programs_are_passed_over(redis_server, make_publisher, make_subscriber) -> None:
    redis_server.client().xadd("nicu:alerts", {"alert": "{not json", "other": "1"})
    redis_server.client().xadd("nicu:alerts", {"something": "else"})
    publisher = make_publisher()
    publisher.submit([make_draft("a")])
    assert ids(collect(make_subscriber(from_start=True), 2)) == ["a"]


def test_a_station_that_stops_beating_is_reported_once_and_again_after_its_return(
    redis_server, make_subscriber, clock
) -> None:
    client = redis_server.client()
    subscriber = make_subscriber(silence_seconds=20.0)
    client.set("nicu:heartbeat:station-1", "{}")
    assert collect(subscriber, 1) == [HeartbeatSeen("station-1")]
    client.delete("nicu:heartbeat:station-1")
    clock.advance(19.0)
    assert list(subscriber.poll()) == []
    clock.advance(1.0)
    assert list(subscriber.poll()) == [HeartbeatLost("station-1")]
    assert list(subscriber.poll()) == []
    assert subscriber.silent_stations == ("station-1",)
    client.set("nicu:heartbeat:station-1", "{}")
    assert list(subscriber.poll()) == [HeartbeatSeen("station-1")]
    assert subscriber.silent_stations == ()


def test_an_expected_station_that_never_beats_is_reported(make_subscriber, clock) -> None:
    subscriber = make_subscriber(stations=["station-9"])
    assert list(subscriber.poll()) == []
    clock.advance(20.0)
    assert list(subscriber.poll()) == [HeartbeatLost("station-9")]


def test_a_station_that_dies_while_its_reader_is_restarted_is_reported_once(
    redis_server, make_subscriber, clock, tmp_path
) -> None:
    state = tmp_path / "seen.json"
    client = redis_server.client()
    client.set("nicu:heartbeat:station-1", "{}")
    assert list(make_subscriber(state).poll()) == [HeartbeatSeen("station-1")]
    client.delete("nicu:heartbeat:station-1")
    dying = make_subscriber(state)
    clock.advance(20.0)
    assert next(dying.poll()) == HeartbeatLost("station-1")  # and dies before it was done with it
    second = make_subscriber(state)
    assert list(second.poll()) == []
    clock.advance(20.0)
    assert list(second.poll()) == [HeartbeatLost("station-1")]
    third = make_subscriber(state)
    clock.advance(20.0)
    assert list(third.poll()) == []
    client.set("nicu:heartbeat:station-1", "{}")
    assert list(third.poll()) == [HeartbeatSeen("station-1")]


def test_a_silence_that_was_reported_while_redis_was_away_is_not_reported_again_after_a_restart(
    redis_server, make_subscriber, clock, tmp_path
) -> None:
    redis_server.client().set("nicu:heartbeat:station-1", "{}")
    list(make_subscriber(tmp_path / "seen.json").poll())
    redis_server.stop()
    for is_news in (True, False):
        subscriber = make_subscriber(tmp_path / "seen.json")
        clock.advance(20.0)
        assert (HeartbeatLost("station-1") in list(subscriber.poll())) == is_news


def test_a_state_that_cannot_be_written_holds_up_neither_alerts_nor_news_of_stations(
    redis_server, make_subscriber, tmp_path
) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    subscriber = make_subscriber(folder / "seen.json", from_start=True)
    list(subscriber.poll())
    shutil.rmtree(folder)
    redis_server.client().set("nicu:heartbeat:station-1", "{}")
    put(redis_server, "a", 1)
    poll = subscriber.poll()
    assert next(poll) == HeartbeatSeen("station-1")
    assert ids([next(poll)]) == ["a"]
    with pytest.raises(ProgressError):
        next(poll)
    folder.mkdir()
    assert list(subscriber.poll()) == []
    assert Progress(folder / "seen.json").watching == {"station-1"}


def test_a_reader_that_takes_long_hears_of_a_silence_before_further_alerts(
    redis_server, make_subscriber, clock
) -> None:
    client = redis_server.client()
    client.set("nicu:heartbeat:station-1", "{}")
    subscriber = make_subscriber(from_start=True)
    for number, name in enumerate("abc", 1):
        put(redis_server, name, number)
    taken = []
    for event in subscriber.poll():
        taken.append(event)
        if isinstance(event, NewAlert):
            client.delete("nicu:heartbeat:station-1")
            clock.advance(20.0)
    assert ids(taken) == ["a"]
    assert not subscriber.has_read_all
    after = list(subscriber.poll())
    assert after[0] == HeartbeatLost("station-1")
    assert ids(after) == ["b", "c"]


def test_silence_is_reported_though_redis_is_away_too(redis_server, make_subscriber, clock) -> None:
    subscriber = make_subscriber(stations=["station-1"])
    redis_server.stop()
    clock.advance(20.0)
    assert HeartbeatLost("station-1") in list(subscriber.poll())


def test_a_state_file_of_something_else_is_refused(tmp_path) -> None:
    for text in ("no json", "[]", '{"last_id": 1}'):
        (tmp_path / "state").write_text(text)
        with pytest.raises(PublishError, match="delete it to start afresh"):
            Progress(tmp_path / "state")


@given(st.lists(st.integers(1, 30), max_size=60))
def test_every_number_from_the_first_on_is_admitted_exactly_once(numbers: list[int]) -> None:
    progress = Progress(None)
    admitted = [number for number in numbers if progress.admit("p", number, "1-0") is not None]
    first = numbers[0] if numbers else 0
    assert sorted(admitted) == sorted({number for number in numbers if number >= first})
