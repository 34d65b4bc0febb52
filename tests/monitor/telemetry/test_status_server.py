"""/metrics, /healthz and /readyz over a real socket."""

import http.client
import json
import socket
import time
from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry, Gauge

from monitor.errors import PublishError
from monitor.telemetry.status_server import Health, StatusServer


@pytest.fixture
def registry() -> CollectorRegistry:
    registry = CollectorRegistry()
    Gauge("a_gauge", "For the test.", registry=registry).set(7)
    return registry


@pytest.fixture
def server(registry) -> Iterator[StatusServer]:
    started = StatusServer(
        "127.0.0.1",
        0,
        registry,
        lambda: Health(ok=True, details={"late_loops": []}),
        lambda: Health(ok=False, details={"models": "not loaded"}),
    )
    started.start()
    yield started
    started.stop()


def get(server: StatusServer, path: str, method: str = "GET", **headers: str) -> tuple[int, str, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    result = answer.status, answer.headers["Content-Type"], answer.read()
    connection.close()
    return result


def test_metrics_in_the_format_that_is_asked_for(server) -> None:
    status, kind, body = get(server, "/metrics")
    assert (status, kind.startswith("text/plain"), b"a_gauge 7.0" in body) == (200, True, True)
    _, kind, body = get(server, "/metrics?x=1", Accept="application/openmetrics-text; version=1.0.0")
    assert kind.startswith("application/openmetrics-text")
    assert body.endswith(b"# EOF\n")


def test_health_and_readiness(server) -> None:
    status, kind, body = get(server, "/healthz")
    assert (status, kind, json.loads(body)) == (200, "application/json", {"status": "ok", "late_loops": []})
    status, _, body = get(server, "/readyz")
    assert (status, json.loads(body)) == (503, {"status": "failing", "models": "not loaded"})


def test_other_paths_and_methods(server) -> None:
    assert get(server, "/")[0] == 404
    assert get(server, "/metrics", "POST")[0] == 501
    status, _, body = get(server, "/healthz", "HEAD")
    assert (status, body) == (200, b"")


def test_a_taken_port_is_an_error_of_one_sentence(server, registry) -> None:
    with pytest.raises(PublishError, match=r"cannot serve HTTP on 127\.0\.0\.1:\d+ \(Address already in use\)"):
        StatusServer("127.0.0.1", server.port, registry, Health, Health)


def test_an_unknown_host_is_an_error_of_one_sentence(registry) -> None:
    with pytest.raises(PublishError, match=r"cannot serve HTTP on no-such-host\.invalid:0"):
        StatusServer("no-such-host.invalid", 0, registry, Health, Health)


def test_it_ends_at_once_though_a_client_keeps_a_connection_open(registry) -> None:
    server = StatusServer("127.0.0.1", 0, registry, lambda: Health(ok=True), lambda: Health(ok=True))
    server.start()
    with socket.create_connection(("127.0.0.1", server.port)) as idle:
        idle.send(b"GET /metr")
        began = time.monotonic()
        server.stop()
        server.stop()
        assert time.monotonic() - began < 2
    StatusServer("127.0.0.1", server.port, registry, lambda: Health(ok=True), lambda: Health(ok=True)).stop()


def test_a_client_that_says_nothing_does_not_hold_up_others(server) -> None:
    with socket.create_connection(("127.0.0.1", server.port)):
        assert get(server, "/healthz")[0] == 200


def test_a_check_that_fails_by_itself_is_an_answer_too(registry) -> None:
    def broken() -> Health:
        raise RuntimeError("a mistake in a check")

    server = StatusServer("127.0.0.1", 0, registry, broken, broken)
    server.start()
    assert get(server, "/healthz")[0] == 503
    server.stop()
