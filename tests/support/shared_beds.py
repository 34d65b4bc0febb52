"""Stations that share one bed, for tests: their configuration, what they and Redis say of it, and cut links."""

import json
from contextlib import ExitStack, contextmanager
from functools import partial

from redis_server import wait_until

from monitor.clock import SystemClock
from monitor.config import AlarmSettings, StationConfig
from monitor.config.fleet import FleetBed
from monitor.delivery.keys import Keys
from monitor.fleet.lease_table import LeaseTable
from monitor.pain.bed_alarms import BedAlarms
from monitor.pain.vocabulary import Sample, Signal, Visibility
from monitor.pipeline.alarm_snapshot import pack, signalled_alerts, unpack
from monitor.station.station import Station

BED = "one"
CLOCK = SystemClock()
CAMERA = {"url": "rtsp://127.0.0.1:9/x"}


def config(directory, name, redis_url, **changes):
    fields = {
        "station": {"id": name},
        "fleet": {"capacity_beds": 5, "lease_seconds": 2.0},
        "beds": [],
        "spool": {"directory": str(directory / name)},
        "redis": {"url": redis_url, "timeout_seconds": 1.0},
        "web": {"enabled": False},
        "history": {"days": 0},
        **changes,
    }
    return StationConfig.model_validate(fields)


@contextmanager
def member(settings, opened=lambda *_: None):
    """A station that shares beds, of which nobody supervises or analyses anything but the test.

    Args:
        settings: Its configuration.
        opened: Called as soon as other threads can see a bed.
    """
    station = Station(settings)
    really_open = station.watched.open

    def open_bed(bed):
        really_open(bed)
        opened(station, bed)

    station.watched.open = open_bed
    with ExitStack() as stack:
        stack.callback(station.publisher.stop)
        stack.callback(station.watched.stop)
        stack.callback(station.fleet.stop)
        station.publisher.start(station.requests.handle)
        station.fleet.start()
        yield station


def table_of(client, name="ward"):
    return LeaseTable(client, Keys("nicu", name))


def publish(client, bed=BED, **camera):
    table_of(client).publish(FleetBed.model_validate({"id": bed, "camera": {**CAMERA, **camera}}))


def link_url(link):
    return f"redis://127.0.0.1:{link.port}/0"


def let_pass(station, bed, seconds=0.0):
    """Do for a bed what the supervisor does several times a second."""
    station.beds[bed].update_camera(station.cameras[bed].status(), CLOCK.monotonic() + seconds)


def on_in_redis(client):
    """The newest record of every alert of a bed that Redis shows as on: id to signal."""
    newest = {}
    for _, fields in client.xrange("nicu:alerts"):
        record = json.loads(fields["alert"])
        if record["bed"] is not None:
            newest[record["alert_id"]] = record
    return {key: x["signal"] for key, x in newest.items() if x["signal"] != "off" or x["condition_present"]}


def on_in(station, bed=BED):
    """What a bed's alarm logic has on: id to signal."""
    logic = BedAlarms(AlarmSettings(), str)
    logic.restore(unpack(station.beds[bed].snapshot(CLOCK.wall()), CLOCK.wall())[0], CLOCK.monotonic())
    return {transition.alert_id: str(transition.signal) for transition in logic.active()}


def is_delivered(station):
    station.publisher.wait_until_stored(5.0)
    wait_until(lambda: station.publisher._outbox.backlog().count == 0, 10, "nothing waits for Redis")


def codes_in(station, bed=BED):
    return {draft.code for draft in station.publisher.signalled_of(bed)}


def shared_alerts(client):
    state = table_of(client).alarm_state(BED)
    return set() if state is None else signalled_alerts(state.text)


def hurt(station):
    """Let a station see twelve seconds of pain; return the ids of the alerts that begin."""
    bed, began = station.beds[BED], CLOCK.monotonic()
    before = set(on_in(station))
    with bed._lock:
        for step in range(60):
            sample = Sample(began + step / 5, 0.95, Visibility.USABLE, 1)
            bed._notify(bed._monitor.observe(sample).transitions)
    return set(on_in(station)) - before


def holds(station):
    return BED in station.fleet._held


@contextmanager
def cut_off(link):
    link.refuse = True
    link.cut()
    try:
        yield
    finally:
        link.refuse = False


def records_of(client, alert_id):
    records = [json.loads(fields["alert"]) for _, fields in client.xrange("nicu:alerts")]
    return [(record["station"], record["phase"]) for record in records if record["alert_id"] == alert_id]


def is_settled(station):
    return not station.fleet._left._waiting and not station.publisher.settlement._matters


def agree(client, *stations):
    """Wait until nobody has anything more to say; Redis then shows as on what the bed's station has on."""
    for station in stations:
        wait_until(partial(is_settled, station), 20, "what was left is set right")
        is_delivered(station)
    (holder,) = [station for station in stations if holds(station)]
    wait_until(lambda: on_in_redis(client) == on_in(holder), 10, "Redis shows what the bed's station has on")
    wait_until(lambda: not client.hexists("nicu:beds:alarms:one", "disputed"), 10, "the comparison")
    is_delivered(holder)
    assert on_in_redis(client) == on_in(holder)
    assert {draft.alert_id for draft in holder.publisher.signalled_of(BED)} == set(on_in(holder))


def pain_seen_by_a_nurse(seconds_ago):
    """The alarm state of a bed where a nurse has acknowledged pain that goes on."""
    numbers = iter(range(100))
    logic = BedAlarms(AlarmSettings(), lambda: f"pain-{next(numbers)}")
    began = CLOCK.monotonic() - seconds_ago - 40.0
    for step in range(200):
        score = 0.05 if step < 100 else 0.95
        logic.observe(Sample(began + step / 5, score, Visibility.USABLE, 1))
    for transition in logic.active():
        logic.acknowledge(transition.alert_id, "nurse", logic.now_seconds)
    assert {transition.signal for transition in logic.active()} == {Signal.ACKNOWLEDGED}
    return pack(logic.snapshot(), CLOCK.wall())


def store_state(client, text, seconds_ago):
    table_of(client, "gone").share(BED, 0, text)
    written_ms = int(client.hget("nicu:beds:alarms:one", "written_ms"))
    client.hset("nicu:beds:alarms:one", "written_ms", written_ms - int(seconds_ago * 1000))
