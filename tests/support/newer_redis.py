"""A real redis-server behind a front that knows idempotent producers (Redis 8.6), which no distribution carries yet.

It answers HELLO with version 8.6 and takes `IDMP producer id` out of XADD, which it notes, before the real server gets
the command. So the way in which this program asks for idempotence is tested on the wire.
"""

import socket
import threading
from types import TracebackType
from typing import BinaryIO, Self

_HELLO = (
    b"*14\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$5\r\n8.6.0\r\n$5\r\nproto\r\n:2\r\n$2\r\nid\r\n:1\r\n"
    b"$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$7\r\nmodules\r\n*0\r\n"
)


class NewerRedis:
    """Stands before a redis-server on a port of its own; use it as a context manager.

    Args:
        target_port: Where the real server listens.

    Attributes:
        port: Its own.
        idempotent_ids: Producer and id of every XADD that named them, in order.
    """

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.idempotent_ids: list[tuple[str, str]] = []
        self._sockets: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, name="newer-redis")]

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for item in (self._listener, *self._sockets):
            try:
                item.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        for thread in self._threads:
            thread.join(5)
        for item in (self._listener, *self._sockets):
            item.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self._target_port))
            self._sockets += [near, far]
            for target, arguments in ((self._requests, (near, far)), (self._answers, (far, near))):
                thread = threading.Thread(target=target, args=arguments, name="newer-redis-pump")
                self._threads.append(thread)
                thread.start()

    def _requests(self, near: socket.socket, far: socket.socket) -> None:
        with near.makefile("rb") as reader:
            while words := _read_command(reader):
                if words[0].upper() == b"HELLO":
                    near.sendall(_HELLO)
                    continue
                if words[0].upper() == b"XADD" and b"IDMP" in words:
                    at = words.index(b"IDMP")
                    self.idempotent_ids.append((words[at + 1].decode(), words[at + 2].decode()))
                    del words[at : at + 3]
                head = b"*%d\r\n" % len(words)
                far.sendall(head + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words))

    def _answers(self, far: socket.socket, near: socket.socket) -> None:
        try:
            while data := far.recv(65536):
                near.sendall(data)
        except OSError:
            return


def _read_command(reader: BinaryIO) -> list[bytes]:
    """Return the words of one command, empty at the end of the connection."""
    try:
        head = reader.readline()
        if not head.startswith(b"*"):
            return []
        words = []
        for _ in range(int(head[1:])):
            size = int(reader.readline()[1:])
            words.append(reader.read(size + 2)[:size])
    except OSError:
        return []
    return words
