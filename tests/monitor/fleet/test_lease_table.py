"""Claim, guarded refresh, take-over and failover, on a real Redis and with real processes."""

import json
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from redis_server import RedisServer, wait_until

from monitor.config.fleet import FleetBed
from monitor.delivery.keys import Keys
from monitor.delivery.redis_client import connect_redis
from monitor.errors import PublishError
from monitor.fleet.lease_table import LeaseTable

SCRIPT = Path(__file__).resolve().parents[2] / "support" / "claiming_process.py"
LEASE_SECONDS = 2.0


def bed(name, home=None):
    return FleetBed(id=name, home=home, camera={"url": f"rtsp://203.0.113.1/{name}"})


class Claimer:
    """A process that claims beds; `held` is what it last said it holds."""

    def __init__(self, url, station, limit):
        command = [sys.executable, str(SCRIPT), url, station, str(limit), str(LEASE_SECONDS)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.held, self.was_cut_off = {}, False
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self):
        for line in self.process.stdout:
            said = json.loads(line)
            self.held = said["held"]
            self.was_cut_off = self.was_cut_off or "error" in said

    def end(self):
        self.process.kill()
        self.process.wait()
        self._thread.join()
        self.process.stdout.close()


@pytest.fixture
def claimers():
    started = []

    def start(*arguments):
        started.append(Claimer(*arguments))
        return started[-1]

    yield start
    for item in started:
        item.end()


@pytest.fixture
def table_of(redis_server):
    clients = []

    def make(station, server=redis_server):
        clients.append(connect_redis(server.settings()))
        return LeaseTable(clients[-1], Keys("nicu", station))

    yield make
    for client in clients:
        client.close()


def test_a_bed_is_claimed_once_refreshed_by_its_owner_alone_and_taken_over_when_it_falls_silent(table_of):
    a, b = table_of("a"), table_of("b")
    a.publish(bed("bed-1"))
    assert a.read().leases["bed-1"].owner is None
    assert a.take("bed-1", LEASE_SECONDS) == 1
    assert b.take("bed-1", LEASE_SECONDS) is None, "a fresh lease is nobody else's"
    time.sleep(0.3)
    assert a.refresh({"bed-1": 1}) == {}
    assert a.read().leases["bed-1"].age_seconds < 0.3, "refreshing makes the lease young"
    assert a.read().leases["bed-1"].epoch == 1, "and leaves the epoch alone"
    time.sleep(0.3)
    assert b.take("bed-1", 0.2) == 2, "taking over raises the epoch"
    assert a.refresh({"bed-1": 1})["bed-1"].owner == "b"
    assert b.refresh({"bed-1": 2}) == {}
    a.release("bed-1", 1)
    assert b.read().leases["bed-1"].owner == "b", "who lost a lease cannot give it away"
    b.release("bed-1", 2)
    assert a.take("bed-1", LEASE_SECONDS) == 3


def test_an_offered_bed_goes_to_that_station_without_waiting(table_of):
    a, b, c = table_of("a"), table_of("b"), table_of("c")
    a.publish(bed("bed-1", home="b"))
    a.take("bed-1", LEASE_SECONDS)
    a.offer("bed-1", "b")
    assert c.take("bed-1", LEASE_SECONDS) is None
    assert b.take("bed-1", LEASE_SECONDS) == 2
    assert a.take("bed-1", LEASE_SECONDS) is None, "an offer counts once"


def test_an_epoch_that_was_given_twice_goes_to_the_greater_station(table_of, redis_server):
    a, b = table_of("a"), table_of("b")
    a.publish(bed("bed-1"))
    assert a.take("bed-1", LEASE_SECONDS) == 1
    # As after a failover that lost b's lease: both believe that they have the bed under epoch 1.
    assert b.refresh({"bed-1": 1}) == {}
    assert a.refresh({"bed-1": 1})["bed-1"].owner == "b"


def test_a_lost_table_is_written_again_by_who_watches_and_the_leases_with_it(table_of, redis_server):
    a = table_of("a")
    a.publish(bed("bed-1"))
    a.take("bed-1", LEASE_SECONDS)
    a.release("bed-1", 1)
    a.take("bed-1", LEASE_SECONDS)
    redis_server.client().flushall()
    assert a.refresh({"bed-1": 2})["bed-1"].owner is None
    assert a.read().version == 0
    assert a.publish(bed("bed-1"), only_new=True)
    assert not a.publish(bed("bed-1"), only_new=True)
    assert a.refresh({"bed-1": 2}) == {}
    assert (a.read().leases["bed-1"].owner, a.read().leases["bed-1"].epoch) == ("a", 2)


def test_the_alarm_state_of_an_earlier_owner_does_not_replace_a_later_one(table_of):
    a, b = table_of("a"), table_of("b")
    assert a.share("bed-1", 1, "first")
    assert b.share("bed-1", 2, "second")
    assert not a.share("bed-1", 1, "late")
    state = a.alarm_state("bed-1")
    assert (state.text, state.station, state.epoch) == ("second", "b", 2)
    assert 0.0 <= state.age_seconds < 5.0


def test_a_removed_bed_is_nobody_s(table_of):
    a = table_of("a")
    a.publish(bed("bed-1"))
    a.take("bed-1", LEASE_SECONDS)
    assert a.remove("bed-1")
    assert a.refresh({"bed-1": 1})["bed-1"].owner is None
    assert a.read().beds == {}
    assert a.read().version > 0, "which is not a lost table"
    assert not a.remove("bed-1")


def test_a_redis_without_scripts_and_a_newer_schema_are_told_in_one_sentence(table_of, redis_server):
    a = table_of("a")
    client = redis_server.client()
    a.publish(bed("bed-1"))
    client.acl_setuser("narrow", enabled=True, passwords=["+secret"], keys=["*"], commands=["+@all", "-eval"])
    narrow = LeaseTable(connect_redis(redis_server.settings(username="narrow", password="secret")), Keys("nicu", "n"))  # noqa: S106
    with pytest.raises(PublishError, match="may not run scripts"):
        narrow.take("bed-1", LEASE_SECONDS)
    narrow._client.close()
    client.hset("nicu:beds:meta", "schema", 99)
    with pytest.raises(PublishError, match="newer version"):
        a.read()


def held_by(*stations):
    return sorted(name for station in stations for name in station.held)


def test_three_processes_share_beds_and_take_over_from_one_that_is_killed_or_stopped(table_of, redis_server, claimers):
    table = table_of("publisher")
    names = [f"bed-{number}" for number in range(6)]
    for name in names:
        table.publish(bed(name))
    a, b, c = (claimers(redis_server.url, station, 3) for station in "abc")
    wait_until(lambda: held_by(a, b, c) == names, 20, "every bed has one station")
    victim = max((a, b, c), key=lambda item: len(item.held))
    others = [item for item in (a, b, c) if item is not victim]
    victim.process.send_signal(signal.SIGSTOP)
    seconds = wait_until(lambda: held_by(*others) == names, 10, "the stopped station's beds are taken over")
    assert seconds >= 0.5, "a lease is left alone while it is young"
    victim.process.send_signal(signal.SIGCONT)
    wait_until(lambda: victim.held == {}, 10, "the stopped station notices")
    assert held_by(*others) == names
    others[0].process.kill()
    wait_until(lambda: held_by(victim, others[1]) == names, 15, "the killed station's beds are taken over")
    epochs = {name: epoch for item in (victim, others[1]) for name, epoch in item.held.items()}
    assert {name: lease.epoch for name, lease in table.read().leases.items()} == epochs


def test_leases_outlive_a_failover(table_of, redis_server, claimers, tmp_path):
    directory = tmp_path / "replica"
    directory.mkdir()
    with RedisServer(directory, "--replicaof", "127.0.0.1", str(redis_server.port)) as replica:
        table = table_of("publisher")
        for number in range(4):
            table.publish(bed(f"bed-{number}"))
        a = claimers(redis_server.url, "a", 4)
        wait_until(lambda: len(a.held) == 4, 20, "the beds are claimed")
        before = table.read().leases
        copied = table_of("reader", replica)
        wait_until(lambda: [x.owner for x in copied.read().leases.values()] == ["a"] * 4, 30, "the replication")
        redis_server.kill()
        replica.client().replicaof("NO", "ONE")
        after = table_of("b", replica).read()
        assert {n: (x.owner, x.epoch) for n, x in after.leases.items()} == {
            n: (x.owner, x.epoch) for n, x in before.items()
        }
        assert max(lease.age_seconds for lease in after.leases.values()) < 5.0, "their age was replicated, too"
        assert table_of("b", replica).take("bed-0", 60.0) is None
        wait_until(lambda: a.was_cut_off, 10, "the station without its Redis")
        assert len(a.held) == 4, "it goes on holding its beds"
