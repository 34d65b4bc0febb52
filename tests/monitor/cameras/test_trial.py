"""A camera is tried as the daemon would open it, and its profiles are weighed by the face in its picture."""

import json

import pytest
import yaml
from click.testing import CliRunner
from onvif_camera import SoapCamera, Stream
from ports import free_port

from monitor.commands.cameras import command
from monitor.config import CameraSettings
from monitor.synthetic import SyntheticBed
from monitor.video.rtsp_feed import PaintedFeed
from monitor.video.rtsp_server import Credentials, RtspServer

WORD = "hunter2"


@pytest.fixture(scope="module")
def stream():
    """A camera with a login that shows a synthetic infant, 15 pictures/s and a key frame every half second."""
    bed = SyntheticBed(3, "calm", width_px=640, height_px=360)
    feed = PaintedFeed(lambda seconds: bed.frame(seconds)[0], (640, 360), 15.0, key_frame_seconds=0.5)
    with RtspServer({"/sub": feed}, credentials=Credentials("monitor", WORD)) as server:
        yield server.url("/sub")


@pytest.fixture
def login(tmp_path):
    path = tmp_path / "password"
    path.write_text(WORD, encoding="utf-8")
    return ("--username", "monitor", "--password-file", str(path))


def run(*arguments):
    return CliRunner().invoke(command, [str(one) for one in arguments], standalone_mode=False)


def test_a_try_says_what_comes_and_prints_a_block_that_works(stream, login):
    done = run("try", stream, *login, "--seconds", 60)
    assert done.return_value == 0, done.output
    assert "H.264, 640 x 360" in done.output
    assert "key frames: every" in done.output
    assert "px wide, usable" in done.output
    assert WORD not in done.output
    block = yaml.safe_load(done.stdout[done.stdout.index("camera:") :])["camera"]
    settings = CameraSettings.model_validate(block)
    assert (settings.url, settings.username, str(settings.password_file)) == (stream, "monitor", login[3])


def test_profiles_measures_the_face_in_the_running_picture(stream, login):
    streams = [Stream("sub", (640, 360), rate=15, gop=8, url=stream)]
    with SoapCamera(streams, login=("monitor", WORD)) as camera:
        done = run("profiles", camera.host, *login, "--json", "--seconds", 60)
    assert done.return_value == 0, done.output
    found = json.loads(done.stdout)
    assert found["face"]["width_px"] == 640
    assert found["face"]["face_px"] > 40
    assert "the face" in found["proposal"]["reason"]


def test_a_try_of_nothing_says_why_and_exits_with_one():
    done = run("try", f"rtsp://monitor:{WORD}@127.0.0.1:{free_port()}/stream1", "--no-face")
    assert done.return_value == 1
    assert "cannot be reached" in done.output
    assert WORD not in done.output


def test_a_password_in_the_address_is_not_printed_again(stream):
    done = run("try", stream.replace("rtsp://", f"rtsp://monitor:{WORD}@"), "--no-face", "--seconds", 60, "--json")
    assert done.return_value == 0, done.output
    assert WORD not in done.output
    found = json.loads(done.stdout)
    assert found["camera"] == {"url": stream, "username": "monitor", "password_file": "secrets/camera"}
    assert found["size_px"] == [640, 360]


def test_an_address_that_is_none_is_one_sentence_without_its_password():
    done = run("try", f"gopher://monitor:{WORD}@host/x")
    assert done.exception is not None
    assert "unknown kind of address" in str(done.exception)
    assert WORD not in str(done.exception)
