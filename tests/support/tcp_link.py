"""A TCP connection between a client and a server that a test can slow down, cut, or make deaf in one direction."""

import socket
import threading
import time
from types import TracebackType
from typing import Self

_CHUNK_BYTES = 65_536
_POLL_SECONDS = 0.05


class TcpLink:
    """Forwards a port of its own to another port of the loopback interface.

    Attributes:
        delay_seconds: Every piece of data, in each direction, is held back for so long.
        swallow_replies: Requests get through, answers do not: the client cannot know whether its call succeeded.
        refuse: New connections are closed at once.

    Args:
        target_port: Where the server listens.
    """

    def __init__(self, target_port: int) -> None:
        self.delay_seconds = 0.0
        self.swallow_replies = False
        self.refuse = False
        self._target_port = target_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(_POLL_SECONDS)
        self.port = int(self._listener.getsockname()[1])
        self._stopping = threading.Event()
        self._mutex = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, name="link-accept")]

    def cut(self) -> None:
        """Break every open connection."""
        with self._mutex:
            sockets, self._sockets = self._sockets, []
        for item in sockets:
            try:
                item.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self.cut()
        for thread in self._threads:
            thread.join(5)
        self._listener.close()

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                near, _ = self._listener.accept()
            except TimeoutError:
                continue
            if self.refuse:
                near.close()
                continue
            far = socket.create_connection(("127.0.0.1", self._target_port))
            with self._mutex:
                self._sockets += [near, far]
            for source, sink, is_reply in ((near, far, False), (far, near, True)):
                thread = threading.Thread(target=self._pump, args=(source, sink, is_reply), name="link-pump")
                self._threads.append(thread)
                thread.start()

    def _pump(self, source: socket.socket, sink: socket.socket, is_reply: bool) -> None:
        source.settimeout(_POLL_SECONDS)
        with source:
            while not self._stopping.is_set():
                try:
                    data = source.recv(_CHUNK_BYTES)
                except TimeoutError:
                    continue
                except OSError:
                    break
                if not data:
                    break
                time.sleep(self.delay_seconds)
                if is_reply and self.swallow_replies:
                    continue
                try:
                    sink.sendall(data)
                except OSError:
                    break
            try:
                sink.shutdown(socket.SHUT_RDWR)
            except OSError:
                return
