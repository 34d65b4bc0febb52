"""What must not stop a fleet, and is said in one sentence: files, versions, servers and clocks that do not fit."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest
import redis
import yaml
from click.testing import CliRunner
from ports import free_port
from redis_server import RedisServer, wait_until
from wrong_clock import wrong_clock

from monitor.clock import SystemClock
from monitor.commands.beds import beds
from monitor.config import RedisSettings
from monitor.config.fleet import FleetBed
from monitor.delivery.keys import Keys
from monitor.delivery.redis_client import connect_redis, redis_address
from monitor.delivery.redis_errors import describe_failure
from monitor.errors import ConfigError, PublishError
from monitor.fleet.keeper import FleetKeeper
from monitor.fleet.lease_table import LeaseTable

SCRIPT = Path(__file__).resolve().parents[2] / "support" / "claiming_process.py"


def bed(name):
    return FleetBed(id=name, camera={"url": f"rtsp://203.0.113.1/{name}"})


@pytest.fixture
def table(redis_server):
    client = connect_redis(redis_server.settings())
    yield LeaseTable(client, Keys("nicu", "publisher"))
    client.close()


class Beds:
    """A station's beds, of which nothing is watched."""

    def __init__(self):
        self.opened = []

    def open(self, settings, _state):
        self.opened.append(settings.id)

    def close(self, bed, _successor):
        self.opened.remove(bed)
        return "{}"

    def leave(self, bed):
        self.opened.remove(bed)
        return "{}"

    def snapshot(self, _bed):
        return "{}"

    def has_alarm(self, _bed):
        return False

    def spoken_of(self):
        return ()

    def settle(self, states):
        pass


@pytest.fixture
def keeper_of(tmp_path):
    keepers = []

    def make(settings, station="a", handle=lambda _: None):
        watched = Beds()
        keeper = FleetKeeper(
            settings,
            station,
            2.0,
            SystemClock(),
            watched,
            limit=lambda: 8,
            cache=tmp_path / f"{station}.json",
            handle=handle,
        )
        keepers.append(keeper)
        keeper.start()
        return keeper, watched

    yield make
    for keeper in keepers:
        keeper.stop()


@pytest.fixture
def publish(redis_server, tmp_path):
    """Run `beds publish` with the text of a file."""
    config, file = tmp_path / "station.yaml", tmp_path / "beds.yaml"
    config.write_text(yaml.safe_dump({"station": {"id": "a"}, "fleet": {}, "redis": {"url": redis_server.url}}))

    def run(text, *options):
        file.write_text(text)
        return CliRunner().invoke(
            beds, ["publish", str(file), "--config", str(config), *options], standalone_mode=False
        )

    return run


def entries(*pairs, **more):
    listed = [{"id": name, "camera": {"url": f"rtsp://203.0.113.1/{path}"}, **more} for name, path in pairs]
    return yaml.safe_dump({"beds": listed})


def test_a_bed_whose_entry_cannot_be_read_is_listed_as_one_that_nobody_watches(table, publish, redis_server, tmp_path):
    def listed(*options):
        config = str(tmp_path / "station.yaml")
        return CliRunner().invoke(beds, ["list", "--config", config, *options], standalone_mode=False)

    assert (listed().return_value, listed().output) == (0, "no bed is shared\n")
    publish(entries(("bed-1", "1")))
    newer = '{"id": "bed-2", "newer": 1}'
    redis_server.client().hset("nicu:beds", "bed-2", newer)
    assert publish(entries(("bed-2", "2"))).return_value == 1
    assert redis_server.client().hget("nicu:beds", "bed-2") == newer, "it is replaced by --replace only"
    done = listed()
    assert done.return_value == 1
    assert "bed-2: NOBODY WATCHES IT (its entry cannot be read here, epoch 0)" in done.output
    assert [(row["bed"], row["readable"]) for row in json.loads(listed("--json").output)] == [
        ("bed-1", True),
        ("bed-2", False),
    ]


def test_a_bed_in_two_files_is_refused_and_nothing_is_written(table, publish):
    done = publish(entries(("bed-1", "north")))
    assert (done.return_value, done.output) == (0, "1 of 1 beds written\n")
    south = entries(("bed-1", "south"), ("bed-2", "2"))
    refused = publish(south)
    assert refused.return_value == 1
    assert "other settings: bed-1; nothing was written" in refused.output
    assert list(table.read().beds) == ["bed-1"]
    assert table.read().beds["bed-1"].camera["url"].endswith("north")
    assert publish(south, "--replace").return_value == 0
    assert table.read().beds["bed-1"].camera["url"].endswith("south")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (entries(("bed-1", "1")) + entries(("bed-2", "2")), "beds: given twice, first in line 1"),
        ("beds: [{id: bed-1, camera: {url: rtsp://h/1, url: rtsp://h/2}}]", "url: given twice"),
        ("beds: [{id: bed-1, camera: {url: rtsp://h/1}, region_of_interest: {left: 2}}]", "region_of_interest"),
    ],
    ids=["two lists", "two addresses", "no region"],
)
def test_a_file_that_would_lose_or_blind_a_bed_is_refused_and_nothing_is_written(table, publish, text, words):
    refused = publish(text)
    assert isinstance(refused.exception, ConfigError)
    assert words in str(refused.exception)
    assert table.read().beds == {}


def test_a_file_may_use_anchors_and_merges(table, publish):
    text = """
shared: &base {camera: &camera {url: rtsp://203.0.113.1/1}, region_of_interest: {right: 0.5}}
beds:
- {id: bed-1, <<: *base}
- {id: bed-2, <<: *base, region_of_interest: {left: 0.5}}
"""
    assert publish(text).return_value == 0
    assert sorted(table.read().beds) == ["bed-1", "bed-2"]


def test_one_camera_for_two_beds_is_refused_and_nothing_is_written(table, publish):
    refused = publish(entries(("bed-1", "1"), ("bed-2", "1")))
    assert "bed-1 and bed-2 have the same camera" in str(refused.exception)
    assert table.read().beds == {}
    publish(entries(("bed-1", "1")))
    # Another spelling of the camera of a bed that is in Redis; --replace changes nothing about it.
    for options in ([], ["--replace"]):
        refused = publish(entries(("bed-2", "1/"), region_of_interest={"left": 0.0}), *options)
        assert "bed-1 in Redis and bed-2 have the same camera" in str(refused.exception)
    assert list(table.read().beds) == ["bed-1"]
    # Its own part of the picture is another infant, and a camera may go from one bed to another.
    assert publish(entries(("bed-2", "1"), region_of_interest={"left": 0.5})).return_value == 0
    assert publish(entries(("bed-1", "9"), ("bed-3", "1")), "--replace").return_value == 0


def test_a_bed_of_a_newer_version_is_left_to_newer_stations_and_not_forgotten(redis_server, table, keeper_of):
    table.publish(bed("known"))
    table.publish(bed("newer"))
    redis_server.client().hset("nicu:beds", "newer", '{"id":"newer","camera":{"url":"rtsp://x/1"},"hologram":true}')
    keeper, watched = keeper_of(redis_server.settings())
    wait_until(lambda: watched.opened == ["known"], 10, "the bed that it understands")
    wait_until(lambda: keeper.status.unwatched == ("newer",), 15, "the bed that nobody watches")
    assert keeper.status.failure == "bed newer in Redis cannot be read here; publish it again, or update this station"
    # A station that understands it takes it: then it is watched.
    client = connect_redis(redis_server.settings())
    newer = LeaseTable(client, Keys("nicu", "b"))
    epoch = newer.take("newer", 2.0)
    wait_until(lambda: not newer.refresh({"newer": epoch}) and keeper.status.unwatched == (), 10, "it is watched")
    client.close()


@pytest.mark.parametrize("schema", ["99", "nonsense", ""])
def test_an_older_station_claims_nothing_of_a_newer_table_and_keeps_what_it_has(redis_server, table, keeper_of, schema):
    table.publish(bed("bed-1"))
    keeper, watched = keeper_of(redis_server.settings())
    wait_until(lambda: watched.opened == ["bed-1"], 10, "the bed")
    redis_server.client().hset("nicu:beds:meta", "schema", schema)
    wait_until(lambda: "update this station" in (keeper.status.failure or ""), 10, "the sentence")
    table.publish(bed("bed-2"))
    time.sleep(2.5)
    assert watched.opened == ["bed-1"]


@pytest.mark.parametrize("number", ["many", "", "1.5", pytest.param("9" * 5000, id="long"), "nan"])
def test_a_station_whose_card_holds_no_number_counts_as_full_and_holds_nobody_up(
    redis_server, table, keeper_of, number
):
    redis_server.client().sadd("nicu:beds:stations", "odd")
    redis_server.client().hset("nicu:beds:station:odd", mapping={"limit": number, "held": number})
    table.publish(FleetBed(id="bed-1", camera={"url": "rtsp://203.0.113.1/1"}, home="odd"))
    keeper, watched = keeper_of(redis_server.settings())
    wait_until(lambda: watched.opened == ["bed-1"], 10, "the bed of the odd station's")
    assert keeper.status.failure is None


@pytest.mark.parametrize("version", ["newest", "", "-"])
def test_a_table_whose_version_is_no_number_is_followed_all_the_same(redis_server, table, keeper_of, version):
    table.publish(bed("bed-1"))
    keeper, watched = keeper_of(redis_server.settings())
    wait_until(lambda: watched.opened == ["bed-1"], 10, "the bed")
    redis_server.client().hset("nicu:beds:meta", "version", version)
    with suppress(redis.ResponseError):  # the version cannot be counted on
        table.publish(bed("bed-2"))
    wait_until(lambda: watched.opened == ["bed-1", "bed-2"], 10, "another bed")
    assert keeper.status.failure is None


def test_a_stored_alarm_state_whose_epoch_is_no_number_is_replaced(redis_server, table):
    redis_server.client().hset("nicu:beds:alarms:bed-1", mapping={"epoch": "newest", "state": "?", "station": "odd"})
    assert table.alarm_state("bed-1") is None
    assert table.share("bed-1", 3, "{}")
    assert table.alarm_state("bed-1").epoch == 3


def test_a_command_is_carried_out_once_where_the_connection_breaks_before_it_is_deleted(redis_server, table, keeper_of):
    client, accepted = redis_server.client(), []

    def handle(request):
        accepted.append(request.alert_id)
        if len(accepted) == 1:
            client.execute_command("CLIENT", "PAUSE", "1500", "WRITE")

    table.publish(bed("bed-1"))
    keeper, watched = keeper_of(redis_server.settings(timeout_seconds=0.3), handle=handle)
    wait_until(lambda: watched.opened == ["bed-1"], 10, "the bed")
    for number in (1, 2):
        command = {"action": "acknowledge", "alert_id": f"alert-{number}", "by": "nurse-7"}
        client.xadd("nicu:commands:bed:bed-1", command)
        wait_until(lambda number=number: accepted[-1:] == [f"alert-{number}"], 10, "the command")
        if number == 1:
            wait_until(lambda: keeper.status.failure is not None, 10, "the broken connection")
    wait_until(lambda: client.xlen("nicu:commands:bed:bed-1") == 0, 10, "no token stays behind")
    assert accepted == ["alert-1", "alert-2"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--rename-command", "EVAL", ""), "this Redis runs no scripts, which a fleet needs; enable EVAL"),
        ((), "this Redis user may not run scripts on the keys of the fleet; allow eval in its ACL rule"),
    ],
)
def test_a_redis_that_runs_no_scripts_is_named_and_what_is_watched_goes_on(tmp_path, keeper_of, options, words):
    directory = tmp_path / "server"
    directory.mkdir()
    with RedisServer(directory) as server:
        client = connect_redis(server.settings())
        LeaseTable(client, Keys("nicu", "publisher")).publish(bed("bed-1"))
        client.close()
        keeper, watched = keeper_of(server.settings())
        wait_until(lambda: watched.opened == ["bed-1"], 10, "the bed")
        if options:
            server.stop()
            server.options = options
            server.start()
        else:
            server.client().execute_command("ACL", "SETUSER", "default", "-eval")
        wait_until(lambda: keeper.status.failure == words, 15, "the sentence")
        assert watched.opened == ["bed-1"]


def test_a_redis_that_forbade_scripts_from_the_start_leaves_no_bed_unwatched_without_a_word(tmp_path, keeper_of):
    directory = tmp_path / "server"
    directory.mkdir()
    with RedisServer(directory) as server:
        client = connect_redis(server.settings())
        LeaseTable(client, Keys("nicu", "publisher")).publish(bed("bed-1"))
        client.close()
        server.client().execute_command("ACL", "SETUSER", "default", "-eval")
        keeper, watched = keeper_of(server.settings())
        wait_until(lambda: keeper.status.unwatched == ("bed-1",), 20, "the bed that nobody watches")
        wait_until(lambda: "allow eval in its ACL rule" in (keeper.status.failure or ""), 20, "the sentence")
        assert watched.opened == []


class LyingSentinel:
    """A real Sentinel, whose answers name another port than that of the primary."""

    def __init__(self, sentinel_port, true_port, false_port):
        assert len(str(true_port)) == len(str(false_port))
        self._sentinel_port = sentinel_port
        self._words = str(true_port).encode(), str(false_port).encode()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._clients = []
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._clients.append(client)
            with client, socket.create_connection(("127.0.0.1", self._sentinel_port)) as sentinel:
                sentinel.settimeout(0.2)
                while question := _received(client):
                    sentinel.sendall(question)
                    answer = b""
                    try:
                        while part := sentinel.recv(65_536):
                            answer += part
                    except TimeoutError:
                        client.sendall(answer.replace(*self._words))

    def close(self):
        for item in (self._listener, *self._clients):
            with suppress(OSError):
                item.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()


def _received(client):
    try:
        return client.recv(65_536)
    except OSError:
        return b""


def test_a_sentinel_that_names_a_replica_is_one_sentence(tmp_path, redis_server):
    directory = tmp_path / "replica"
    directory.mkdir()
    port, file = free_port(), tmp_path / "sentinel.conf"
    file.write_text(f"port {port}\nbind 127.0.0.1\nsentinel monitor ward 127.0.0.1 {redis_server.port} 1\n")
    with RedisServer(directory, "--replicaof", "127.0.0.1", str(redis_server.port)) as replica:
        sentinel = subprocess.Popen(["redis-server", str(file), "--sentinel"], stdout=subprocess.DEVNULL)
        try:

            def names_the_primary():
                client = redis.Redis(port=port, decode_responses=True)
                try:
                    return int(client.sentinel_master("ward")["port"]) == redis_server.port
                except redis.RedisError:
                    return False
                finally:
                    client.close()

            wait_until(names_the_primary, 20, "the Sentinel")
            liar = LyingSentinel(port, redis_server.port, replica.port)
            settings = RedisSettings(url=f"redis+sentinel://127.0.0.1:{liar.port}/ward/0", timeout_seconds=2.0)
            client = connect_redis(settings)
            table = LeaseTable(client, Keys("nicu", "a"))
            with pytest.raises(redis.RedisError) as caught:
                table.publish(bed("bed-1"))
            sentence = describe_failure(caught.value, redis_address(settings))
            assert "is what a Sentinel names as primary, and takes no changes" in sentence
            client.close()
            unknown = settings.model_copy(
                update={"url": type(settings.url)(f"redis+sentinel://127.0.0.1:{port}/other/0")}
            )
            nobody = connect_redis(unknown)
            with pytest.raises(redis.RedisError) as caught:
                nobody.ping()
            assert "named as primary by no Sentinel" in describe_failure(caught.value, redis_address(unknown))
            nobody.close()
            liar.close()
        finally:
            sentinel.kill()
            sentinel.wait()


def test_a_station_whose_clock_is_of_another_year_claims_and_keeps_its_beds(redis_server, table, tmp_path):
    table.publish(bed("bed-1"))
    command = [sys.executable, str(SCRIPT), redis_server.url, "a", "4", "2.0"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env={**os.environ, **wrong_clock("-400d")})
    try:
        wait_until(lambda: [x.owner for x in table.read().leases.values()] == ["a"], 20, "the claim")
        until = time.monotonic() + 4
        while time.monotonic() < until:
            assert table.take("bed-1", 2.0) is None, "its lease is as young as Redis says"
            time.sleep(0.1)
        assert table.read().leases["bed-1"].epoch == 1
    finally:
        process.kill()
        process.wait()


def test_a_cluster_of_redis_is_refused(monkeypatch):
    with pytest.raises(PublishError, match="one Redis, or Sentinel"):
        LeaseTable(redis.RedisCluster.__new__(redis.RedisCluster), Keys("nicu", "a"))


@pytest.mark.parametrize("password", ["${PW:-s3cret}", "s3cret", "a${PW}"])
def test_a_password_goes_into_redis_by_no_way(password):
    camera = {"url": "rtsp://203.0.113.1/1", "username": "nicu"}
    with pytest.raises(ValueError, match="does not belong into Redis"):
        FleetBed(id="bed-1", camera={**camera, "password": password})
    with pytest.raises(ValueError, match="does not belong into Redis"):
        FleetBed(id="bed-1", camera={"url": f"rtsp://nicu:{password}@203.0.113.1/1"})
    FleetBed(id="bed-1", camera={**camera, "password": "${PW}"})
    FleetBed(id="bed-1", camera={"url": "rtsp://nicu:${PW}@203.0.113.1/1"})
