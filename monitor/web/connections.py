"""Bounds on what strangers may keep open at the page's port.

Every open connection holds a file descriptor of the process, and a camera that comes back needs some as well: GLib
ends the process where it gets none. A client that opened a thousand connections and said nothing would blind the
station. So there is a bound on connections; of the descriptors that the system allows, a share is left to cameras; and
a connection without a whole request is closed after some seconds, or at once where a newer one needs its room. A probe
gets through beside any number of clients that send a byte a second.
"""

import asyncio
import resource
from pathlib import Path
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

__all__ = ["CONNECTIONS_AT_MOST", "BoundedProtocol", "accept_backlog"]

CONNECTIONS_AT_MOST = 240
_HEAD_SECONDS = 10.0
_MOST_RESERVED = 64
_LEAST_RESERVED = 8
"""File descriptors for cameras that come back, Redis and the spool: a camera's pipeline takes about eight to open."""
_ALWAYS_ACCEPTED = 2
"""A probe and a person, however few descriptors there are."""
_ROOMY_DESCRIPTORS = 1024
_BACKLOG = 128
_SMALL_BACKLOG = 4


def accept_backlog() -> int:
    """Return how many connections may be accepted before the first of them can be refused."""
    limit = _descriptor_limit()
    return _BACKLOG if limit >= _ROOMY_DESCRIPTORS else _SMALL_BACKLOG


class BoundedProtocol(AutoHTTPProtocol):  # type: ignore[misc, valid-type]  # one of two classes, chosen at import
    """uvicorn's protocol with a bound on connections and on the time until a request is whole."""

    _is_refused = False
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:  # noqa: ANN401 - uvicorn's own type differs by protocol
        """Take a connection; where there are too many, the oldest without a whole request makes room."""
        taken = len(self.connections)
        if taken >= CONNECTIONS_AT_MOST or (taken >= _ALWAYS_ACCEPTED and _are_descriptors_scarce()):
            waiting = [each for each in self.connections if isinstance(each, BoundedProtocol) and each.is_waiting]
            if not waiting:
                self._is_refused = True
                transport.abort()
                return
            min(waiting, key=lambda each: each.opened_seconds).shed()
        super().connection_made(transport)
        self.opened_seconds = self.loop.time()
        self._watch_head()

    @property
    def is_waiting(self) -> bool:
        """Whether the client has yet to send a whole request, or the rest of one."""
        cycle = self.cycle
        return cycle is None or cycle.response_complete or bool(getattr(cycle, "more_body", False))

    def shed(self) -> None:
        """Close the connection at once."""
        self.connections.discard(self)
        self.transport.abort()

    def data_received(self, data: bytes) -> None:
        """Take what comes."""
        if not self._is_refused:
            super().data_received(data)
            self._watch_head()

    def eof_received(self) -> None:
        """Take the end of what comes."""
        if not self._is_refused:
            super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        if self._deadline is not None:
            self._deadline.cancel()
        if not self._is_refused:
            super().connection_lost(exc)

    def _watch_head(self) -> None:
        """Set a deadline for a head that is not whole; a body has one of its own, and so has what is kept alive."""
        is_in_head = self.cycle is None or self.cycle.response_complete
        if is_in_head and self._deadline is None:
            self._deadline = self.loop.call_later(_HEAD_SECONDS, self._close_if_silent)
        elif not is_in_head and self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _close_if_silent(self) -> None:
        # A connection that has become a WebSocket belongs to another protocol by now.
        if self in self.connections and (self.cycle is None or self.cycle.response_complete):
            self.transport.abort()


def _descriptor_limit() -> float:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return float("inf") if soft == resource.RLIM_INFINITY else soft


def _are_descriptors_scarce() -> bool:
    """Return whether a further connection would take what cameras need to come back."""
    limit = _descriptor_limit()
    if limit >= _ROOMY_DESCRIPTORS + CONNECTIONS_AT_MOST:
        return False
    try:
        taken = sum(1 for _ in Path("/proc/self/fd").iterdir())
    except OSError:
        return True
    return taken + min(_MOST_RESERVED, max(_LEAST_RESERVED, limit // 8)) > limit
