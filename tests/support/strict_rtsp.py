"""A camera that closes a session without RTSP requests, whatever else is received: a link before a real server."""

import re
import socket
import threading
import time
from types import TracebackType
from typing import Self

_POLL_SECONDS = 0.05


class StrictRtsp:
    """Forwards one viewer after the other to an RTSP server, and closes sessions that are not kept alive.

    Attributes:
        methods: Of every request that a viewer sent, in order.

    Args:
        target_port: Of the server, on the loopback interface.
        timeout_seconds: Of a session: whole seconds, named in the answer to SETUP.
    """

    def __init__(self, target_port: int, timeout_seconds: int) -> None:
        self.methods: list[str] = []
        self._target_port = target_port
        self._timeout_seconds = timeout_seconds
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(_POLL_SECONDS)
        self.url = f"rtsp://127.0.0.1:{self._listener.getsockname()[1]}/bed"
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._accept, name="strict-rtsp")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._thread.join(5)
        self._listener.close()

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                near, _ = self._listener.accept()
            except TimeoutError:
                continue
            with near, socket.create_connection(("127.0.0.1", self._target_port)) as far:
                near.settimeout(0.01)
                far.settimeout(0.01)
                try:
                    self._serve(near, far)
                except OSError:
                    continue

    def _serve(self, near: socket.socket, far: socket.socket) -> None:
        asked, has_session, received = time.monotonic(), False, b""
        while not self._stopping.is_set():
            if has_session and time.monotonic() - asked > self._timeout_seconds:
                return
            data = _read(near)
            if data == b"":
                return
            if data is not None:
                received += data
                methods, received = _requests(received)
                if methods:
                    asked = time.monotonic()
                    self.methods += methods
                far.sendall(data)
            data = _read(far)
            if data == b"":
                return
            if data is not None:
                if not has_session and b"Session:" in data:
                    data = re.sub(rb"(Session: *[^;\r\n]+)[^\r\n]*", rb"\1;timeout=%d" % self._timeout_seconds, data)
                    has_session = True
                near.sendall(data)


def _read(source: socket.socket) -> bytes | None:
    """Return what has come, nothing at the end, and None where nothing has come yet."""
    try:
        return source.recv(65_536)
    except TimeoutError:
        return None


def _requests(received: bytes) -> tuple[list[str], bytes]:
    """Return the methods of whole requests, and what is left; interleaved packets (receiver reports) are none."""
    methods = []
    while received:
        if received[:1] == b"$":
            if len(received) < 4 or len(received) < (size := 4 + int.from_bytes(received[2:4], "big")):
                break
            received = received[size:]
            continue
        if b"\r\n\r\n" not in received:
            break
        request, received = received.split(b"\r\n\r\n", 1)
        methods.append(request.split(maxsplit=1)[0].decode())
    return methods, received
