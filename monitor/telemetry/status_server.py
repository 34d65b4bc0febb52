"""A small HTTP server for /metrics, /healthz and /readyz, on a thread of its own."""

import json
import logging
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast
from urllib.parse import urlsplit

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from monitor.errors import PublishError

__all__ = ["Health", "StatusServer"]

_log = logging.getLogger(__name__)

_REQUEST_SECONDS = 5.0
_POLL_SECONDS = 0.1
_CONNECTIONS_AT_MOST = 64
"""Each holds a file descriptor, and a camera that comes back needs one as well."""


@dataclass(frozen=True, slots=True)
class Health:
    """An answer to "are you well?" or "are you ready?".

    Attributes:
        ok: Yes or no.
        details: What was checked, in words; shown as JSON, never with a credential.
    """

    ok: bool
    details: Mapping[str, object] = field(default_factory=dict)


class StatusServer:
    """Serves what machines ask about the station.

    Args:
        host: Interface to listen on.
        port: 0 takes a free one.
        registry: What /metrics shows.
        healthy: Whether the process is alive and its loops turn.
        ready: Whether models are loaded and decisions flow.

    Raises:
        PublishError: The address cannot be used.
    """

    def __init__(
        self,
        host: str,
        port: int,
        registry: CollectorRegistry,
        healthy: Callable[[], Health],
        ready: Callable[[], Health],
    ) -> None:
        try:
            self._server = _Server((host, port), registry, healthy, ready)
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise PublishError(
                f"cannot serve HTTP on {host}:{port} ({reason}); free the port or choose another http.port"
            ) from error
        self._host = host
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_POLL_SECONDS,), name="http-status", daemon=True
        )

    @property
    def port(self) -> int:
        """The port in use."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """Address of the server, without a path."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self.port}"

    @property
    def fault(self) -> str | None:
        """Why nobody is answered, in a sentence; None where all is well."""
        return None if self._thread.is_alive() else f"The HTTP server on port {self.port} does not run."

    @property
    def access(self) -> None:
        """Nobody can log in here."""
        return

    def start(self) -> None:
        """Start to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Stop and free the port; safe to call twice."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()


def _ask(question: Callable[[], Health]) -> Health:
    try:
        return question()
    except Exception:  # noqa: BLE001 - see below
        # Who asks wants an answer, and a check that breaks is not a healthy one.
        _log.exception("a health check failed by itself")
        return Health(ok=False, details={"error": "the check itself failed; see the log"})


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # A browser that keeps a connection open must not hold up the end of the daemon.
    block_on_close = False

    def __init__(
        self,
        address: tuple[str, int],
        registry: CollectorRegistry,
        healthy: Callable[[], Health],
        ready: Callable[[], Health],
    ) -> None:
        self.registry = registry
        self.questions = {"/healthz": healthy, "/readyz": ready}
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        self._free = threading.BoundedSemaphore(_CONNECTIONS_AT_MOST)
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - the base class's types
        """Answer on a thread of its own, or hang up where too many are answered already."""
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as above
        """Answer, and make room for the next."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - the base class's types
        """A client that hangs up in the middle is no event."""


class _Handler(BaseHTTPRequestHandler):
    timeout = _REQUEST_SECONDS
    server_version = "nicu-monitor"
    sys_version = ""

    def do_GET(self) -> None:
        server = cast("_Server", self.server)
        path = urlsplit(self.path).path
        if path == "/metrics":
            encode, content_type = choose_encoder(self.headers.get("Accept", ""))
            self._answer(HTTPStatus.OK, encode(server.registry), content_type)
        elif path in server.questions:
            self._answer_health(_ask(server.questions[path]))
        else:
            self._answer(HTTPStatus.NOT_FOUND, b"not found; try /metrics, /healthz or /readyz\n", "text/plain")

    do_HEAD = do_GET  # noqa: N815 - the base class's naming

    def _answer_health(self, health: Health) -> None:
        status = HTTPStatus.OK if health.ok else HTTPStatus.SERVICE_UNAVAILABLE
        body = json.dumps({"status": "ok" if health.ok else "failing", **health.details}).encode() + b"\n"
        self._answer(status, body, "application/json")

    def _answer(self, status: HTTPStatus, body: bytes, content_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Scrapes every second are not worth a line."""
