"""Every kind of address against a real server, and no credential in any message."""

import hashlib
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from alerts import make_draft
from ports import free_port
from pydantic import SecretStr
from redis_server import RedisServer, wait_until
from tcp_link import TcpLink

from monitor.config import RedisSettings
from monitor.delivery.alert_stream import AlertStream
from monitor.delivery.keys import id_after, id_before
from monitor.delivery.redis_client import connect_redis, redis_address
from monitor.delivery.redis_errors import describe_failure
from monitor.delivery.redis_session import SessionEvents
from monitor.errors import ConfigError

WORD = "correct horse"


def settings(url: str, **values: object) -> RedisSettings:
    return RedisSettings.model_validate({"url": url, "timeout_seconds": 1.0, **values})


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate authority of its own, and a certificate for 127.0.0.1 signed by it."""
    directory = tmp_path_factory.mktemp("certificates")
    (directory / "extensions").write_text("subjectAltName=IP:127.0.0.1\n")
    for words in (
        "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.crt -days 2 -subj /CN=test-ca",
        "req -newkey rsa:2048 -nodes -keyout redis.key -out redis.csr -subj /CN=127.0.0.1",
        "x509 -req -in redis.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out redis.crt -days 2 -extfile extensions",
    ):
        subprocess.run(["openssl", *words.split()], cwd=directory, check=True, capture_output=True)
    return directory


@pytest.fixture
def protected_server(tmp_path: Path) -> Iterator[RedisServer]:
    directory = tmp_path / "protected"
    directory.mkdir()
    (directory / "users.acl").write_text(f"user default off\nuser monitor on #{_sha256(WORD)} ~nicu:* &nicu:* +@all\n")
    with RedisServer(directory, "--aclfile", str(directory / "users.acl")) as server:
        yield server


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_plain_and_unix_socket(redis_server: RedisServer) -> None:
    for url in (redis_server.url, f"unix://{redis_server.directory}/redis.sock?db=0"):
        client = connect_redis(settings(url))
        assert client.ping()
        client.close()


def test_user_and_password_from_a_file(protected_server: RedisServer, tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text(f"{WORD}\n")
    client = connect_redis(settings(protected_server.url, username="monitor", password_file=secret))
    assert client.set("nicu:key", "value")
    client.close()


def test_user_and_password_in_the_address_are_used_but_not_shown(protected_server: RedisServer) -> None:
    given = settings(protected_server.url.replace("redis://", "redis://monitor:correct%20horse@"))
    client = connect_redis(given)
    assert client.set("nicu:key", "value")
    client.close()
    assert redis_address(given) == protected_server.url


@pytest.mark.parametrize("url_user", ["", "monitor:wrong%20horse@"])
def test_a_refused_password_is_named_without_repeating_it(protected_server: RedisServer, url_user: str) -> None:
    given = settings(protected_server.url.replace("redis://", f"redis://{url_user}"))
    client = connect_redis(given)
    with pytest.raises(redis.RedisError) as caught:
        client.set("nicu:key", "value")
    client.close()
    text = describe_failure(caught.value, redis_address(given))
    assert "refuses the user or password" in text
    assert "wrong" not in text


def test_tls_with_a_client_certificate(tmp_path: Path, certificates: Path) -> None:
    port = free_port()
    files = ("--tls-cert-file", "redis.crt", "--tls-key-file", "redis.key", "--tls-ca-cert-file", "ca.crt")
    options = [str(certificates / item) if "." in item and not item.startswith("--") else item for item in files]
    with RedisServer(tmp_path, "--tls-port", str(port), *options):
        trusted = {
            "tls_ca_file": certificates / "ca.crt",
            "tls_cert_file": certificates / "redis.crt",
            "tls_key_file": certificates / "redis.key",
        }
        client = connect_redis(settings(f"rediss://127.0.0.1:{port}/0", **trusted))
        assert client.ping()
        client.close()
        stranger = connect_redis(settings(f"rediss://127.0.0.1:{port}/0"))
        with pytest.raises(redis.ConnectionError):
            stranger.ping()
        stranger.close()
        for scheme, host, words in (
            ("redis", "127.0.0.1", "write rediss://"),
            ("rediss", "localhost", "has a TLS certificate for another name"),
        ):
            odd = settings(f"{scheme}://{host}:{port}/0", **trusted)
            client = connect_redis(odd)
            with pytest.raises(redis.ConnectionError) as raised:
                client.ping()
            client.close()
            assert words in describe_failure(raised.value, redis_address(odd))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"tls_ca_file": "redis.key"}, "redis.tls_ca_file: .*redis.key holds no certificate in PEM form"),
        ({"tls_cert_file": "redis.crt"}, "redis.tls_cert_file: .*redis.crt and the key in it are no certificate"),
        ({"tls_cert_file": "redis.crt", "tls_key_file": "ca.key"}, "redis.crt and .*ca.key are no certificate"),
    ],
)
def test_files_for_tls_that_are_none_are_named(certificates: Path, changes: dict[str, str], words: str) -> None:
    files = {field: certificates / name for field, name in changes.items()}
    with pytest.raises(ConfigError, match=words):
        connect_redis(settings("rediss://127.0.0.1:1/0", **files))


def test_an_ordinary_server_is_no_sentinel(redis_server: RedisServer) -> None:
    odd = settings(f"redis+sentinel://127.0.0.1:{redis_server.port}/ward/0")
    client = connect_redis(odd)
    with pytest.raises(redis.RedisError) as raised:
        client.ping()
    client.close()
    assert "is no Sentinel" in describe_failure(raised.value, redis_address(odd))


def test_sentinel_leads_to_the_primary_and_follows_a_failover(tmp_path: Path, make_publisher) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with (
        RedisServer(tmp_path / "a") as first,
        RedisServer(tmp_path / "b", "--replicaof", "127.0.0.1", str(first.port)) as second,
    ):
        port = free_port()
        (tmp_path / "sentinel.conf").write_text(
            f"port {port}\nsentinel monitor ward 127.0.0.1 {first.port} 1\n"
            "sentinel down-after-milliseconds ward 500\nsentinel failover-timeout ward 2000\n"
        )
        sentinel = subprocess.Popen(
            ["redis-server", str(tmp_path / "sentinel.conf"), "--sentinel", "--dir", str(tmp_path)],
            stdout=subprocess.DEVNULL,
        )
        try:
            watcher = redis.Redis(port=port, decode_responses=True)
            wait_until(lambda: _replicas(watcher) == 1, 20, "the sentinel's knowledge of the replica")
            watcher.close()
            publisher = make_publisher(settings(f"redis+sentinel://127.0.0.1:{port}/ward/0"))
            publisher.submit([make_draft("before")])
            wait_until(lambda: first.client().xlen("nicu:alerts"), 5)
            first.kill()
            publisher.submit([make_draft("after")])
            wait_until(lambda: second.client().xlen("nicu:alerts") == 2, 30, "the failover")
            ids = [fields["alert_id"] for _, fields in second.client().xrange("nicu:alerts")]
            assert ids == ["before", "after"]
        finally:
            sentinel.terminate()
            sentinel.wait(10)


def _replicas(watcher: redis.Redis) -> int:
    try:
        return int(watcher.sentinel_master("ward")["num-slaves"])
    except redis.RedisError:
        return 0


def test_a_cluster_takes_alerts_state_heartbeat_and_commands(tmp_path: Path, make_publisher) -> None:
    (tmp_path / "node").mkdir()
    with RedisServer(tmp_path / "node", "--cluster-enabled", "yes", "--cluster-port", str(free_port())) as node:
        client = node.client()
        client.execute_command("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
        wait_until(lambda: "cluster_state:ok" in client.execute_command("CLUSTER", "INFO"), 10)
        accepted: list[object] = []
        publisher = make_publisher(
            settings(f"redis+cluster://127.0.0.1:{node.port}"), events=SessionEvents(), handle=accepted.append
        )
        listener = client.pubsub(ignore_subscribe_messages=True)
        listener.subscribe("nicu:alerts:bed-1")
        client.xadd("nicu:commands:station-1", {"action": "acknowledge", "alert_id": "alert-1", "by": "nurse-7"})
        publisher.submit([make_draft("alert-1"), make_draft("alert-2")])
        publisher.update_state("bed-1", {"level": 0.5})
        publisher.update_state("bed-2", {"level": 0.7})
        wait_until(lambda: client.xlen("nicu:alerts") == 2, 5)
        wait_until(lambda: accepted, 5)
        wait_until(lambda: client.hget("nicu:state:bed-2", "level") == "0.7", 5)
        wait_until(lambda: client.exists("nicu:heartbeat:station-1"), 5)
        wait_until(lambda: listener.get_message(timeout=0.1), 5, "the doorbell")
        listener.close()
        assert publisher.stats().redis_failure is None


def test_a_dead_server_costs_no_more_than_its_bound(redis_server: RedisServer) -> None:
    """redis-py's own defaults block such a call for about 4 s."""
    client = connect_redis(redis_server.settings())
    client.ping()
    redis_server.hang()
    began = time.monotonic()
    with pytest.raises(redis.TimeoutError):
        client.ping()
    assert time.monotonic() - began < 3.0
    redis_server.resume()
    client.close()


def test_idempotent_producers_are_used_only_where_the_server_knows_them(redis_server: RedisServer) -> None:
    client = connect_redis(redis_server.settings())
    version = tuple(int(part) for part in client.info("server")["redis_version"].split(".")[:2])
    assert AlertStream(client, "nicu:alerts", 1000).idempotent == (version >= (8, 6))
    client.close()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://127.0.0.1", "must begin with one of redis://"),
        ("redis://", "needs a host"),
        ("redis://127.0.0.1:port", "needs a host and a port"),
        ("redis://127.0.0.1/name", "number of a database"),
        ("redis://one,two/0", "several hosts"),
        ("redis+sentinel://127.0.0.1", "names no Sentinel service"),
        ("unix://", "names no socket"),
        ("redis://[::1", "needs a host"),
    ],
)
def test_a_wrong_address_is_explained_without_repeating_credentials(url: str, message: str) -> None:
    # What the configuration cannot see is refused where the connection is made.
    with pytest.raises((ConfigError, ValueError), match=message) as caught:
        connect_redis(RedisSettings(url=SecretStr(url.replace("://", "://user:hidden@"))))
    assert "hidden" not in str(caught.value)


def test_missing_files_are_named(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.touch()
    for values in ({"password_file": tmp_path / "none"}, {"password_file": empty}):
        with pytest.raises(ConfigError, match=r"redis\.password_file"):
            connect_redis(settings("redis://127.0.0.1", **values))
    with pytest.raises(ConfigError, match=r"redis\.tls_ca_file"):
        connect_redis(settings("rediss://127.0.0.1", tls_ca_file=tmp_path / "none"))


def test_no_message_of_a_publisher_holds_a_credential(redis_server, make_publisher, caplog) -> None:
    with TcpLink(redis_server.port) as link:
        publisher = make_publisher(settings(f"redis://monitor:hidden-word@127.0.0.1:{link.port}/0"))
        wait_until(lambda: publisher.stats().redis_failure, 5)
        assert "refuses the user or password" in publisher.stats().redis_failure
        link.refuse = True
        link.cut()
        wait_until(lambda: "cannot be reached" in publisher.stats().redis_failure, 5)
    publisher.stop()
    assert "hidden-word" not in caplog.text + repr(publisher.stats())


@pytest.mark.parametrize(
    ("error", "url", "words"),
    [
        (redis.ResponseError("DENIED Redis is running in protected mode"), "redis://a:1", "protected mode"),
        (redis.ConnectionError("max number of clients reached"), "redis://a:1", "maxclients"),
        (redis.InvalidResponse("Protocol Error: b'HTTP/1.1 400'"), "redis://a:1", "not as a Redis does"),
        (redis.ConnectionError("Connection closed by server."), "redis://a:1", "write rediss://"),
        (redis.TimeoutError("Timeout reading"), "rediss://a:1", "write redis://"),
        (redis.ConnectionError("[SSL: WRONG_VERSION_NUMBER]"), "rediss://a:1", "does not speak TLS"),
        (redis.ConnectionError("CERTIFICATE_VERIFY_FAILED"), "rediss://a:1", "tls_ca_file"),
        (redis.ResponseError("DB index is out of range"), "redis://a:1", "no database of that number"),
        (redis.ResponseError("unknown command 'XADD'"), "redis://a:1", "Redis 6 or later"),
        (
            redis.AuthenticationError("AUTH called without any password configured"),
            "redis://a:1",
            "wants no",
        ),
    ],
)
def test_an_odd_answer_says_what_to_check(error: Exception, url: str, words: str) -> None:
    assert words in describe_failure(error, url)


@pytest.mark.parametrize(
    ("entry_id", "before", "after"),
    [
        ("5-3", "5-2", "5-4"),
        ("5-0", f"4-{2**64 - 1}", "5-1"),
        (f"5-{2**64 - 1}", f"5-{2**64 - 2}", "6-0"),
        ("0", "0-0", "0-1"),
    ],
)
def test_neighbours_of_an_id_for_servers_without_exclusive_ranges(entry_id: str, before: str, after: str) -> None:
    assert (id_before(entry_id), id_after(entry_id)) == (before, after)
