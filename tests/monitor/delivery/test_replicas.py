"""Alerts count as delivered only where enough replicas hold them."""

from alerts import make_draft
from redis_server import RedisServer, wait_until


def test_the_spool_lets_go_of_an_alert_once_a_replica_holds_it(redis_server, make_publisher, tmp_path) -> None:
    publisher = make_publisher(redis_server.settings(replicas=1))
    publisher.submit([make_draft("alert-1")])
    client = redis_server.client()
    wait_until(lambda: client.xlen("nicu:alerts") == 1, 10, "the alert on the primary")
    wait_until(lambda: "0 of 1 replicas" in (publisher.stats().redis_failure or ""), 10, "the sentence")
    wait_until(lambda: publisher.stats().backlog_count == 1, 10, "the alert still waits")
    directory = tmp_path / "replica"
    directory.mkdir()
    redis_server.client().config_set("repl-diskless-sync-delay", 0)
    with RedisServer(directory, "--replicaof", "127.0.0.1", str(redis_server.port)):
        wait_until(lambda: publisher.stats().backlog_count == 0, 30, "the delivery")
        assert client.xlen("nicu:alerts") == 1, "said once, although it was offered again and again"
        publisher.submit([make_draft("alert-2")])
        wait_until(lambda: publisher.stats().published == 2, 10, "the next one")
        assert client.xlen("nicu:alerts") == 2
