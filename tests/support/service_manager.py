"""The half of systemd that a daemon talks to: a notification socket, and what came in over it."""

import socket
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

_POLL_SECONDS = 0.1


class ServiceManager:
    """Receives sd_notify messages on a socket of its own.

    Args:
        directory: For the socket; short, because the names of sockets are.
        watchdog_seconds: What it announces as the time after which it would restart the daemon.
    """

    def __init__(self, directory: Path, watchdog_seconds: float = 15.0) -> None:
        self._path = directory / "notify"
        self._watchdog_seconds = watchdog_seconds
        self._received: list[tuple[float, str]] = []
        self._mutex = threading.Lock()
        self._stopping = threading.Event()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._thread = threading.Thread(target=self._run, name="service-manager")

    @property
    def environment(self) -> dict[str, str]:
        """What the daemon is started with."""
        return {"NOTIFY_SOCKET": str(self._path), "WATCHDOG_USEC": str(int(self._watchdog_seconds * 1e6))}

    def __enter__(self) -> Self:
        self._socket.bind(str(self._path))
        self._socket.settimeout(_POLL_SECONDS)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._thread.join()
        self._socket.close()

    def count(self, message: str) -> int:
        """How often a message came, such as `WATCHDOG=1`."""
        with self._mutex:
            return sum(message in text.split("\n") for _, text in self._received)

    def silent_seconds(self, message: str = "WATCHDOG=1") -> float:
        """Seconds since a message came last; endless before the first."""
        with self._mutex:
            times = [at for at, text in self._received if message in text.split("\n")]
        return time.monotonic() - times[-1] if times else float("inf")

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                text = self._socket.recv(65_536).decode()
            except TimeoutError:
                continue
            with self._mutex:
                self._received.append((time.monotonic(), text))
