"""What GStreamer's RTSP client leaves undone: keep-alives while pictures flow over TCP, and connections' ends.

rtspsrc 1.22 sends a keep-alive over TCP only when nothing was received, so a camera that wants one closes the session
every minute. And a host that sends its answer a byte at a time holds rtspsrc's threads and descriptors without end.

Both need the connection, which rtspsrc does not give away. GLib reports every connection that a `GSocketClient` makes,
on the thread that makes it, and rtspsrc says on the same thread that it connects. The session's number comes with an
answer that only rtspsrc reads: until PLAY a relay stands between it and the camera; the connection is quiet then, and
from PLAY on rtspsrc has it for itself.
"""

import array
import fcntl
import functools
import hashlib
import os
import re
import select
import socket
import termios
import threading
import time
from collections.abc import Callable
from typing import Any

from monitor.video.address import SourceAddress
from monitor.video.gst import gi_module

__all__ = ["Handshake", "RtspSession"]

_LARGEST_HANDSHAKE_BYTES = 262_144
_DEFAULT_TIMEOUT_SECONDS = 60
"""RFC 2326, 12.37: the session's timeout where the server names none."""
_LONGEST_TIMEOUT_SECONDS = 600
_NUMBER = re.compile(r"^CSeq:[ \t]*(\d+)", re.IGNORECASE | re.MULTILINE)
_SESSION = re.compile(r"^Session:[ \t]*([^;\s]+)(?:.*?timeout[ \t]*=[ \t]*(\d{1,6}))?", re.IGNORECASE | re.MULTILINE)
_PUBLIC = re.compile(r"^Public:(.*)$", re.IGNORECASE | re.MULTILINE)
_DIGEST = re.compile(r"^WWW-Authenticate:[ \t]*Digest[ \t]+(.*)$", re.IGNORECASE | re.MULTILINE)
_FIELD = re.compile(r'(\w+)\s*=\s*(?:"([^"]*)"|([^\s,]+))')


class Handshake:
    """What a camera answered until it was asked to play.

    Args:
        answers: Everything it sent, headers and descriptions.
    """

    def __init__(self, answers: bytes) -> None:
        text = answers.decode("latin-1")
        sessions, offers = _SESSION.findall(text), _PUBLIC.findall(text)
        self.session: str | None = sessions[-1][0] if sessions else None
        # rtspsrc takes no answer whose number it has not used itself.
        self._number = (_NUMBER.findall(text) or ["1"])[-1]
        named = [int(seconds) for _, seconds in sessions if seconds]
        self.timeout_seconds = min(max(2, named[-1] if named else _DEFAULT_TIMEOUT_SECONDS), _LONGEST_TIMEOUT_SECONDS)
        self.method = "GET_PARAMETER" if any("GET_PARAMETER" in offer.upper() for offer in offers) else "OPTIONS"
        challenges = [{name.lower(): a or b for name, a, b in _FIELD.findall(rest)} for rest in _DIGEST.findall(text)]
        known = [found for found in challenges if found.get("algorithm", "MD5").upper() == "MD5" and "qop" not in found]
        self._challenge = known[-1] if known else None

    def keep_alive(self, address: SourceAddress) -> bytes:
        """Return the request that keeps the session.

        Args:
            address: Of the stream, with the login if there is one.
        """
        lines = [f"{self.method} {address.location} RTSP/1.0", f"CSeq: {self._number}", f"Session: {self.session}"]
        if self._challenge is not None and address.username is not None:
            realm, nonce = self._challenge.get("realm", ""), self._challenge.get("nonce", "")
            first = _md5(f"{address.username}:{realm}:{address.password or ''}")
            response = _md5(f"{first}:{nonce}:{_md5(f'{self.method}:{address.location}')}")
            lines.append(
                f'Authorization: Digest username="{address.username}", realm="{realm}", nonce="{nonce}", '
                f'uri="{address.location}", response="{response}"'
            )
        return "\r\n".join([*lines, "", ""]).encode()


class RtspSession:
    """One camera's connection: keeps its session alive and can end it at any moment.

    It holds nothing that leads back to the pipeline. `connecting` and `before_send` come from rtspsrc's thread, the
    rest from the camera's.

    Args:
        address: Of the stream.
        keeps_alive: Whether keep-alives are sent here: over TCP without TLS; elsewhere rtspsrc or nobody can.
        monotonic: Time, s.
    """

    def __init__(
        self, address: SourceAddress, *, keeps_alive: bool, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._address = address
        self._keeps_alive = keeps_alive
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._sockets: list[Any] = []
        self._relay: _Relay | None = None
        self._handshake: Handshake | None = None
        self._sent_seconds = 0.0
        self._is_closed = False

    def connecting(self) -> None:
        """Note that this thread makes the camera's next connection."""
        _connections().expect(self)

    def connected(self, connection: Any) -> None:  # noqa: ANN401 - a Gio.SocketConnection
        """Note a connection that was made."""
        with self._lock:
            self._sockets.append(connection.get_socket())
            self._handshake = None
            is_closed = self._is_closed
        if is_closed:
            self.close()

    def before_send(self, method: str) -> None:
        """Follow the handshake.

        Args:
            method: Of the request that is about to be sent, such as PLAY.
        """
        with self._lock:
            if not self._keeps_alive or self._is_closed or not self._sockets or self._handshake is not None:
                return
            if self._relay is None or self._relay.socket is not self._sockets[-1]:
                self._relay = _Relay(self._sockets[-1])
            if method == "PLAY":
                self._handshake = Handshake(self._relay.finish())
                self._sent_seconds = self._monotonic()

    def keep_alive(self) -> None:
        """Send a keep-alive where one is due: twice within the session's timeout."""
        with self._lock:
            handshake, now = self._handshake, self._monotonic()
            if handshake is None or handshake.session is None or self._is_closed:
                return
            if now - self._sent_seconds < handshake.timeout_seconds / 2:
                return
            self._sent_seconds = now
            request, target = handshake.keep_alive(self._address), self._sockets[-1]
            if target.is_closed():
                return
            # What rtspsrc sends at the same time are receiver reports of some bytes: neither is cut by the other,
            # unless the camera reads nothing any more. Then the session has no use either.
            with socket.socket(fileno=os.dup(target.get_fd())) as line:
                try:
                    line.send(request, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
                except OSError:
                    return

    def close(self) -> None:
        """End the connections, and those that rtspsrc still makes: no thread waits for the camera any more."""
        with self._lock:
            self._is_closed = True
            sockets, self._sockets = self._sockets, []
            relay, self._relay = self._relay, None
        if relay is not None:
            relay.close()
        for each in sockets:
            if not each.is_closed():
                with socket.socket(fileno=os.dup(each.get_fd())) as line:
                    _shut_down(line)

    def forget(self) -> None:
        """Note that the pipeline has stopped: its threads are gone."""
        _connections().forget(self)


class _Relay:
    """Stands between rtspsrc and the camera, and remembers what the camera says.

    Args:
        target: The connection's GSocket. Its descriptor's number stays; what it leads to changes.
    """

    def __init__(self, target: Any) -> None:  # noqa: ANN401 - a Gio.Socket
        self.socket = target
        self._descriptor: int = target.get_fd()
        self._camera = socket.socket(fileno=os.dup(self._descriptor))
        self._inner, outer = socket.socketpair()
        outer.settimeout(0)
        os.dup2(outer.fileno(), self._descriptor)
        outer.close()
        for each in (self._camera, self._inner):
            each.settimeout(0)
        self._lock = threading.Lock()
        self._answers = b""
        self._is_finished = False
        threading.Thread(target=self._run, name="rtsp-handshake", daemon=True).start()

    def finish(self) -> bytes:
        """Give the connection back to rtspsrc; return what the camera has said."""
        with self._lock:
            waiting = array.array("i", [0])
            fcntl.ioctl(self._descriptor, termios.FIONREAD, waiting)
            if waiting[0] == 0 and not self._is_finished:
                # From here on the relay's own end reads as closed, and its thread ends.
                self._is_finished = True
                os.dup2(self._camera.fileno(), self._descriptor)
            return self._answers

    def close(self) -> None:
        """End the connection to the camera, if it still goes through here; the thread ends with it."""
        with self._lock:
            if not self._is_finished:
                _shut_down(self._camera)

    def _run(self) -> None:
        with self._camera, self._inner:
            # Not select(), which takes no descriptor from 1024 on.
            either = select.poll()
            either.register(self._camera, select.POLLIN)
            either.register(self._inner, select.POLLIN)
            while self._pass_on():
                either.poll()
            with self._lock:
                if not self._is_finished:
                    self._is_finished = True
                    _shut_down(self._camera)

    def _pass_on(self) -> bool:
        """Pass on what has come; return whether more may come."""
        with self._lock:
            if self._is_finished:
                return False
            for source, sink in ((self._camera, self._inner), (self._inner, self._camera)):
                try:
                    data = source.recv(65_536)
                except BlockingIOError:
                    continue
                except OSError:
                    return False
                if source is self._camera and len(self._answers) < _LARGEST_HANDSHAKE_BYTES:
                    self._answers += data
                try:
                    # Of a handshake all fits in the buffers; a flood ends the connection.
                    if not data or sink.send(data, socket.MSG_NOSIGNAL) != len(data):
                        return False
                except OSError:
                    return False
            return True


class _Connections:
    """Which session the next connection of a thread belongs to: one for the process, as GLib's hook is."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._expected: dict[int, RtspSession] = {}

    def expect(self, session: RtspSession) -> None:
        with self._lock:
            self._expected[threading.get_ident()] = session

    def forget(self, session: RtspSession) -> None:
        with self._lock:
            self._expected = {thread: each for thread, each in self._expected.items() if each is not session}

    def made(self, connection: Any) -> None:  # noqa: ANN401 - a Gio.SocketConnection
        with self._lock:
            session = self._expected.get(threading.get_ident())
        if session is not None:
            session.connected(connection)


_hook_lock = threading.Lock()


def _connections() -> _Connections:
    with _hook_lock:  # two cameras that start at once share one hook
        return _hooked_connections()


@functools.cache
def _hooked_connections() -> _Connections:
    gio, gobject = gi_module("Gio", "2.0"), gi_module("GObject", "2.0")
    connections = _Connections()
    gio.SocketClient.new()  # the signal exists with the first instance

    def on_event(_client: Any, event: Any, _address: Any, connection: Any) -> bool:  # noqa: ANN401 - from gi
        if event == gio.SocketClientEvent.CONNECTED and connection is not None:
            connections.made(connection)
        return True

    gobject.add_emission_hook(gio.SocketClient, "event", on_event)
    return connections


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _shut_down(line: socket.socket) -> None:
    try:
        line.shutdown(socket.SHUT_RDWR)
    except OSError:
        return
