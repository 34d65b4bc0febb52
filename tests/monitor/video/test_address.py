from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.config import CameraSettings
from monitor.errors import VideoError
from monitor.video.address import SourceKind, parse_address, resolve_address

words = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=6, max_size=20)


@given(user=words, secret=words)
def test_credentials_leave_the_address(user, secret):
    text = f"rtsp://{quote(user, safe='')}:{quote(secret, safe='')}@10.0.0.7:8554/live?key={quote(secret, safe='')}"
    address = parse_address(text)
    assert (address.username, address.password) == (user, secret)
    assert address.display == "rtsp://10.0.0.7:8554/live"
    assert "@" not in address.location
    assert user == secret or repr(secret) not in repr(address)
    assert "key=" not in repr(address)


@pytest.mark.parametrize(
    ("url", "kind", "location"),
    [
        ("rtsps://cam/live?x=1", SourceKind.RTSP, "rtsps://cam/live?x=1"),
        ("RTSP://[::1]:554/a", SourceKind.RTSP, "rtsp://[::1]:554/a"),
        ("https://cam/video.mjpg", SourceKind.HTTP, "https://cam/video.mjpg"),
        ("file:///data/a%20b.mp4", SourceKind.FILE, "/data/a b.mp4"),
        ("/data/a b.mp4", SourceKind.FILE, "/data/a b.mp4"),
        ("v4l2:///dev/video0", SourceKind.V4L2, "/dev/video0"),
    ],
)
def test_kinds(url, kind, location):
    address = parse_address(url)
    assert (address.kind, address.location) == (kind, location)


def test_synthetic_address():
    request = parse_address("synthetic://pain?seed=7&fps=25&size=800x600").synthetic
    assert (request.scenario, request.seed, request.frames_per_second, request.size_px) == ("pain", 7, 25.0, (800, 600))


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ftp://cam/live", "use rtsp, rtsps, http, https, file, v4l2 or synthetic"),
        ("rtsp:///live", "names no host"),
        ("rtsp://u:topsecret@cam:port/live", "host or port"),
        ("v4l2://video0", "v4l2:///dev/video0"),
        ("", "is empty"),
        ("synthetic://", "names no scenario"),
        ("synthetic://pain?sed=1", "unknown parts sed"),
        ("synthetic://pain?size=big", "size like 640x480"),
        ("synthetic://pain?size=100000x100000", "both sides in"),
        ("synthetic://pain?fps=nan", "fps lie in"),
    ],
)
def test_mistakes_are_explained(url, words):
    with pytest.raises(VideoError) as caught:
        parse_address(url)
    assert words in str(caught.value)
    assert "topsecret" not in str(caught.value)


def test_credentials_of_the_settings(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("from-file\n", encoding="utf-8")
    settings = CameraSettings(url="rtsp://cam/live", username="ward", password_file=secret)
    address = resolve_address(settings)
    assert (address.username, address.password) == ("ward", "from-file")


def test_password_file_that_cannot_be_read(tmp_path):
    settings = CameraSettings(url="rtsp://cam/live", username="ward", password_file=tmp_path / "none")
    with pytest.raises(VideoError, match=r"password_file .*none of rtsp://cam/live cannot be read"):
        resolve_address(settings)
