"""Trends and handover on the page of a ward: what a station passes on through a real Redis, and what is read of it."""

from datetime import UTC, datetime, timedelta

import httpx
import numpy as np
import pytest
from alerts import make_draft
from recorded_board import write_day
from redis.exceptions import RedisError
from redis_server import wait_until
from ward_page import WardPage

from monitor.alerts.record import Alert, format_time
from monitor.board import BedInfo, Board
from monitor.clock import ManualClock
from monitor.config import HistorySettings
from monitor.delivery.keys import Keys
from monitor.errors import HistoryError
from monitor.history.handover import bed_handover
from monitor.history.recorder import HistoryRecorder
from monitor.history.sharing import HistorySharing
from monitor.pain.vocabulary import Phase
from monitor.ward.history import WardHistory

NOW = datetime.now(UTC).replace(second=30, microsecond=0)
"""Redis gives entries ids by its own clock."""
DAY = timedelta(hours=24)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    directory = tmp_path_factory.mktemp("day")
    write_day(directory, NOW)
    return directory


class Station:
    """A station with a day behind it, and its end of the ward's history."""

    def __init__(self, directory, server, hours=24, name="station-1"):
        self.clock = ManualClock(1_000.0, NOW - timedelta(seconds=1_000))
        self.board = Board([BedInfo("bed-1", "cam-1"), BedInfo("bed-2", "cam-2")], self.clock, on_level=0.6)
        self.recorder = HistoryRecorder(HistorySettings(), directory, self.board, self.clock)
        self.ticks = 0
        self.sharing = HistorySharing(
            server.settings(timeout_seconds=5.0), name, self.recorder, self.board, self.clock, hours, self.tick
        )

    def tick(self):
        self.ticks += 1

    def share_all(self):
        for _ in range(26):  # an hour of each bed in a turn
            self.sharing.turn()


@pytest.fixture
def station(written, redis_server):
    return Station(written, redis_server, hours=10)


@pytest.fixture
def ward(redis_server):
    history = WardHistory(redis_server.settings(timeout_seconds=5.0), ManualClock(5.0))
    yield history
    history.close()


def series(reader, bed, since, until):
    found = reader.samples(bed, since, until)
    return np.column_stack([found.seconds, found.level, found.coverage, found.state])


def length(server, bed):
    return server.client().xlen(f"nicu:history:{bed}")


def test_the_ward_reads_what_the_station_recorded(written, ward, redis_server):
    station = Station(written, redis_server)
    station.share_all()
    until = NOW - timedelta(minutes=2)
    for bed in ("bed-1", "bed-2"):
        own, passed_on = (series(one, bed, NOW - DAY + timedelta(minutes=3), until) for one in (station.recorder, ward))
        assert len(own) > 40_000
        np.testing.assert_array_equal(own, passed_on)
    since = NOW - timedelta(hours=9)
    actions = station.recorder.actions("bed-1", since, until)
    assert actions
    assert ward.actions("bed-1", since, until) == actions
    there, here = (bed_handover(one, "bed-1", since, until) for one in (station.recorder, ward))
    assert (here.signs_seconds, here.not_seen_seconds, here.unwatched_seconds, here.unrecorded_seconds) == (
        there.signs_seconds, there.not_seen_seconds, there.unwatched_seconds, there.unrecorded_seconds,
    )  # fmt: skip
    # What a day of a bed takes: the figure in the description of history.ward_hours.
    assert redis_server.client().memory_usage("nicu:history:bed-1") < 300_000
    before = length(redis_server, "bed-1")
    station.share_all()
    assert length(redis_server, "bed-1") == before, "nothing is written twice"


def test_it_is_bounded_and_vanishes_when_nobody_renews_it(written, redis_server):
    station = Station(written, redis_server, hours=2)
    station.share_all()
    assert 118 <= length(redis_server, "bed-1") <= 240, "Redis trims whole nodes"
    station.clock.advance(3_600.0)
    station.share_all()
    assert length(redis_server, "bed-1") <= 240
    assert 0 < redis_server.client().pttl("nicu:history:bed-1") <= 2 * 3_600_000


def test_what_a_lost_redis_held_is_passed_on_again_by_whoever_watches(station, ward, written, redis_server):
    station.share_all()
    redis_server.client().flushall()
    redis_server.stop()
    station.clock.advance(60.0)
    with pytest.raises(RedisError):
        station.sharing.turn()
    redis_server.start()
    # As the thread does after a failure.
    station.sharing._client, station.sharing._shared = None, {}
    station.share_all()
    assert length(redis_server, "bed-1") > 500
    other = Station(written, redis_server, hours=10, name="station-2")
    before = length(redis_server, "bed-1")
    other.share_all()
    assert length(redis_server, "bed-1") == before, "another station goes on where the first one ended"


def test_the_first_minutes_of_a_new_station_are_there_at_once(tmp_path, ward, redis_server):
    station = Station(tmp_path / "new", redis_server)
    for _ in range(45):
        station.clock.advance(2.0)
        station.recorder.take(station.board.snapshot())
    station.sharing.turn()
    begin = NOW - timedelta(minutes=1)
    assert len(ward.samples("bed-1", begin, begin + timedelta(minutes=5))) >= 14


def test_damaged_entries_are_left_out_and_a_lost_redis_is_said(station, ward, redis_server):
    station.share_all()
    client = redis_server.client()
    damaged = {"minute": "x"}, {"minute": "1"}, {"minute": "2", "samples": "!"}, {"minute": "3", "samples": "AA=="}
    for fields in damaged:
        client.xadd("nicu:history:bed-1", fields)
    client.xadd("nicu:history:bed-1", {"minute": "4", "samples": "AA==", "actions": "[1]"})
    assert len(ward.samples("bed-1", NOW - timedelta(hours=1), NOW)) > 1_000
    redis_server.stop()
    with pytest.raises(HistoryError, match="redis://127"):
        ward.samples("bed-2", NOW - timedelta(hours=1), NOW)


def test_the_thread_turns_and_goes_on_without_redis(written, redis_server):
    station = Station(written, redis_server)
    redis_server.stop()
    station.sharing.start()
    wait_until(lambda: station.ticks > 0, 20, "a turn of the thread")
    station.sharing.stop()
    assert not station.sharing._thread.is_alive()


def test_trend_and_handover_of_a_ward_over_its_api(station, tmp_path, redis_server):
    station.share_all()
    client = redis_server.client()
    client.hset("nicu:state:bed-1", mapping={"station": "station-1", "updated_at": "1", "level": "0.1"})
    client.set("nicu:heartbeat:station-1", "{}")
    for number, phase in enumerate((Phase.START, Phase.END), 1):
        draft = make_draft("alert-1", phase, bed="bed-1").model_dump(mode="json")
        numbered = {"producer_id": "p", "seq": number, "published_at": draft["determined_at"]}
        sent = Alert.model_validate({**draft, **numbered})
        client.xadd(Keys("nicu", "").alerts, {"alert": sent.model_dump_json()})
    # A process of its own: the UI library goes through all objects of its process, those of other tests included.
    with (
        WardPage(tmp_path, {"url": redis_server.url}) as ward,
        httpx.Client(base_url=ward.url, timeout=20, trust_env=False) as api,
    ):
        check_api(api, redis_server)


def check_api(api, redis_server):
    def seen():
        try:
            return [bed["observation"]["bed"] for bed in api.get("/api/v1/beds").json()] == ["bed-1"]
        except httpx.HTTPError:
            return False

    wait_until(seen, 60, "the bed on the ward's page")
    since = format_time(NOW - timedelta(hours=8))
    points = api.get("/api/v1/beds/bed-1/history", params={"from": since, "every": 60}).json()
    assert len(points) > 400
    assert max(point["level"] or 0 for point in points) > 0.7
    (bed,) = api.get("/api/v1/handover", params={"since": since}).json()["beds"]
    assert [one["code"] for one in bed["pain"]] == ["pain_sign"]
    assert bed["pain"][0]["ended_at"] is not None
    assert bed["minutes_with_signs"] > 5
    assert "/handover/bed-1" in api.get("/bed/bed-1", headers={"Accept": "text/html"}).text
    redis_server.stop()
    gone = api.get("/api/v1/beds/bed-1/history", params={"from": format_time(NOW - DAY)})
    assert (gone.status_code, gone.json()["code"]) == (503, "history_unreadable")
