"""A password does not cross the line in clear, and the sentence says which login a camera wants."""

import base64
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from monitor.config import CameraSettings
from monitor.video.address import resolve_address
from monitor.video.faults import SourceFaultError
from monitor.video.login_check import check_login

LOGIN = {"username": "viewer", "password": "geheim1x"}


@contextmanager
def host_that_answers(answer: str) -> Iterator[tuple[int, list[bytes]]]:
    """Answer every connection with the same head, and remember what came."""
    heard: list[bytes] = []
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                heard.append(connection.recv(4096))
                connection.sendall(answer.encode())

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield server.getsockname()[1], heard
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join(5)


def asked(scheme: str, challenges: list[str], *, status: str = "401 Unauthorized", allow_basic: bool = False) -> str:
    protocol = "RTSP/1.0" if scheme == "rtsp" else "HTTP/1.1"
    head = "".join(f"WWW-Authenticate: {challenge}\r\n" for challenge in challenges)
    with host_that_answers(f"{protocol} {status}\r\nCSeq: 1\r\n{head}\r\n") as (port, heard):
        address = resolve_address(CameraSettings(url=f"{scheme}://127.0.0.1:{port}/live", **LOGIN))
        try:
            check_login(address, allow_basic=allow_basic, timeout_seconds=5.0)
            sentence = ""
        except SourceFaultError as fault:
            sentence = str(fault)
    assert not any(b"geheim" in text or base64.b64encode(b"viewer:geheim1x") in text for text in heard)
    assert "geheim" not in sentence
    return sentence


@pytest.mark.parametrize("scheme", ["rtsp", "http"])
@pytest.mark.parametrize(
    ("challenges", "words"),
    [
        (['Digest realm="cam", nonce="1"'], ""),
        (['Digest realm="cam", nonce="1", algorithm=MD5'], ""),
        (['Basic realm="cam"', 'Digest realm="cam", nonce="1", qop="auth"'], ""),
        (['Digest algorithm=SHA-256, realm="c", nonce="1"', 'Digest algorithm="MD5", realm="c", nonce="1"'], ""),
        (['Digest realm="cam", nonce="1", algorithm=SHA-256'], "digest login with SHA-256"),
        (['Digest realm="cam", nonce="1", algorithm=SHA-512-256'], "digest login with SHA-512-256"),
        (['Digest realm="cam", nonce="1", algorithm=MD5-sess'], "digest login with MD5-SESS"),
        (['Basic realm="cam"'], "allow_basic: true"),
    ],
)
def test_which_login_is_given(scheme, challenges, words):
    sentence = asked(scheme, challenges)
    assert words in sentence
    assert bool(sentence) == bool(words)


def test_basic_may_be_allowed():
    assert asked("rtsp", ['Basic realm="cam"'], allow_basic=True) == ""


@pytest.mark.parametrize("scheme", ["rtsp", "http"])
def test_a_redirect_gets_no_login(scheme):
    assert "redirects to another address" in asked(scheme, [], status="302 Found\r\nLocation: http://127.0.0.1:1/x")


def test_a_camera_without_a_login_is_let_be():
    assert asked("rtsp", [], status="200 OK") == ""


def test_a_host_that_never_finishes_its_answer():
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = resolve_address(CameraSettings(url=f"rtsp://127.0.0.1:{server.getsockname()[1]}/live", **LOGIN))
        with pytest.raises(SourceFaultError, match=r"does not answer within 0\.3 s"):
            check_login(address, allow_basic=False, timeout_seconds=0.3)
