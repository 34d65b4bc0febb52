"""What systemd would receive, over a real socket."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.telemetry.sd_notify import ServiceNotifier


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(tmp_path / "notify"))
        receiver.settimeout(2)
        yield receiver


def test_messages(manager, tmp_path) -> None:
    notifier = ServiceNotifier({"NOTIFY_SOCKET": str(tmp_path / "notify")})
    assert notifier.present
    notifier.ready("watching\n2 beds")
    notifier.feed()
    notifier.status("one camera is lost")
    notifier.stopping()
    received = [manager.recv(1000) for _ in range(4)]
    assert received == [
        b"READY=1\nSTATUS=watching 2 beds",
        b"WATCHDOG=1",
        b"STATUS=one camera is lost",
        b"STOPPING=1",
    ]


def test_an_abstract_address() -> None:
    name = f"nicu-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(f"\0{name}")
        receiver.settimeout(2)
        ServiceNotifier({"NOTIFY_SOCKET": f"@{name}"}).feed()
        assert receiver.recv(100) == b"WATCHDOG=1"


def test_without_a_manager_nothing_happens(tmp_path) -> None:
    notifier = ServiceNotifier({})
    notifier.ready()
    assert not notifier.present
    ServiceNotifier({"NOTIFY_SOCKET": str(tmp_path / "gone")}).feed()
