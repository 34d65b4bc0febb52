"""Two stations with one id, or with one bed, both learn of it; a station that restarts alarms nobody."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from redis.exceptions import NoPermissionError, ResponseError
from redis_server import RedisServer, wait_until

from monitor.clock import ManualClock, SystemClock
from monitor.config import SpoolSettings
from monitor.delivery.claims import Claims
from monitor.delivery.keys import Keys
from monitor.delivery.publisher import Publisher


@pytest.fixture
def make(tmp_path: Path, redis_server: RedisServer) -> Iterator:
    made: list[Publisher] = []

    def publisher(station: str, directory: str, handle=lambda _: None, life_seconds: float = 1.0) -> Publisher:
        settings = redis_server.settings().model_copy(update={"state_ttl_seconds": life_seconds})
        made.append(Publisher(settings, SpoolSettings(directory=tmp_path / directory), station, SystemClock()))
        made[-1].update_state("bed-1", {"level": 0.1})
        made[-1].start(handle)
        return made[-1]

    yield publisher
    for each in made:
        each.stop(2.0)


def test_two_stations_with_one_id_are_both_reported_and_give_no_heartbeat(make, redis_server) -> None:
    asked: list[str] = []
    first = make("station-1", "a", lambda _: asked.append("first"))
    second = make("station-1", "b", lambda _: asked.append("second"))
    for publisher in (first, second):
        wait_until(lambda each=publisher: "uses the id station-1" in (each.stats().redis_failure or ""), 10)
        assert publisher.stats().redis_up
    client = redis_server.client()
    wait_until(lambda: not client.exists("nicu:heartbeat:station-1"), 5)
    client.xadd("nicu:commands:station-1", {"action": "pause", "bed": "bed-1", "by": "nurse"})
    wait_until(lambda: sorted(asked) == ["first", "second"], 5)
    first.stop(2.0)
    wait_until(lambda: client.exists("nicu:heartbeat:station-1"), 20)
    wait_until(lambda: second.stats().redis_failure is None, 5)


def test_both_get_every_command_also_over_connections_that_break(make, redis_server) -> None:
    """The claims are renewed long after a new connection has read its first commands."""
    asked: list[tuple[str, str]] = []
    stations = [
        make("station-1", name, lambda request, name=name: asked.append((name, request.by)), life_seconds=10.0)
        for name in ("a", "b")
    ]
    for publisher in stations:
        wait_until(lambda each=publisher: "uses the id station-1" in (each.stats().redis_failure or ""), 20)
    client = redis_server.client()
    for number in range(5):
        client.client_kill_filter(_type="normal", skipme=True)
        client.xadd("nicu:commands:station-1", {"action": "pause", "bed": "bed-1", "by": f"nurse-{number}"})
        wait_until(lambda n=number: {("a", f"nurse-{n}"), ("b", f"nurse-{n}")} <= set(asked), 10)
    assert sorted(asked) == sorted((name, f"nurse-{number}") for name in ("a", "b") for number in range(5))


def test_two_stations_with_one_bed_are_both_reported_and_go_on(make, redis_server) -> None:
    pair = {"station-2": make("station-1", "a"), "station-1": make("station-2", "b")}
    for other, publisher in pair.items():
        wait_until(lambda e=publisher, o=other: f"bed-1 (station {o})" in (e.stats().redis_failure or ""), 10)
    client = redis_server.client()
    assert client.exists("nicu:heartbeat:station-1", "nicu:heartbeat:station-2") == 2
    assert client.hget("nicu:state:bed-1", "station") in pair


def test_a_station_that_restarts_meets_only_its_own_past(make, redis_server) -> None:
    make("station-1", "a").stop(2.0)
    again = make("station-1", "fresh directory")
    client = redis_server.client()
    wait_until(lambda: client.exists("nicu:heartbeat:station-1"), 5)
    claims: list[int] = []
    wait_until(lambda: claims.append(client.pttl("nicu:claim:station:station-1")) or len(claims) > 20, 10)
    assert again.stats().redis_failure is None


def test_a_refusal_that_passes_does_not_end_the_search_for_another_station(redis_server) -> None:
    client, clock = redis_server.client(), ManualClock()
    mine, other = (Claims(Keys("nicu", "station-1"), clock, 10.0) for _ in range(2))
    mine.renew(client, ["bed-1"])
    clock.advance(10.0)
    assert mine.is_alone
    client.config_set("min-replicas-to-write", 1)
    for _ in range(2):
        with pytest.raises(ResponseError, match="NOREPLICAS"):
            mine.renew(client, ["bed-1"])
        assert not mine.is_alone
    client.config_set("min-replicas-to-write", 0)
    other.renew(client, ["bed-1"])
    mine.renew(client, ["bed-1"])
    assert mine.is_id_shared
    assert "uses the id station-1" in (mine.failure() or "")


def test_after_a_refusal_a_station_is_alone_only_when_nobody_claims_for_a_whole_life(redis_server) -> None:
    client, clock = redis_server.client(), ManualClock()
    claims = Claims(Keys("nicu", "station-1"), clock, 10.0)
    claims.renew(client, [])
    clock.advance(10.0)
    client.config_set("min-replicas-to-write", 1)
    with pytest.raises(ResponseError):
        claims.renew(client, [])
    client.config_set("min-replicas-to-write", 0)
    claims.renew(client, [])
    assert not claims.is_alone
    clock.advance(10.0)
    assert claims.is_alone


class RefusingRedis:
    """Answers every SET with one error."""

    def __init__(self, error: ResponseError) -> None:
        self.error, self.asked = error, 0

    def set(self, *_: object, **__: object) -> None:
        self.asked += 1
        raise self.error


@pytest.mark.parametrize(
    "error",
    [
        ResponseError("syntax error"),
        ResponseError("unknown command `SET`, with args beginning with: "),
        NoPermissionError("this user has no permissions to run the 'set' command"),
    ],
)
def test_a_server_that_never_takes_claims_is_asked_once_and_nothing_fails(error) -> None:
    redis, claims = RefusingRedis(error), Claims(Keys("nicu", "station-1"), ManualClock(), 10.0)
    for _ in range(3):
        claims.renew(redis, ["bed-1"])
    assert redis.asked == 1
    assert not claims.is_alone
    assert claims.failure() is None
