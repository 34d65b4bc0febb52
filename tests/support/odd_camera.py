"""Hosts that speak RTSP badly: everything between a broken camera and an attacker on the camera network."""

import os
import re
import socket
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

_SDP = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n"
    "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:streamid=0\r\n"
)
_ONE_MEDIA = _SDP[_SDP.index("m=video") :]
_NO_CAMERA = "rtsp://127.0.0.1:1/x"

_REFUSALS = {
    "login refused": ("401 Unauthorized", 'WWW-Authenticate: Digest realm="x", nonce="y"\r\n'),
    "forbidden": ("403 Forbidden", ""),
    "not found": ("404 Not Found", ""),
    "out of service": ("503 Service Unavailable", ""),
    "redirects to itself": ("302 Found", "Location: {url}\r\n"),
    "redirects to nobody": ("302 Found", f"Location: {_NO_CAMERA}\r\n"),
    "redirects to a file": ("302 Found", "Location: file:///etc/passwd\r\n"),
}

_DESCRIPTIONS: dict[str, bytes] = {
    "garbage description": bytes(range(256)) * 12,
    "empty description": b"",
    "sound only": _SDP.replace("m=video", "m=audio").replace("H264/90000", "PCMU/8000").encode(),
    "unknown codec": _SDP.replace("H264", "VP8").encode(),
    "500 streams": (_SDP + "".join(_ONE_MEDIA.replace("=0", f"={n}") for n in range(1, 500))).encode(),
}

_PACKETS: dict[str, Callable[[int], bytes]] = {
    "garbage packets": lambda _: os.urandom(1000),
    "packets of one byte": lambda _: b"\x80",
    "garbage pictures": lambda n: _rtp(n, b"cams", b"\x65" + os.urandom(900)),
    "a picture without end": lambda n: _rtp(n, b"cams", b"\x7c\x05" + os.urandom(60_000)),
    "a million senders": lambda n: _rtp(n, os.urandom(4), os.urandom(60_000)),
}

_ENDLESS: dict[str, tuple[float, bytes]] = {
    # Every so many seconds, these bytes.
    "headers without end": (0.001, b"X: " + b"a" * 60_000),
    "drips its answer": (0.2, b"X"),
}

_TALK = ("closes after the description", "never sends a picture", "answers garbage", *_ENDLESS)

ODDITIES = (*_REFUSALS, *_DESCRIPTIONS, *_PACKETS, *_TALK)
"""All that a host of this kind can do."""


class OddCamera:
    """A host with one oddity; use it as a context manager.

    Args:
        oddity: One of `ODDITIES`.
    """

    def __init__(self, oddity: str) -> None:
        self._oddity = oddity
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(0.1)
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._accept, name="odd-camera")]

    @property
    def url(self) -> str:
        return f"rtsp://127.0.0.1:{self._listener.getsockname()[1]}/bed"

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join(5)
        self._listener.close()

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                connection, _ = self._listener.accept()
            except TimeoutError:
                continue
            thread = threading.Thread(target=self._serve, args=(connection,), name="odd-camera-viewer")
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(1.0)
        received = b""
        with connection:
            try:
                while not self._stopping.is_set():
                    while b"\r\n\r\n" not in received:
                        try:
                            data = connection.recv(65536)
                        except TimeoutError:
                            # Two dozen cameras that start at once may be slow to ask.
                            if self._stopping.is_set():
                                return
                            continue
                        if not data:
                            return
                        received += data
                    request, received = received.split(b"\r\n\r\n", 1)
                    if not self._answer(connection, request.decode(errors="replace")):
                        return
            except OSError:
                return

    def _answer(self, connection: socket.socket, request: str) -> bool:
        """Answer one request; False ends the connection."""
        number = re.search(r"CSeq: *(\d+)", request, re.IGNORECASE)

        def reply(status: str, header: str = "", body: bytes = b"") -> None:
            head = f"RTSP/1.0 {status}\r\nCSeq: {number[1] if number else 0}\r\n{header}"
            connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)

        if self._oddity == "answers garbage":
            connection.sendall(os.urandom(4000))
            return False
        if self._oddity in _ENDLESS:
            period, data = _ENDLESS[self._oddity]
            self._repeat(lambda _: connection.sendall(data), period)
        method = request.split(maxsplit=1)[0]
        if method == "OPTIONS":
            reply("200 OK", "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n")
        elif method == "DESCRIBE" and self._oddity in _REFUSALS:
            status, header = _REFUSALS[self._oddity]
            reply(status, header.format(url=self.url))
        elif method == "DESCRIBE":
            body = _DESCRIPTIONS.get(self._oddity, _SDP.encode())
            reply("200 OK", "Content-Type: application/sdp\r\n", body)
            return self._oddity != "closes after the description"
        elif method == "SETUP":
            reply("200 OK", "Session: 1\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n")
        elif method == "PLAY":
            reply("200 OK", "Session: 1\r\n")
            packet = _PACKETS.get(self._oddity)
            if packet is not None:
                self._repeat(lambda n: connection.sendall(_interleaved(packet(n))))
        else:
            reply("200 OK", "Session: 1\r\n")
        return True

    def _repeat(self, send: Callable[[int], None], period_seconds: float = 0.001) -> None:
        count = 0
        while not self._stopping.is_set():
            send(count)
            count += 1
            # By default a thousand packets a second, or about 500 Mbit/s of the large ones.
            time.sleep(period_seconds)


def _interleaved(packet: bytes) -> bytes:
    return b"$\x00" + len(packet).to_bytes(2, "big") + packet


def _rtp(number: int, sender: bytes, payload: bytes) -> bytes:
    """Return an RTP packet (RFC 3550): type 96, 30 pictures a second."""
    time_stamp = (number * 3000) % 2**32
    return b"\x80\x60" + (number % 65536).to_bytes(2, "big") + time_stamp.to_bytes(4, "big") + sender + payload
