"""What may be tried on the page, and that a stored login goes to no other host than before."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.cameras.draft import CameraDraft, drafted_settings
from monitor.config import CameraSettings
from monitor.errors import RefusalCode, RefusedError

WORD = "hunter2"
STORED = CameraSettings(
    url=f"rtsp://monitor:{WORD}@192.0.2.10:554/main", allow_basic=True, latency_milliseconds=300, stall_seconds=3.0
)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "192.0.2.10",
        "file:///etc/passwd",
        "/var/lib/nicu/video.mp4",
        "v4l2:///dev/video0",
        "synthetic://calm",
        "gopher://192.0.2.10/x",
        f"rtsp://monitor:{WORD}@192.0.2.10/x@y",
        "rtsp://192.0.2.10:0/x",
        "rtsp://a,b/x",
        "rtsp:///x",
        f"monitor:{WORD}@192.0.2.10",
    ],
)
def test_what_the_configuration_refuses_and_what_is_no_camera_on_the_network_is_not_opened(address: str) -> None:
    with pytest.raises(RefusedError) as refused:
        drafted_settings(CameraDraft(address), STORED)
    assert refused.value.code is RefusalCode.CAMERA_WRONG
    assert WORD not in str(refused.value)


def test_the_same_camera_keeps_its_login_and_everything_that_is_not_asked_for() -> None:
    settings, keeps = drafted_settings(CameraDraft(" rtsp://192.0.2.10:554/sub ", transport="udp"), STORED)
    assert keeps
    assert settings == STORED.model_copy(update={"url": "rtsp://192.0.2.10:554/sub", "transport": "udp"})
    same_user, keeps = drafted_settings(CameraDraft("rtsp://192.0.2.10:554/sub", "monitor"), STORED)
    assert keeps
    assert same_user.password == STORED.password


@pytest.mark.parametrize(
    ("address", "username"),
    [
        ("rtsp://192.0.2.10/main", None),  # another port, as far as anybody can know
        ("rtsps://192.0.2.10:554/main", None),
        ("http://192.0.2.10:554/main", None),
        ("rtsp://192.0.2.11:554/main", None),
        ("rtsp://192.0.2.10.example:554/main", None),
        ("rtsp://192.0.2.10:554/main", "another"),
        ("rtsp://another@192.0.2.10:554/main", None),
    ],
)
def test_a_stored_login_goes_to_no_other_camera_and_in_no_other_name(address: str, username: str | None) -> None:
    settings, keeps = drafted_settings(CameraDraft(address, username), STORED)
    assert not keeps
    assert settings.password is None
    assert settings.password_file is None
    if "192.0.2.10:554" not in address or not address.startswith("rtsp:"):
        assert settings.allow_basic is False


@given(host=st.from_regex(r"[a-z0-9]([a-z0-9.-]{0,20}[a-z0-9])?", fullmatch=True), port=st.integers(1, 65535))
def test_no_address_gets_the_stored_password_but_the_stored_one(host: str, port: int) -> None:
    settings, keeps = drafted_settings(CameraDraft(f"rtsp://{host}:{port}/x"), STORED)
    assert keeps is (settings.password is not None) is ((host, port) == ("192.0.2.10", 554))


def test_a_login_in_the_address_is_taken_out_of_it_and_one_in_two_ways_is_refused() -> None:
    settings, keeps = drafted_settings(CameraDraft(f"rtsp://other:{WORD}3@192.0.2.10:554/main"), STORED)
    assert not keeps
    assert (settings.url, settings.username) == ("rtsp://192.0.2.10:554/main", "other")
    assert settings.password is not None
    assert settings.password.get_secret_value() == f"{WORD}3"
    with pytest.raises(RefusedError, match="not both") as refused:
        drafted_settings(CameraDraft(f"rtsp://other:{WORD}@192.0.2.10/x", password=WORD), STORED)
    assert WORD not in str(refused.value)
    assert WORD not in repr(CameraDraft(f"rtsp://other:{WORD}@192.0.2.10/x", password=WORD))
