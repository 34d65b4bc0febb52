"""Cameras are found by real multicast on the loopback interface."""

import json

import pytest
from click.testing import CliRunner
from onvif_camera import SoapCamera, Stream

from monitor.cameras.discovery import find_cameras
from monitor.cameras.wording import printable
from monitor.commands.cameras import command
from monitor.errors import VideoError

LOOPBACK = ("127.0.0.1",)


def find_until(wanted):
    """Ask until these cameras have answered: a busy machine loses datagrams. Other tests' cameras answer as well."""
    endpoints = {camera.endpoint for camera in wanted}
    for _ in range(20):
        found = [camera for camera in find_cameras(0.5, LOOPBACK) if camera.endpoint in endpoints]
        if len(found) == len(wanted):
            return found
    raise AssertionError("no camera answered")


def test_cameras_are_found_by_a_usable_address_with_what_they_are_called():
    with (
        SoapCamera([Stream("main")], name="Cot%201", discoverable=True) as one,
        SoapCamera([Stream("main")], name="%1B%5B31mred", discoverable=True) as other,
        SoapCamera([Stream("main")], manners="bomb", discoverable=True),
    ):
        found = {camera.endpoint: camera for camera in find_until([one, other])}
    first = found[one.endpoint]
    # It says a link-local address first, which other machines cannot reach.
    assert (first.address, first.host) == (one.address, "127.0.0.1")
    assert (first.name, first.hardware) == ("Cot 1", "NICU-1")
    assert found[other.endpoint].name == printable("\x1b[31mred") == "[31mred"


def test_the_command_prints_what_profiles_takes():
    with SoapCamera([Stream("main")], discoverable=True) as camera:
        find_until([camera])
        for _ in range(20):
            done = CliRunner().invoke(
                command, ["find", "--seconds", "0.5", "--interface", "127.0.0.1", "--json"], standalone_mode=False
            )
            rows = [row for row in json.loads(done.stdout) if row["endpoint"] == camera.endpoint]
            if rows:
                break
    assert rows[0]["address"] == camera.address


def test_nobody_answers_and_the_command_says_why_that_may_be():
    # Nobody listens on this own address of the loopback network.
    done = CliRunner().invoke(command, ["find", "--seconds", "0.1", "--interface", "127.0.0.77"], standalone_mode=False)
    assert done.return_value == 1
    assert done.stdout == ""
    assert "multicast" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("interface", ["eth0", "192.0.2.77", "::1"])
def test_an_address_of_another_machine_is_refused_and_not_taken_for_a_silent_network(interface):
    with pytest.raises(VideoError, match="is no IPv4 address of this machine"):
        find_cameras(0.1, (interface,))
