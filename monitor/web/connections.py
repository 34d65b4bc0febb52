"""Bounds on what strangers may keep open at the page's port.

Every open connection holds a file descriptor of the process, and a camera that comes back needs one as well: a client
that opened a thousand connections and said nothing would blind the station. So there is a bound on connections, and who
does not ask within some seconds is shown out. The bound on requests is uvicorn's own (`limit_concurrency`).
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

__all__ = ["BoundedProtocol"]

_CONNECTIONS_AT_MOST = 256
_FIRST_REQUEST_SECONDS = 10.0


class BoundedProtocol(AutoHTTPProtocol):  # type: ignore[misc, valid-type]  # one of two classes, chosen at import
    """uvicorn's protocol with a bound on connections and on the time until the first request."""

    _is_refused = False
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:  # noqa: ANN401 - uvicorn's own type differs by protocol
        """Take a connection, or close it where there are too many."""
        if len(self.connections) >= _CONNECTIONS_AT_MOST:
            self._is_refused = True
            transport.abort()
            return
        super().connection_made(transport)
        self._deadline = self.loop.call_later(_FIRST_REQUEST_SECONDS, self._close_if_silent)

    def data_received(self, data: bytes) -> None:
        """Take what comes."""
        if not self._is_refused:
            super().data_received(data)

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

    def _close_if_silent(self) -> None:
        # A connection that has become a WebSocket belongs to another protocol by now.
        if self in self.connections and self.cycle is None:
            self.transport.abort()
