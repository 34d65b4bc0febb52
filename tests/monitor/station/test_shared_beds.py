"""What becomes of a shared bed's alarms when it is taken, opened again, left, or lost: a real Redis, no models."""

import threading
from contextlib import ExitStack
from datetime import timedelta

import pytest
from redis_server import wait_until
from shared_beds import (
    BED,
    CAMERA,
    CLOCK,
    agree,
    codes_in,
    config,
    cut_off,
    holds,
    hurt,
    is_delivered,
    let_pass,
    link_url,
    member,
    on_in,
    on_in_redis,
    pain_seen_by_a_nurse,
    publish,
    records_of,
    shared_alerts,
    store_state,
    table_of,
)
from tcp_link import TcpLink

from monitor.config.changes import compare_configs
from monitor.config.file import config_hash
from monitor.config.fleet import FleetBed
from monitor.control.requests import Discharge, RefusedError
from monitor.fleet.left_beds import LeftBeds
from monitor.pain.vocabulary import Code
from monitor.pipeline.alarm_snapshot import signalled_alerts
from monitor.station.fleet_beds import claimed_beds
from monitor.station.measured_capacity import MeasuredCapacity
from monitor.station.station import Station


@pytest.fixture
def enter():
    """Starts a station that ends with the test."""
    with ExitStack() as stack:
        yield stack.enter_context


def test_what_a_bed_says_as_soon_as_it_is_seen_stands_over_what_was_handed_over(tmp_path, redis_server):
    client = redis_server.client()
    publish(client)
    # The acknowledgement lapsed while nobody watched: the first look at the bed signals the pain again.
    store_state(client, pain_seen_by_a_nurse(700.0), 700.0)
    looked = threading.Event()

    def look(station, bed):
        let_pass(station, bed)
        station.publisher.wait_until_stored(5.0)
        looked.set()

    with member(config(tmp_path, "a", redis_server.url), look) as station:
        assert looked.wait(20)
        wait_until(lambda: on_in_redis(client), 20, "the alarms in Redis")
        said = on_in(station)
        pains = {key for key in said if key.startswith("pain-")}
        assert pains
        assert {said[key] for key in pains} == {"on"}
        wait_until(lambda: on_in_redis(client) == said, 10, "the alarm logic's state in Redis")
        assert {draft.alert_id: str(draft.signal) for draft in station.publisher.signalled_of(BED)} == said
        board = {x.newest.alert_id: str(x.newest.signal) for x in station.board.snapshot().beds[0].open_alerts}
        assert board == said


def test_what_begins_as_soon_as_a_bed_is_seen_is_not_ended_as_left_over(tmp_path, redis_server):
    client = redis_server.client()
    publish(client)
    looked = threading.Event()

    def look(station, bed):
        station.beds[bed].discharge("nurse", CLOCK.monotonic())
        station.publisher.wait_until_stored(5.0)
        looked.set()

    with member(config(tmp_path, "a", redis_server.url), look) as station:
        assert looked.wait(20)
        wait_until(lambda: BED in station.fleet._held, 10, "the end of the taking over")
        wait_until(lambda: on_in_redis(client), 10, "the empty bed in Redis")
        assert on_in_redis(client) == on_in(station)


def test_what_is_said_of_a_bed_while_it_is_closed_goes_on_when_it_is_opened_again(tmp_path, redis_server):
    client = redis_server.client()
    publish(client)
    with member(config(tmp_path, "a", redis_server.url)) as station:
        wait_until(lambda: BED in station.fleet._held, 20, "the bed")
        close = station.watched.close

        def close_later(bed):
            station.beds[bed].discharge("nurse", CLOCK.monotonic())
            station.publisher.wait_until_stored(5.0)
            return close(bed)

        station.watched.close = close_later
        first = station.beds[BED]
        publish(client, url="rtsp://127.0.0.1:9/other")
        wait_until(lambda: station.beds.get(BED, first) is not first, 20, "the bed with its new camera")
        wait_until(lambda: station.publisher.signalled_of(BED), 10, "its alarms")
        assert codes_in(station) == {Code.BED_EMPTY}
        wait_until(lambda: set(on_in_redis(client).values()) == {"acknowledged"}, 10, "the empty bed in Redis")
        assert on_in_redis(client) == on_in(station)


def test_after_its_bed_was_handed_back_a_station_says_nothing_more_of_it(tmp_path, redis_server):
    client = redis_server.client()
    publish(client)
    with member(config(tmp_path, "a", redis_server.url)) as station:
        wait_until(lambda: BED in station.fleet._held, 20, "the bed")
        bed = station.beds[BED]
        bed.discharge("nurse", CLOCK.monotonic())
        station.fleet.stop()
        with pytest.raises(RefusedError):
            station.requests.handle(Discharge(BED, "nurse"))
        bed.admit("a worker that was late", CLOCK.monotonic())
        is_delivered(station)
        state = table_of(client).alarm_state(BED)
        (alert_id,) = on_in_redis(client)
        assert alert_id in state.text
        assert alert_id in station.publisher.load_snapshots()[BED]


def test_alerts_of_a_station_that_was_cut_off_end_where_the_other_one_does_not_know_them(tmp_path, redis_server, enter):
    client = redis_server.client()
    publish(client)
    with TcpLink(redis_server.port) as link, member(config(tmp_path, "a", link_url(link))) as a:
        wait_until(lambda: holds(a), 20, "the bed at a")
        with cut_off(link):
            b = enter(member(config(tmp_path, "b", redis_server.url)))
            wait_until(lambda: holds(b), 20, "the bed at b")
            of_a, of_b = hurt(a), hurt(b)
            assert of_a
            assert of_b
            assert not of_a & of_b
        wait_until(lambda: not holds(a), 20, "a lets go")
        agree(client, a, b)
        assert set(on_in_redis(client)) >= of_b
        for alert_id in of_a:
            assert [phase for _, phase in records_of(client, alert_id)].count("end") == 1
        for alert_id in of_b:
            assert "end" not in [phase for _, phase in records_of(client, alert_id)]


def test_what_a_station_that_was_cut_off_said_late_of_an_alert_that_both_know_does_not_stand(
    tmp_path, redis_server, enter
):
    client = redis_server.client()
    publish(client)
    with TcpLink(redis_server.port) as link, member(config(tmp_path, "a", link_url(link))) as a:
        wait_until(lambda: holds(a), 20, "the bed at a")
        pains = hurt(a)
        wait_until(lambda: pains <= shared_alerts(client), 10, "the pain, for who comes next")
        is_delivered(a)
        with cut_off(link):
            b = enter(member(config(tmp_path, "b", redis_server.url)))
            wait_until(lambda: holds(b), 20, "the bed at b")
            assert pains <= set(on_in(b))
            a.beds[BED].discharge("nurse at the page of the station that was cut off", CLOCK.monotonic())
            assert not pains & set(on_in(a))
        wait_until(lambda: not holds(a), 20, "a lets go")
        agree(client, a, b)
        assert pains <= set(on_in_redis(client))
        for alert_id in pains:
            assert ("a", "end") in records_of(client, alert_id), "a really said so"


def test_a_station_that_starts_without_redis_brings_back_nothing_that_a_person_has_ended(tmp_path, redis_server, enter):
    client = redis_server.client()
    publish(client)
    with TcpLink(redis_server.port) as link:
        with member(config(tmp_path, "a", link_url(link))) as a:
            wait_until(lambda: holds(a), 20, "the bed at a")
            pains = hurt(a)
        b = enter(member(config(tmp_path, "b", redis_server.url)))
        wait_until(lambda: holds(b), 20, "the bed at b")
        assert pains <= set(on_in(b))
        b.beds[BED].discharge("nurse", CLOCK.monotonic())
        agree(client, b)
        with cut_off(link):
            a = enter(member(config(tmp_path, "a", link_url(link))))
            wait_until(lambda: holds(a), 30, "a watches again what it had last")
            assert pains <= set(on_in(a)), "after a restart, what was on is still on"
            a.beds[BED].acknowledge(None, "nurse", CLOCK.monotonic() + 60.0)
            hurt(a)
        wait_until(lambda: not holds(a), 20, "a lets go")
        agree(client, a, b)
        assert list(on_in_redis(client).values()) == ["acknowledged"], "the empty bed, and nothing else"


def test_what_the_spool_of_a_dead_station_brings_late_is_ended(tmp_path, redis_server, enter):
    client = redis_server.client()
    publish(client)
    with TcpLink(redis_server.port) as link:
        with member(config(tmp_path, "a", link_url(link))) as a:
            wait_until(lambda: holds(a), 20, "the bed at a")
            link.refuse = True
            link.cut()
            b = enter(member(config(tmp_path, "b", redis_server.url)))
            wait_until(lambda: holds(b), 20, "the bed at b")
            pains = hurt(a)
        link.refuse = False
        assert not any(records_of(client, alert_id) for alert_id in pains)
        a = enter(member(config(tmp_path, "a", link_url(link))))
        wait_until(lambda: a.fleet._server, 20, "a reads the table")
        wait_until(lambda: all(records_of(client, alert_id) for alert_id in pains), 20, "the late alerts")
        agree(client, a, b)
        assert not pains & set(on_in_redis(client))


def test_what_the_next_station_has_ended_is_not_ended_twice(tmp_path, redis_server, enter):
    client = redis_server.client()
    publish(client)
    with member(config(tmp_path, "a", redis_server.url)) as a:
        wait_until(lambda: holds(a), 20, "the bed at a")
        pains = hurt(a)
    b = enter(member(config(tmp_path, "b", redis_server.url)))
    wait_until(lambda: holds(b), 20, "the bed at b")
    b.beds[BED].discharge("nurse", CLOCK.monotonic())
    agree(client, b)
    a = enter(member(config(tmp_path, "a", redis_server.url)))
    wait_until(lambda: a.fleet._server, 20, "a reads the table")
    agree(client, a, b)
    for alert_id in pains:
        assert [record for record in records_of(client, alert_id) if record[1] == "end"] == [("b", "end")]


def test_a_bed_that_a_later_station_gave_back_is_taken_with_the_alarms_that_one_left(tmp_path, redis_server):
    client = redis_server.client()
    publish(client)
    with TcpLink(redis_server.port) as link, member(config(tmp_path, "a", link_url(link))) as a:
        wait_until(lambda: holds(a), 20, "the bed at a")
        first = a.beds[BED]
        with cut_off(link), member(config(tmp_path, "b", redis_server.url)) as b:
            wait_until(lambda: holds(b), 20, "the bed at b")
            pains = hurt(a)
            b.beds[BED].discharge("nurse", CLOCK.monotonic())
        wait_until(lambda: holds(a) and a.beds.get(BED, first) is not first, 20, "the bed at a, taken again")
        assert codes_in(a) == {Code.BED_EMPTY}
        agree(client, a)
        assert not pains & set(on_in_redis(client))


def test_what_was_on_ends_where_the_alarm_state_of_the_bed_cannot_be_read(tmp_path, redis_server):
    client = redis_server.client()
    publish(client)
    with member(config(tmp_path, "a", redis_server.url)) as a:
        wait_until(lambda: holds(a), 20, "the bed")
        pains = hurt(a)
        wait_until(lambda: pains <= set(on_in_redis(client)), 10, "the pain in Redis")
    client.hset("nicu:beds:alarms:one", "state", "?")
    with member(config(tmp_path, "a", redis_server.url)) as a:
        wait_until(lambda: holds(a), 20, "the bed again")
        agree(client, a)
        assert not pains & set(on_in_redis(client))


@pytest.mark.parametrize("text", ["?", "[]", '{"state": {"memory": {"board": {"alarms": [1]}}}}', '{"state": null}'])
def test_a_damaged_alarm_state_names_no_alerts(text):
    with pytest.raises(ValueError, match=r"alarm state|Expecting value"):
        signalled_alerts(text)


def test_nothing_is_ended_before_the_next_station_has_said_what_it_knows(redis_server):
    client = redis_server.client()
    publish(client)
    a, b = table_of(client, "a"), table_of(client, "b")
    settled = {}

    class Beds:
        def settle(self, states):
            settled.update(states)

    left = LeftBeds(Beds(), "a")
    left.add(BED)
    a.take(BED, 0.0)
    a.share(BED, 1, "a's own, which is not what b knows")
    assert b.take(BED, 0.0) == 2
    left.turn(a, a.read(), {})
    assert settled == {}
    b.share(BED, 2, "what b knows")
    left.turn(a, a.read(), {})
    assert settled == {BED: "what b knows"}


def test_alerts_name_the_configuration_that_holds_since_a_reload(tmp_path):
    old = config(tmp_path, "a", "redis://127.0.0.1:1")
    new = config(tmp_path, "a", "redis://127.0.0.1:1", alarms={"on_level": 0.7})
    station = Station(old)
    try:
        shared, contexts = station.fleet._beds, station._contexts.of
        camera = {"id": "before", "camera": CAMERA}
        shared.open(FleetBed.model_validate(camera).settings(), None)
        station._apply(compare_configs(old, new), new)
        shared.open(FleetBed.model_validate({**camera, "id": "after"}).settings(), None)
        assert {name: context.config_hash for name, context in contexts.items()} == dict.fromkeys(
            (None, "before", "after"), config_hash(new)
        )
    finally:
        station.watched.stop()
        station.publisher.stop()


@pytest.mark.parametrize(("rate", "beds"), [(4.0, 1), (4.9, 1), (5.0, 1), (26.0, 4)])
def test_a_machine_that_is_too_slow_for_one_bed_claims_one(tmp_path, rate, beds):
    settings = config(tmp_path, "a", "redis://127.0.0.1:1", fleet={}, analysis={"frames_per_second": 5.0})
    measured = MeasuredCapacity(setup="x", frames_per_second=rate, beds=3, measured_at=CLOCK.wall() - timedelta(days=1))
    assert claimed_beds(settings, measured, workers=4) == beds
