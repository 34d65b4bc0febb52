import cv2
import numpy as np
import pytest
from frames import plays

from monitor.video.status import CameraState, DropCause


@pytest.fixture
def pictures(make_clip) -> list[bytes]:
    """Single JPEG pictures."""
    parts = make_clip("mjpeg", frames=20).read_bytes().split(b"\xff\xd8\xff")
    return [b"\xff\xd8\xff" + part for part in parts[1:]]


def test_mjpeg_over_http(make_camera, mjpeg_server, pictures, eventually):
    camera = make_camera(mjpeg_server(pictures).url, None)
    eventually(plays(camera, 30))
    status = camera.status()
    assert (status.codec, status.size_px, status.reconnects) == ("MJPEG", (320, 240), 0)


@pytest.mark.parametrize("scheme", ["basic", "digest"])
def test_password(make_camera, mjpeg_server, pictures, eventually, scheme):
    server = mjpeg_server(pictures, scheme=scheme)
    basic = {"allow_basic": True} if scheme == "basic" else {}
    wrong = make_camera(server.url, username="ward", password="wrong-horse", **basic)  # noqa: S106 - a test's own server
    right = make_camera(server.url, username="ward", password="right-horse", **basic)  # noqa: S106 - a test's own server
    eventually(plays(right, 3))
    eventually(lambda: wrong.status().last_error)
    assert wrong.status().last_error == f"{server.url} refused: check username and password_file"


def test_stream_that_is_cut_is_mended(make_camera, mjpeg_server, pictures, eventually):
    server = mjpeg_server(pictures)
    camera = make_camera(server.url)
    eventually(plays(camera, 3))
    server.cut()
    eventually(lambda: camera.status().reconnects >= 1, 3.0)
    eventually(plays(camera), 3.0)


def test_stream_that_hangs_is_missed(make_camera, mjpeg_server, pictures, eventually):
    server = mjpeg_server(pictures)
    camera = make_camera(server.url)
    eventually(plays(camera, 3))
    server.paused.set()
    eventually(lambda: camera.status().state is CameraState.LOST, 3.0)
    server.paused.clear()
    eventually(plays(camera), 3.0)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/missing", "was not found"),
        ("/page", "sends no MJPEG stream"),
    ],
)
def test_answers_that_are_no_stream_are_explained(make_camera, mjpeg_server, pictures, eventually, path, words):
    server = mjpeg_server(pictures)
    camera = make_camera(server.url.replace("/video.mjpg", path))
    eventually(lambda: camera.status().last_error)
    assert words in camera.status().last_error


def test_nobody_listens(make_camera, mjpeg_server, pictures, eventually):
    server = mjpeg_server(pictures)
    server.stop()
    camera = make_camera(server.url)
    eventually(lambda: camera.status().last_error)
    assert "cannot be reached" in camera.status().last_error


def _cut_off(picture: bytes) -> bytes:
    return picture[: len(picture) * 2 // 3]


def _second_header(picture: bytes) -> bytes:
    """Return it with what reads as a second frame header in its coded data."""
    at = len(picture) // 2
    return picture[:at] + b"\xff\xc0" + picture[at + 2 :]


@pytest.mark.parametrize("damage", [_cut_off, _second_header])
def test_damaged_pictures_are_dropped_and_the_camera_goes_on(make_camera, mjpeg_server, eventually, damage):
    noise = np.random.default_rng(0)
    whole = [
        cv2.imencode(".jpg", noise.integers(0, 256, (240, 320, 3)).astype(np.uint8))[1].tobytes() for _ in range(6)
    ]
    server = mjpeg_server([damage(each) if number % 3 == 1 else each for number, each in enumerate(whole)])
    camera = make_camera(server.url, None)
    eventually(plays(camera, 30))
    status = camera.status()
    assert status.drops[DropCause.CORRUPT] >= 10
    assert (status.reconnects, status.last_error) == (0, None)
