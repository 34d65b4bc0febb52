"""Sessions of RTSP cameras: kept alive while pictures flow over TCP, and ended where a host answers without end.

A camera that wanted an RTSP request a minute closed the session a minute after it began, again and again. A host that
sent its answer a byte at a time took three threads and four descriptors of the station with every attempt.
"""

import hashlib
import re
import resource
import string
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from odd_camera import OddCamera
from strict_rtsp import StrictRtsp

from monitor.backoff import Backoff
from monitor.config import CameraSettings
from monitor.video.address import resolve_address
from monitor.video.rtsp_feed import PaintedFeed
from monitor.video.rtsp_session import Handshake
from monitor.video.stall_watchdog import StallLimits
from monitor.video.status import CameraState

_SESSION_SECONDS = 2
_NAMES = st.text(string.ascii_letters + string.digits + "._-", min_size=1, max_size=30)


def _address(url: str = "rtsp://viewer:secret@192.0.2.7/bed"):
    return resolve_address(CameraSettings(url=url))


@given(session=_NAMES, number=st.integers(1, 9999), timeout=st.one_of(st.none(), st.integers(0, 99_999)))
def test_every_session_has_its_request_with_a_number_that_was_used(session, number, timeout):
    named = "" if timeout is None else f" ; timeout={timeout}"
    answers = f"RTSP/1.0 200 OK\r\nCSeq: {number}\r\nSession: {session}{named}\r\n\r\n".encode()
    handshake = Handshake(answers)
    request = handshake.keep_alive(_address()).decode()
    assert request.startswith("OPTIONS rtsp://192.0.2.7/bed RTSP/1.0\r\n")
    assert request.endswith("\r\n\r\n")
    assert f"\r\nCSeq: {number}\r\n" in request
    assert f"\r\nSession: {session}\r\n" in request
    assert handshake.timeout_seconds == min(max(2, 60 if timeout is None else timeout), 600)
    assert "secret" not in request


def test_get_parameter_is_used_where_it_is_offered_and_the_digest_is_answered():
    answers = (
        b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nPublic: OPTIONS, GET_PARAMETER, PLAY\r\n\r\n"
        b'RTSP/1.0 401 Unauthorized\r\nCSeq: 2\r\nWWW-Authenticate: Digest realm="ward", nonce="n1"\r\n\r\n'
        b"RTSP/1.0 200 OK\r\nCSeq: 4\r\nSession: 7\r\n\r\n"
    )
    request = Handshake(answers).keep_alive(_address()).decode()
    assert request.startswith("GET_PARAMETER ")

    def md5(text: str) -> str:
        return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

    wanted = md5(f"{md5('viewer:ward:secret')}:n1:{md5('GET_PARAMETER:rtsp://192.0.2.7/bed')}")
    assert re.search(r'response="(\w+)"', request)[1] == wanted
    assert "secret" not in request


@given(answers=st.binary(max_size=400))
def test_answers_of_any_kind_are_read(answers):
    assert 2 <= Handshake(answers).timeout_seconds <= 600


@pytest.fixture(params=[0, 1100])
def open_files(request):
    """Descriptors that the process has besides; select() takes none from 1024 on."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4096)), hard))
    with ExitStack() as files:
        for _ in range(request.param):
            files.enter_context(Path("/dev/null").open("rb"))
        yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.e2e
@pytest.mark.usefixtures("open_files")
def test_a_session_is_kept_alive_while_pictures_flow(make_camera, serve, noise, eventually):
    server = serve(PaintedFeed(noise(), (320, 240), 10.0))
    port = int(re.search(r":(\d+)/", server.url("/bed"))[1])
    with StrictRtsp(port, _SESSION_SECONDS) as strict:
        camera = make_camera(strict.url, 5.0)
        eventually(lambda: len(strict.methods) >= 9, 60.0)
        status = camera.status()
        camera.stop()
    assert status.state is CameraState.PLAYING
    assert status.reconnects == 0
    assert strict.methods[:4] == ["OPTIONS", "DESCRIBE", "SETUP", "PLAY"]
    assert set(strict.methods[4:9]) == {"GET_PARAMETER"}


@pytest.mark.e2e
def test_a_host_that_answers_without_end_takes_no_threads_and_descriptors(make_camera, eventually):
    def taken() -> tuple[int, ...]:
        return tuple(len(list(Path("/proc/self", kind).iterdir())) for kind in ("task", "fd"))

    with OddCamera("drips its answer") as host:
        limits = StallLimits(opening_seconds=0.5)
        camera = make_camera(host.url, 5.0, extra={"limits": limits, "backoff": Backoff(0.1, 0.2)})
        eventually(lambda: camera.status().reconnects >= 2, 60.0)
        threads, descriptors = taken()
        eventually(lambda: camera.status().reconnects >= 8, 60.0)
        # One attempt is under way at either time; six attempts took 18 threads and 24 descriptors.
        eventually(lambda: taken()[0] <= threads + 4 and taken()[1] <= descriptors + 6, 20.0)
        assert camera.status().abandoned == 0
        camera.stop()
