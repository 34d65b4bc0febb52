"""Cameras whose answers break off, drip, refuse in their own words or name odd addresses, in one sentence."""

import contextlib
import socket
import threading
from datetime import timedelta

import pytest
from defusedxml.ElementTree import fromstring
from onvif_camera import SoapCamera, Stream

from monitor.cameras.onvif import Login, OnvifCamera
from monitor.errors import VideoError

FAILED_AUTHENTICATION = (
    '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:wsse="urn:wsse"><s:Body>'
    "<s:Fault><s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value>wsse:FailedAuthentication</s:Value></s:Subcode>"
    '</s:Code><s:Reason><s:Text xml:lang="en">The security token could not be authenticated or authorized</s:Text>'
    "</s:Reason></s:Fault></s:Body></s:Envelope>"
)


class Strict(SoapCamera):
    """Checks a token wherever there is one, as in the question for its time, which nobody needs one for."""

    def _on_get_system_date_and_time(self, http, call):
        request = self.requests[-1]
        if "UsernameToken" in request and not self._is_token(fromstring(request.encode())):
            self._fault(http, "ter:NotAuthorized", "Sender not Authorized")
        else:
            super()._on_get_system_date_and_time(http, call)


class Refusing(SoapCamera):
    """Refuses with an HTTP status and a text of its own."""

    refusal = (400, FAILED_AUTHENTICATION)

    def _fault(self, http, code, reason):
        if code == "ter:NotAuthorized":
            self._send(http, self.refusal[0], self.refusal[1].encode())
        else:
            super()._fault(http, code, reason)


class Forbidding(Refusing):
    refusal = (403, "")


class Cut(SoapCamera):
    """Breaks off in the middle of one kind of answer."""

    answer_to_cut = ""

    def _send(self, http, status, content, **headers):
        if self.answer_to_cut.encode() in content:
            content = content[: len(content) * 2 // 3]
        super()._send(http, status, content, **headers)


def ask(camera, password=None):
    login = Login(camera.login[0], password or camera.login[1])
    with OnvifCamera(camera.host, login, timeout_seconds=20.0) as asked:
        profiles = asked.profiles()
        return profiles, [asked.limits(profile) for profile in profiles]


@pytest.mark.parametrize("kind", [Strict, Refusing, Forbidding])
def test_a_camera_whose_clock_is_wrong_is_asked_for_it_however_it_refuses(kind):
    with kind([Stream("a")], clock_error=timedelta(hours=5)) as camera:
        profiles, _ = ask(camera)
    assert [profile.token for profile in profiles] == ["a"]


@pytest.mark.parametrize("kind", [Strict, Refusing, Forbidding])
def test_a_wrong_password_is_one_however_the_camera_refuses_it(kind):
    with kind([Stream("a")]) as camera, pytest.raises(VideoError, match="refuses the login of admin"):
        ask(camera, "another")


@pytest.mark.parametrize("media", [("ver10",), ("ver20",)], ids=str)
@pytest.mark.parametrize(
    "operation", ["GetServices", "GetProfiles", "GetStreamUri", "GetVideoEncoderConfigurationOptions"]
)
def test_an_answer_that_breaks_off_is_no_camera_without_profiles(operation, media):
    camera = Cut([Stream("a")], media=media)
    camera.answer_to_cut = operation + "Response"
    with camera, pytest.raises(VideoError, match="breaks off or is malformed"):
        ask(camera)


@pytest.mark.parametrize(
    "address", ["http://h/onvif/me\x7fdia", "http://h/" + "a" * 70_000, "/onvif/media"], ids=["control", "long", "bare"]
)
def test_a_service_s_address_that_cannot_be_used_is_one_sentence(address):
    class Odd(SoapCamera):
        def _reply(self, http, body):
            super()._reply(http, body.replace("http://10.9.8.7/onvif/ver10", address))

    with (
        Odd([Stream("a")], media=("ver10",)) as camera,
        pytest.raises(VideoError, match=r"that cannot be used|that no camera says"),
    ):
        ask(camera)


def test_a_header_that_never_ends_is_not_waited_for():
    server = socket.create_server(("127.0.0.1", 0))
    done = threading.Event()

    def drip():
        connection, _ = server.accept()
        with connection, contextlib.suppress(OSError):
            connection.recv(65_536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
            while not done.wait(0.02):
                connection.sendall(b"a")

    def listen():
        try:
            OnvifCamera(f"127.0.0.1:{server.getsockname()[1]}", Login("a", "b"), timeout_seconds=0.3)
        except VideoError as error:
            said.append(str(error))

    said: list[str] = []
    threads = [threading.Thread(target=work) for work in (drip, listen)]
    for thread in threads:
        thread.start()
    threads[1].join(20.0)
    is_waiting = threads[1].is_alive()
    done.set()
    for thread in threads:
        thread.join()
    server.close()
    assert not is_waiting
    assert "does not answer within" in said[0]
