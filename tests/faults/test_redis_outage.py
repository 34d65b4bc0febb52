"""Redis killed, hung, slow, cut, read-only, out of memory, absent or emptied, while a station keeps raising alerts.

The promise: every alert is in the stream, in order, each once; nothing that the station calls ever waits; and what
waits in the spool arrives within 3 s of Redis' return.
"""

import random
import time
from collections.abc import Callable

import pytest
from alerts import make_draft
from redis_server import RedisServer, wait_until
from tcp_link import TcpLink

from monitor.alerts.record import Alert
from monitor.clock import SystemClock
from monitor.config import SpoolSettings
from monitor.delivery.publisher import Publisher

RECOVERY_SECONDS = 3.0
# A call that waited for Redis would take at least its bound of 0.5 s.
SUBMIT_SECONDS = 0.4
NOTHING_LOST = "every alert is in the stream, in order, each once; the station never waits"
LOST_ALERTS = "0 alerts lost in any Redis outage the disk can hold"


def kill(server: RedisServer) -> Callable[[], None]:
    server.kill()
    return server.start


def stop(server: RedisServer) -> Callable[[], None]:
    server.stop()
    return server.start


def hang(server: RedisServer) -> Callable[[], None]:
    server.hang()
    return server.resume


def read_only(server: RedisServer) -> Callable[[], None]:
    server.make_read_only()
    return server.make_writable


def out_of_memory(server: RedisServer) -> Callable[[], None]:
    server.exhaust_memory()
    return server.free_memory


FAULTS = {
    kill: "Redis killed (SIGKILL)",
    stop: "Redis stopped",
    hang: "Redis hung (SIGSTOP)",
    read_only: "Redis became a read-only replica",
    out_of_memory: "Redis out of memory",
}


def fault(what: str, injected: str) -> pytest.MarkDecorator:
    return pytest.mark.fault(what, injected, NOTHING_LOST, slo=LOST_ALERTS)


@pytest.mark.fault(
    "Redis killed, stopped, hung, read-only or out of memory for 0.05 s and 2 s",
    "SIGKILL, SIGTERM, SIGSTOP, REPLICAOF, maxmemory 1, at 100 alerts a second",
    "every alert in the stream, in order, once; caught up <= 3 s after the return; no call of the station waits",
    slo="nothing lost",
)
@pytest.mark.parametrize("seconds", [0.05, 2.0])
@pytest.mark.parametrize(
    "inject",
    [pytest.param(act, id=act.__name__, marks=fault(what, "while 100 alerts/s come")) for act, what in FAULTS.items()],
)
def test_a_fault_in_the_middle(redis_server, make_ward, measured, inject, seconds) -> None:
    ward = make_ward()
    ward.start()
    wait_until(lambda: len(ward.submitted) >= 20, 5)
    heal = inject(redis_server)
    time.sleep(seconds)
    if seconds > 1:
        wait_until(lambda: ward.publisher.stats().redis_up is False, 10)
        # Counted after the connection was given up.
        wait_until(lambda: ward.publisher.stats().backlog_count > 0, 5)
    heal()
    healed_at = time.monotonic()
    wait_until(lambda: ward.publisher.stats().redis_up and ward.publisher.stats().backlog_count < 50, 5)
    measured.seconds("waiting alerts delivered after its return", time.monotonic() - healed_at, RECOVERY_SECONDS)
    ward.assert_nothing_lost(redis_server)
    measured.seconds("longest time that a call of the station took", ward.slowest_submit_seconds, SUBMIT_SECONDS)


@fault("Redis absent at the start", "server started after 100 alerts")
@pytest.mark.fault(
    "Redis absent at the start, 100 alerts a second",
    "it is started after 100 alerts",
    "every alert in the stream, in order, once",
)
def test_redis_is_absent_at_the_start(redis_server, make_ward) -> None:
    redis_server.stop()
    ward = make_ward()
    ward.start()
    wait_until(lambda: ward.publisher.stats().redis_up is False, 5)
    assert "cannot be reached" in ward.publisher.stats().redis_failure
    wait_until(lambda: len(ward.submitted) >= 100, 5)
    redis_server.start()
    ward.assert_nothing_lost(redis_server)


@fault("Redis restarted empty", "killed, append-only file deleted, started")
@pytest.mark.fault(
    "Redis restarted empty",
    "SIGKILL, its files deleted, a new start, at 100 alerts a second",
    "every alert in the stream, in order, once",
    slo="nothing lost",
)
def test_redis_comes_back_empty_and_gets_its_alerts_again(redis_server, make_ward) -> None:
    ward = make_ward()
    ward.start()
    wait_until(lambda: len(ward.submitted) >= 50, 5)
    redis_server.kill()
    redis_server.lose_data()
    time.sleep(0.5)
    redis_server.start()
    ward.assert_nothing_lost(redis_server)


@fault("Redis emptied under way", "FLUSHALL")
@pytest.mark.fault(
    "Redis emptied while it runs",
    "FLUSHALL",
    "the stream is restored although no new alert comes",
)
def test_a_redis_that_is_emptied_under_way_gets_its_alerts_again_without_a_new_one(redis_server, make_ward) -> None:
    ward = make_ward(redis_server.settings(state_ttl_seconds=1.0))
    ward.start()
    wait_until(lambda: len(ward.submitted) >= 50, 5)
    ward.assert_nothing_lost(redis_server)
    redis_server.client().flushall()
    ward.assert_nothing_lost(redis_server)


@fault("Redis restarted empty, repeats compared", "killed, append-only file deleted, started")
@pytest.mark.fault(
    "repeats after a loss of data",
    "SIGKILL, its files deleted, a new start",
    "a repeated alert is the same text, byte for byte",
)
def test_lost_and_repeated_alerts_keep_their_very_text(redis_server, make_ward) -> None:
    ward = make_ward()
    ward.start()
    wait_until(lambda: len(ward.submitted) >= 50, 5)
    ward.assert_nothing_lost(redis_server)
    before = [fields["alert"] for _, fields in redis_server.client().xrange("nicu:alerts")]
    redis_server.kill()
    redis_server.lose_data()
    redis_server.start()
    ward.assert_nothing_lost(redis_server)
    assert [fields["alert"] for _, fields in redis_server.client().xrange("nicu:alerts")] == before


@fault("answers of Redis lost", "TCP proxy swallows replies, then cuts")
@pytest.mark.fault(
    "answers of Redis lost on the way",
    "a link that swallows replies 5 times for 0.7 s, then breaks",
    "no loss and no repeat, although nobody can know whether a call succeeded",
)
def test_answers_that_never_come_cause_neither_loss_nor_repeats(redis_server, make_ward) -> None:
    """The story: XADD succeeds, its answer is lost, a naive client sends it again and the stream has it twice."""
    with TcpLink(redis_server.port) as link:
        ward = make_ward(redis_server.settings(url=f"redis://127.0.0.1:{link.port}/0"))
        ward.start()
        wait_until(lambda: len(ward.submitted) >= 20, 5)
        for _ in range(5):
            link.swallow_replies = True
            time.sleep(0.7)
            link.swallow_replies = False
            time.sleep(random.uniform(0.0, 0.3))
            link.cut()
        ward.assert_nothing_lost(redis_server)


@fault("line to Redis broken 40 times", "TCP proxy cuts every 0-0.1 s")
@pytest.mark.fault(
    "line to Redis breaks 40 times",
    "every connection cut at random, at 300 alerts a second",
    "every alert in the stream, in order, once",
)
def test_a_line_that_breaks_again_and_again(redis_server, make_ward) -> None:
    with TcpLink(redis_server.port) as link:
        ward = make_ward(redis_server.settings(url=f"redis://127.0.0.1:{link.port}/0"), rate=300)
        ward.start()
        for _ in range(40):
            time.sleep(random.uniform(0.0, 0.1))
            link.cut()
        ward.assert_nothing_lost(redis_server)


@fault("line to Redis slow", "TCP proxy, 0.1 s each way")
@pytest.mark.fault(
    "line to Redis slow",
    "every packet held back for 0.1 s",
    "no call of the station waits; every alert in the stream",
)
def test_a_slow_line_delays_alerts_but_not_the_station(redis_server, make_ward, measured) -> None:
    with TcpLink(redis_server.port) as link:
        link.delay_seconds = 0.1
        ward = make_ward(redis_server.settings(url=f"redis://127.0.0.1:{link.port}/0"))
        ward.start()
        time.sleep(2)
        measured.seconds("longest time that a call of the station took", ward.slowest_submit_seconds, SUBMIT_SECONDS)
        ward.assert_nothing_lost(redis_server)


@fault("Redis hung 4 times in mid-delivery", "SIGSTOP 0.8 s at 300 alerts/s")
@pytest.mark.fault(
    "Redis wakes up and runs old commands",
    "SIGSTOP for longer than the call's bound, 4 times",
    "the old commands are void: no repeat",
)
def test_a_command_that_arrives_late_from_a_hung_server_is_void(redis_server, make_ward) -> None:
    """A server that wakes up after the client gave up reads the old command from its socket, next to the new one."""
    ward = make_ward(rate=300)
    ward.start()
    for _ in range(4):
        wait_until(lambda: ward.publisher.stats().redis_up, 20)
        time.sleep(random.uniform(0.05, 0.15))
        redis_server.hang()
        time.sleep(0.8)
        redis_server.resume()
    ward.assert_nothing_lost(redis_server)


@fault("12 random faults of Redis in a row", "kill, stop, hang, read-only, out of memory")
@pytest.mark.fault(
    "12 random faults of Redis in a row",
    "kill, stop, hang, read-only, out of memory, at 200 alerts a second",
    "every alert in the stream, in order, once",
    slo="nothing lost",
)
def test_many_random_faults_in_a_row(redis_server, make_ward) -> None:
    dice = random.Random(20_240_229)
    ward = make_ward(rate=200)
    ward.start()
    for _ in range(12):
        heal = dice.choice(list(FAULTS))(redis_server)
        time.sleep(dice.uniform(0.0, 0.6))
        heal()
        time.sleep(dice.uniform(0.0, 0.3))
    ward.assert_nothing_lost(redis_server)


@fault("6 stations write at the same time", "100 alerts each")
@pytest.mark.fault(
    "6 stations write into one stream at once",
    "optimistic transactions that void each other",
    "each station's alerts in its own order, once",
)
def test_several_stations_share_one_stream(redis_server, tmp_path) -> None:
    """Their optimistic transactions void each other often; each still gets every alert in once, in its own order."""
    stations = [f"station-{i}" for i in range(6)]
    publishers = [
        Publisher(
            redis_server.settings(timeout_seconds=5.0), SpoolSettings(directory=tmp_path / name), name, SystemClock()
        )
        for name in stations
    ]
    for publisher in publishers:
        publisher.start()
    for i in range(100):
        for publisher in publishers:
            publisher.submit([make_draft(f"alert-{i}")])
        time.sleep(0.005)
    client = redis_server.client()
    wait_until(lambda: client.xlen("nicu:alerts") >= 600, 20)
    alerts = [Alert.model_validate_json(fields["alert"]) for _, fields in client.xrange("nicu:alerts")]
    for publisher in publishers:
        own = [alert.seq for alert in alerts if alert.producer_id == publisher.producer_id]
        assert own == list(range(1, 101))
        publisher.stop()
