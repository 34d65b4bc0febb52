"""No part of a login in an address is ever shown, wherever it stands and however it is written."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from monitor.config import CameraSettings, RedisSettings
from monitor.config.addresses import split_address
from monitor.delivery.redis_client import connect_redis, redis_address
from monitor.errors import MonitorError
from monitor.logs import redact
from monitor.video.address import parse_address, resolve_address

# A password with this inside it can be searched for in everything shown.
MARK = "qZ7xqZ7x"
pieces = st.text(st.characters(min_codepoint=33, max_codepoint=0x17F, exclude_characters="${}"), max_size=6)
passwords = st.builds(lambda before, after: f"{before}{MARK}{after}", pieces, pieces)
hosts = st.sampled_from(["cam-1", "192.0.2.10", "192.0.2.10:554", "[2001:db8::1]:8554", "Cam.Ward.example:80"])
schemes = st.sampled_from(["rtsp", "rtsps", "http", "https", "RTSP", "Http"])
users = st.sampled_from(["viewer", "", "12", "cam:554", "a@b", "ward/1", "user name"])


@st.composite
def addresses(draw):
    """Addresses as people paste them: the password in any part, encoded or as it is."""
    secret = draw(passwords)
    raw = draw(st.booleans())
    written = secret if raw else quote(secret, safe="")
    user = draw(users) if raw else quote(draw(users), safe="")
    scheme, host = draw(schemes), draw(hosts)
    form = draw(
        st.sampled_from(
            [
                f"{scheme}://{user}:{written}@{host}/stream1",
                f"{scheme}://{user}:{written}@{host}",
                f"{scheme}://{written}@{host}/stream1",
                f"{scheme}://{host}/user={user}_password={written}_channel=1_stream=0.sdp?real_stream",
                f"{scheme}://{host}/user={user}&password={written}&channel=1",
                f"{scheme}://{host}/0/{user}:{written}/main",
                f"{scheme}://{host}/{user}/{written}/ch0",
                f"{scheme}://{host}/videostream.cgi?user={user}&pwd={written}",
                f"{scheme}://{host}/stream?{written}",
                f"{scheme}://{user}:{written}@{host}/{user}:{written}/main?pwd={written}",
                f"{user}:{written}@{host}/stream1",
                f"{scheme}:{user}:{written}@{host}/stream1",
                f"{scheme}:/{user}:{written}@{host}/stream1",
            ]
        )
    )
    return form, secret


def shown_of_a_camera(url: str) -> str:
    shown = []
    for read in (parse_address, lambda text: resolve_address(CameraSettings(url=text))):
        try:
            address = read(url)
        except (MonitorError, ValidationError) as error:
            shown.append(str(error))
        else:
            shown += [address.display, repr(address), redact(f"cannot reach {address.display}")]
    try:
        shown.append(repr(CameraSettings(url=url).password))
    except ValidationError as error:
        shown.append(repr(error.errors(include_input=False)))
    return "\n".join(shown)


@given(made=addresses())
def test_no_part_of_a_password_is_shown(made):
    url, _ = made
    # What has no scheme at all is a file's name to `parse_address`; a station refuses it before.
    if "://" in url:
        assert MARK not in shown_of_a_camera(url)
    else:
        with pytest.raises(ValidationError) as caught:
            CameraSettings(url=url)
        assert MARK not in str(caught.value)


@given(secret=passwords, user=st.sampled_from(["viewer", "a@b", "view er"]), host=hosts)
def test_an_encoded_password_arrives_as_it_was(secret, user, host):
    address = resolve_address(CameraSettings(url=f"rtsp://{quote(user, safe='')}:{quote(secret, safe='')}@{host}/x"))
    assert (address.username, address.password) == (user, secret)
    assert "@" not in address.location


@given(secret=passwords, user=users, path=st.sampled_from(["/0", "", "/ward/0"]), raw=st.booleans())
def test_no_part_of_a_redis_password_is_shown(secret, user, path, raw):
    written = secret if raw else quote(secret, safe="")
    for scheme in ("redis", "rediss", "REDIS", "redis+sentinel", "redis+cluster", "unix", ""):
        url = f"{scheme}://{user if raw else quote(user, safe='')}:{written}@127.0.0.1:1{path}"
        try:
            settings = RedisSettings.model_validate({"url": url})
            shown = redis_address(settings)
            if scheme == "redis" and not path.count("/ward"):
                connect_redis(settings).close()
        except (MonitorError, ValidationError) as error:
            shown = str(error)
        assert MARK not in shown


@pytest.mark.parametrize("character", ["#", "?", "/"])
@pytest.mark.parametrize("scheme", ["rtsp", "http", "redis"])
def test_a_raw_character_in_a_password_is_explained(scheme, character):
    for url in (f"{scheme}://viewer:geheim{character}1x@cam:554/0", f"{scheme}://viewer:12{character}geheim@cam/0"):
        with pytest.raises(ValueError, match="%23") as caught:
            split_address(url)
        assert "geheim" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "display"),
    [
        ("RTSP://cam/live", "rtsp://cam/live"),
        ("rtsp://cam:554/Streaming/Channels/101?transportmode=unicast", "rtsp://cam:554/Streaming/Channels/101"),
        ("rtsp://cam/cam/realmonitor?channel=1&subtype=0", "rtsp://cam/cam/realmonitor"),
        ("rtsp://cam/h264Preview_01_main", "rtsp://cam/h264Preview_01_main"),
        ("rtsp://cam/axis-media/media.amp", "rtsp://cam/axis-media/media.amp"),
        ("http://cam/video.mjpg", "http://cam/video.mjpg"),
        ("rtsp://cam/viewer:geheim/main", "rtsp://cam/***/main"),
        ("rtsp://[::1]:8554/bed-3", "rtsp://[::1]:8554/bed-3"),
        ("rtsp://cam/", "rtsp://cam/"),
        ("rtsp://cam", "rtsp://cam"),
        ("rtsp://gehe]im:[x]@cam/live", "rtsp://cam/live"),
    ],
)
def test_what_people_see_of_an_address(url, display):
    assert split_address(url).display == display


@pytest.mark.parametrize(
    "url",
    ["rtsp://cam:0/x", "rtsp://cam:65536/x", "rtsp://cam:x/x", "rtsp://ca m/x", "rtsp://a:b:c/x", "rtsp://[::1/x"],
)
def test_what_cannot_be_an_address(url):
    with pytest.raises(ValueError, match="address"):
        split_address(url)
