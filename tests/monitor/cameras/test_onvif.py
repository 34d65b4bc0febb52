"""A camera's ONVIF services, asked over real HTTP: logins, clocks, profiles, settings, and cameras with bad manners."""

import dataclasses
import json
from datetime import timedelta

import click
import pytest
from click.testing import CliRunner
from onvif_camera import SoapCamera, Stream

from monitor.cameras.encoder import EncoderChange
from monitor.cameras.onvif import Login, OnvifCamera
from monitor.commands.cameras import command
from monitor.errors import VideoError

WORD = "s3cret & <more>"


def two_streams():
    return [
        Stream("main"),
        Stream("sub", (1280, 720), kbit=1024, url="rtsp://admin:s3cret@10.9.8.7:8554/sub"),
    ]


def login_of(camera):
    return Login(*camera.login)


def ask(camera, login=None, seconds=20.0):
    with OnvifCamera(camera.host, login or login_of(camera), timeout_seconds=seconds) as asked:
        return asked.profiles()


@pytest.fixture
def password_file(tmp_path):
    path = tmp_path / "password"
    path.write_text(WORD + "\n", encoding="utf-8")
    return path


def run(*arguments):
    return CliRunner().invoke(command, [str(one) for one in arguments], standalone_mode=False)


@pytest.mark.parametrize("media", [("ver10",), ("ver20",), ("ver10", "ver20")], ids=" and ".join)
def test_profiles_are_read_from_either_media_service(media):
    with SoapCamera([*two_streams(), Stream("sound", codec=None)], media=media) as camera:
        main, sub, sound = ask(camera)
    assert (main.codec, main.size_px, main.frames_per_second) == ("H.264", (1920, 1080), 25.0)
    assert (main.gop, main.kbit_per_second) == (50, 4096)
    assert (sound.encoder, sound.codec, sound.address, sound.is_usable) == (None, None, None, False)
    # Where it was reached, not what it says of itself; its own port; no login.
    assert sub.address == "rtsp://127.0.0.1:8554/sub"


def test_h265_is_shown_by_the_newer_service_alone():
    with SoapCamera([Stream("main", codec="H265")]) as camera:
        assert [profile.codec for profile in ask(camera)] == ["H.265"]
    with SoapCamera([Stream("main", codec="H265")], media=("ver10",)) as camera:
        assert [profile.is_usable for profile in ask(camera)] == [False]


@pytest.mark.parametrize("manners", ["good", "digest"])
def test_a_wrong_password_is_refused_in_a_sentence_without_it(manners):
    with SoapCamera(two_streams(), manners=manners) as camera:
        assert len(ask(camera)) == 2
        with pytest.raises(VideoError, match="refuses the login of admin") as refused:
            ask(camera, Login("admin", "hunter2"))
        assert "hunter2" not in str(refused.value)
        with pytest.raises(VideoError, match="wants a login"), OnvifCamera(camera.host):
            pass
        assert WORD not in "".join(camera.requests + camera.authorizations)


@pytest.mark.parametrize("hours", [-30.0, 5.0])
def test_a_camera_whose_clock_is_wrong_is_signed_with_its_own(hours):
    with SoapCamera(two_streams(), clock_error=timedelta(hours=hours)) as camera:
        assert len(ask(camera)) == 2
        assert "GetSystemDateAndTime" in camera.asked


def test_a_password_is_not_sent_in_clear_where_that_is_asked_for():
    with SoapCamera(two_streams(), manners="basic") as camera:
        with pytest.raises(VideoError, match="in clear gets it over https"):
            ask(camera)
        assert not [header for header in camera.authorizations if header.startswith("Basic")]


@pytest.mark.parametrize(
    ("manners", "sentence"),
    [
        ("no media", "without a media service"),
        ("bomb", "document type declaration"),
        ("bomb in utf-16", "not as an ONVIF camera"),
        ("web page", "not as an ONVIF camera"),
        ("garbage", "not as an ONVIF camera"),
        ("redirect", "redirects to another address"),
        ("silent", "does not answer within"),
        ("endless", "does not answer within"),
    ],
)
def test_bad_manners_end_in_one_sentence(manners, sentence):
    with SoapCamera(two_streams(), manners=manners) as camera:
        with pytest.raises(VideoError, match=sentence) as refused:
            ask(camera, seconds=0.4 if manners in {"silent", "endless"} else 20.0)
        assert "\n" not in str(refused.value)
        assert WORD not in str(refused.value)


@pytest.mark.parametrize(
    ("host", "sentence"),
    [
        ("rtsp://192.0.2.1/stream", "is a stream"),
        ("http://u:p@192.0.2.1", "without a login"),
        ("not a host", "cannot be used"),
        ("127.0.0.1:1", "cannot be reached"),
    ],
)
def test_a_host_that_cannot_be_asked_is_explained(host, sentence):
    with pytest.raises(VideoError, match=sentence), OnvifCamera(host, timeout_seconds=20.0):
        pass


def test_a_stream_address_that_holds_a_login_is_shortened_and_marked():
    with SoapCamera([Stream("a", url="rtsp://10.0.0.1/user=admin_password=s3cret_channel=1")]) as camera:
        [profile] = ask(camera)
    assert profile.is_shortened
    assert "s3cret" not in repr(profile)


@pytest.mark.parametrize("media", [("ver10",), ("ver20",)], ids=str)
def test_a_setting_changes_what_was_asked_for_and_nothing_else(media):
    """The camera compares what it is sent with what it gave, multicast and time-outs included, and refuses the rest."""
    with SoapCamera(two_streams(), media=media) as camera, OnvifCamera(camera.host, login_of(camera)) as asked:
        before = asked.profiles()
        limits = asked.limits(before[0])
        assert limits.sizes_px == ((640, 360), (1280, 720), (1920, 1080))
        change = EncoderChange(size_px=(1280, 720), frames_per_second=10, gop=10)
        after = asked.change(before[0], change)
        assert after == change.applied_to(before[0])
        assert asked.profiles() == [after, before[1]]


def test_set_says_what_it_changes_and_asks(password_file):
    login = ("--username", "admin", "--password-file", password_file)
    with SoapCamera(two_streams()) as camera:
        asked = ["set", camera.host, "main", *(str(one) for one in login), "--gop", "10"]
        refused = CliRunner().invoke(command, asked, input="n\n", standalone_mode=False)
        assert "pictures from one key frame to the next: 50 -> 10" in refused.output
        assert (camera.streams[0].gop, type(refused.exception)) == (50, click.Abort)
        assert "SetVideoEncoderConfiguration" not in camera.asked
        done = run("set", camera.host, "main", *login, "--gop", 10, "--frames-per-second", 10, "--yes")
        assert (done.return_value, done.output.splitlines()[-1]) == (0, "done")
        assert (camera.streams[0].gop, camera.streams[0].rate) == (10, 10)
        again = run("set", camera.host, "main", *login, "--gop", 10, "--yes")
        assert (again.return_value, "is set so already" in again.output) == (0, True)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("main", "--size", "1000x1000"), "its sizes are 640x360"),
        (("main", "--frames-per-second", 60), "it can do 5 to 25 pictures/s"),
        (("other", "--gop", 10), "it has main, sub"),
    ],
)
def test_what_the_encoder_cannot_do_is_refused_before_it_is_sent(password_file, arguments, sentence):
    with SoapCamera(two_streams()) as camera:
        done = run("set", camera.host, *arguments, "--username", "admin", "--password-file", password_file, "--yes")
        assert isinstance(done.exception, VideoError)
        assert sentence in str(done.exception)
        assert "SetVideoEncoderConfiguration" not in camera.asked


def test_a_camera_that_refuses_a_setting_is_quoted_without_password_and_control_characters():
    with SoapCamera(two_streams(), manners="stubborn") as camera, OnvifCamera(camera.host, login_of(camera)) as asked:
        with pytest.raises(VideoError, match="refuses") as refused:
            asked.change(asked.profiles()[0], EncoderChange(gop=10))
        assert str(refused.value).isprintable()
        assert WORD not in str(refused.value)


def test_profiles_prints_a_table_and_json_without_the_password(password_file):
    with SoapCamera(two_streams()) as camera:
        arguments = ("profiles", camera.host, "--username", "admin", "--password-file", password_file, "--no-picture")
        table, listed = run(*arguments), run(*arguments, "--json")
    assert "best here: sub; no face was seen, so the smallest picture of at least 1280 px" in table.output
    assert f"nicu-monitor cameras set {camera.host} sub --frames-per-second 10 --gop 10" in table.output
    found = json.loads(listed.stdout)
    assert [row["token"] for row in found["profiles"]] == ["main", "sub"]
    assert found["proposal"]["profile"] == "sub"
    assert "s3cret" not in table.output + listed.output


def test_a_login_never_shows_its_password():
    assert WORD not in repr(Login("admin", WORD))
    assert dataclasses.replace(Login("admin", WORD)) == Login("admin", WORD)
