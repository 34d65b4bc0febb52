"""A bound on one exchange over a network: the timeouts of libraries bound each wait for a byte, and bytes may drip."""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

__all__ = ["Deadline"]

_AGAIN_SECONDS = 0.5


class Deadline:
    """Cuts the connections of an exchange when its time is over; whoever waits for a byte on one then gets an error.

    Args:
        seconds: How long the exchange may take in all.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._find: list[Callable[[], socket.socket | None]] = []
        self._ended = threading.Event()
        self._over = threading.Event()

    @property
    def is_over(self) -> bool:
        """Whether the time was over before the exchange was."""
        return self._over.is_set()

    def watch(self, find: Callable[[], socket.socket | None]) -> None:
        """Cut a connection, too.

        Args:
            find: Returns its socket at the moment, None before there is one.
        """
        self._find.append(find)

    def __enter__(self) -> Self:
        """Begin."""
        threading.Thread(target=self._wait, name="deadline", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End: nothing is cut any more."""
        self._ended.set()

    def _wait(self) -> None:
        wait_seconds = self._seconds
        while not self._ended.wait(wait_seconds):
            self._over.set()
            for find in tuple(self._find):
                found = find()
                if found is not None:
                    with suppress(OSError):
                        # That of an encrypted socket would drop the encryption, and what is still written with it.
                        socket.socket.shutdown(found, socket.SHUT_RDWR)
            wait_seconds = _AGAIN_SECONDS  # for one that was opened meanwhile
