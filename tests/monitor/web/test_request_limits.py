"""What a stranger sends to the page's port: endless, slow and half requests, beside which a probe is answered.

280 connections that sent a login's body a byte a second closed the page and /healthz; a body of 300 MB was taken into
memory.
"""

import contextlib
import socket
import time

import httpx
import pytest

from monitor.web import connections, request_limits

pytestmark = pytest.mark.e2e

_HEAD = "POST /login HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-www-form-urlencoded\r\n"


def _connect(server, text: str) -> socket.socket:
    host = server.url.removeprefix("http://")
    line = socket.create_connection(("127.0.0.1", server.port), 5)
    line.sendall(text.format(host=host).encode())
    return line


def _answer(line: socket.socket, seconds: float) -> bytes:
    line.settimeout(seconds)
    try:
        return line.recv(4096)
    except ConnectionResetError:
        return b""


@pytest.fixture
def server(make_server):
    page = make_server()
    page.start()
    for _ in range(600):
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(page.url + "/healthz", timeout=30, trust_env=False).status_code == 200:
                return page
        time.sleep(0.1)
    raise AssertionError("the page does not answer")


@pytest.mark.parametrize("length", ["Content-Length: 300000000", "Transfer-Encoding: chunked"])
def test_a_long_body_is_refused_before_it_is_read(server, length):
    with _connect(server, f"{_HEAD}{length}\r\n\r\n") as line:
        sent = 0
        with contextlib.suppress(OSError):
            for _ in range(100):
                line.sendall(b"10000\r\n" + b"a" * 65_536 + b"\r\n" if "chunked" in length else b"a" * 65_536)
                sent += 65_536
        # What the buffers of both ends take counts as sent.
        assert sent < 100 * 65_536 or _answer(line, 10.0).startswith(b"HTTP/1.1 413")
    assert httpx.get(server.url + "/healthz", timeout=30, trust_env=False).status_code == 200


def test_an_announced_long_body_is_413(server):
    with _connect(server, f"{_HEAD}Content-Length: {request_limits.LARGEST_BODY_BYTES + 1}\r\n\r\n") as line:
        assert _answer(line, 10.0).startswith(b"HTTP/1.1 413")


def test_a_body_of_the_largest_length_is_read(server):
    answer = httpx.post(
        server.url + "/login",
        content=b"name=" + b"a" * (request_limits.LARGEST_BODY_BYTES - 5),
        timeout=30,
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        trust_env=False,
    )
    assert answer.status_code == 422


def test_probes_are_answered_beside_more_slow_clients_than_there_is_room_for(server):
    slow = []
    try:
        for number in range(connections.CONNECTIONS_AT_MOST + 20):
            end = "Content-Length: 1000\r\n\r\nname=" if number % 2 else "X: "
            with contextlib.suppress(OSError):
                slow.append(_connect(server, _HEAD + end))
        for _ in range(3):
            assert httpx.get(server.url + "/healthz", timeout=30, trust_env=False).status_code == 200
            assert httpx.get(server.url + "/login", timeout=30, trust_env=False).status_code == 200
        # Who is still there at the end of the time is closed as well.
        for line in slow[-2:]:
            assert _answer(line, 60.0)[:12] in {b"", b"HTTP/1.1 408"}
    finally:
        for line in slow:
            line.close()


def test_a_second_head_that_does_not_come_to_its_end_is_closed(server):
    with _connect(server, "GET /healthz HTTP/1.1\r\nHost: {host}\r\n\r\n") as line:
        assert _answer(line, 10.0).startswith(b"HTTP/1.1 200")
        line.sendall(b"GET /healthz HTTP/1.1\r\n")
        line.settimeout(60.0)
        try:
            while line.recv(4096):
                continue
        except ConnectionResetError:
            return
