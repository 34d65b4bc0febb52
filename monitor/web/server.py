"""The page server: one port for page, API, metrics and health, on a thread and an event loop of its own."""

import asyncio
import gc
import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from monitor.backoff import Backoff
from monitor.board import Board
from monitor.clock import Clock
from monitor.config import StationConfig
from monitor.control.access import Role
from monitor.control.requests import OperatorRequest
from monitor.errors import PublishError
from monitor.history.reader import HistoryReader
from monitor.telemetry.heartbeats import Heartbeats
from monitor.telemetry.status_server import Health

if TYPE_CHECKING:
    import uvicorn

    from monitor.web.access import Access
    from monitor.web.app_context import AppContext, Audit, CameraChanges, ChangeRegion, Reload
    from monitor.web.push.notices import PushNotices

__all__ = ["PageServer"]

_log = logging.getLogger(__name__)

_BACKLOG = 128
_REQUESTS_AT_MOST = 256
_STOP_SECONDS = 10.0
_GRACE_SECONDS = 2
_LONGEST_PAUSE_SECONDS = 30.0

# The UI library keeps one application a process; two servers at once would share their clients.
_one_at_a_time = threading.Lock()


class PageServer:
    """Serves the page; has the same start and stop as the small status server that it replaces.

    The port is taken at once; the libraries are loaded, and the first answer given, on the server's own thread a second
    or two later, so that the cameras do not wait for the page. A browser that comes earlier waits.

    Args:
        config: `http` says where, `web` says to whom.
        board: What there is to see.
        clock: The board's clock.
        handle: Does what people ask, and returns whether it changed anything; called from the server's threads, must
            return at once.
        registry: What /metrics shows.
        healthy: Whether the process is alive and its loops turn: /healthz.
        ready: Whether models are loaded and decisions flow: /readyz.
        running: Returns the configuration in force; None where it never changes.
        reload: Reads the configuration again; see `AppContext`.
        change_region: Moves where a bed's face is searched for; see `AppContext`.
        cameras: Tries and changes cameras; see `AppContext`.
        audit: Takes what administrators do on the page for the audit log.
        ward: Returns who watches what, for the page of a ward.
        history: What beds showed over days; None where nothing is kept.
        heartbeats: Where the thread that sends notices to people's devices says that it turns.

    Raises:
        PublishError: The address cannot be used.
    """

    def __init__(
        self,
        config: StationConfig,
        board: Board,
        clock: Clock,
        *,
        handle: Callable[[OperatorRequest], bool],
        registry: CollectorRegistry,
        healthy: Callable[[], Health],
        ready: Callable[[], Health],
        running: Callable[[], StationConfig] | None = None,
        reload: "Reload | None" = None,
        change_region: "ChangeRegion | None" = None,
        cameras: "CameraChanges | None" = None,
        audit: "Audit | None" = None,
        ward: "Callable[[], Mapping[str, Any]] | None" = None,
        history: HistoryReader | None = None,
        heartbeats: Heartbeats | None = None,
    ) -> None:
        self._config = config
        self._board = board
        self._clock = clock
        self._carry_out = handle
        self._running = running or (lambda: config)
        self._reload = reload
        self._change_region = change_region
        self._cameras = cameras
        self._audit = audit or (lambda _event, _details: None)
        self._ward = ward
        self._history = history
        self._endpoints = {
            "/metrics": lambda: _metrics(registry),
            "/healthz": lambda: _health(healthy()),
            "/readyz": lambda: _health(ready()),
        }
        self._socket = _listen(config.http.host, config.http.port)
        self._port = int(self._socket.getsockname()[1])
        self._thread = threading.Thread(target=self._run, name="http-page", daemon=True)
        self._stopping = threading.Event()
        self._stop_serving: Callable[[], None] = lambda: None
        self._guard = threading.Lock()
        self._fault: str | None = None
        self._access: Access | None = None
        self._push = self._open_push(heartbeats)

    @property
    def access(self) -> "Access | None":
        """Who is logged in; None before the libraries of the page are loaded."""
        return self._access

    @property
    def fault(self) -> str | None:
        """Why nobody is answered, in a sentence; None where all is well. It is tried again all the time."""
        return self._fault

    @property
    def port(self) -> int:
        """The port in use."""
        return self._port

    @property
    def url(self) -> str:
        """Address of the server, without a path."""
        host = f"[{self._config.http.host}]" if ":" in self._config.http.host else self._config.http.host
        return f"http://{host}:{self.port}"

    def start(self) -> None:
        """Start to serve; returns at once.

        Raises:
            PublishError: This process serves a page already.
        """
        if not _one_at_a_time.acquire(blocking=False):
            raise PublishError("this process serves a page already; write web: {enabled: false} for the other station")
        if not self._config.http.is_loopback:
            _log.warning(
                "the page listens on %s without TLS: put a proxy that speaks TLS before it, or passwords cross the "
                "network in the clear",
                self._config.http.host,
            )
        self._thread.start()
        if self._push is not None:
            self._push.start()

    def stop(self) -> None:
        """Stop, notify connected browsers, and free the port; safe to call twice."""
        if self._push is not None:
            self._push.stop()
        with self._guard:
            self._stopping.set()
            self._stop_serving()
        if self._thread.is_alive():
            self._thread.join(_STOP_SECONDS)
        self._socket.close()

    def _open_push(self, heartbeats: Heartbeats | None) -> "PushNotices | None":
        if not self._config.web.push.enabled:
            return None
        from monitor.web.push.notices import PushNotices

        return PushNotices(self._config, self._board, self._clock, lambda: self._access, heartbeats, self._audit)

    def _run(self) -> None:
        backoff = Backoff(first_seconds=1.0, cap_seconds=_LONGEST_PAUSE_SECONDS)
        try:
            while not self._stopping.is_set():
                try:
                    self._serve()
                    self._fault = None if self._stopping.is_set() else "The page ended without being asked to."
                except Exception as error:  # noqa: BLE001 - whatever the page dies of, the station goes on
                    _log.exception("the page has stopped working")
                    self._fault = f"The page does not work ({type(error).__name__}; see the log)."
                # The port is closed, so that a caller that asks for the station's health learns that nobody answers.
                self._socket.close()
                # The UI library goes through all objects for the server that it belongs to.
                gc.collect()
                if not self._stopping.wait(backoff.next_seconds()):
                    self._listen_again()
        finally:
            self._socket.close()
            _one_at_a_time.release()

    def _listen_again(self) -> None:
        with self._guard:
            if self._stopping.is_set():
                return
            try:
                self._socket = _listen(self._config.http.host, self._port)
            except PublishError as error:
                self._fault = f"The page does not work: {error}."

    def _serve(self) -> None:
        import uvicorn

        from monitor.web.application import build_application
        from monitor.web.connections import BoundedProtocol, accept_backlog
        from monitor.web.proxies import BehindProxies

        site = self._build_site()
        application = build_application(site)
        # Unless they are named, nobody's word is taken for where a request comes from: not even loopback's.
        if proxies := self._config.web.trusted_proxies:
            application = BehindProxies(application, proxies)
        server = uvicorn.Server(
            uvicorn.Config(
                application,
                loop="asyncio",
                http=BoundedProtocol,
                # As many are accepted at a time, before the first of them can be refused.
                backlog=accept_backlog(),
                ws="websockets-sansio",
                lifespan="on",
                log_config=None,
                log_level="warning",
                access_log=False,
                server_header=False,
                proxy_headers=False,
                limit_concurrency=_REQUESTS_AT_MOST,
                timeout_graceful_shutdown=_GRACE_SECONDS,
            )
        )

        def stop_serving() -> None:
            site.closing.set()
            server.should_exit = True

        with self._guard:
            self._stop_serving = stop_serving
            if self._stopping.is_set():
                return
        asyncio.run(self._watch(server))

    async def _watch(self, server: "uvicorn.Server") -> None:
        """Serve until the end; note when the first answer may be given."""
        serving = asyncio.ensure_future(server.serve(sockets=[self._socket]))
        while not serving.done() and not server.started:
            await asyncio.wait([serving], timeout=0.1)
        if server.started:
            self._fault = None
        await serving

    def _build_site(self) -> "AppContext":
        from monitor.web.access import Access
        from monitor.web.app_context import AppContext
        from monitor.web.ended_sessions import EndedSessions
        from monitor.web.preview import Previews
        from monitor.web.sessions import Sessions, load_session_key

        web = self._config.web
        directory = self._config.spool.directory
        ended = EndedSessions(directory, time.time)
        sessions = Sessions(load_session_key(directory), web.session_hours, ended)
        anonymous = None if web.anonymous_role == "none" else Role(web.anonymous_role)
        self._access = Access(web.users_file, sessions, anonymous)
        return AppContext(
            running=self._running,
            board=self._board,
            clock=self._clock,
            access=self._access,
            handle=self._carry_out,
            previews=Previews(self._board, web.preview),
            endpoints=self._endpoints,
            reload=self._reload,
            change_region=self._change_region,
            cameras=self._cameras,
            audit=self._audit,
            ward=self._ward,
            history=self._history,
            push=self._push,
        )


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise PublishError(
            f"cannot serve HTTP on {host}:{port} ({reason}); free the port or choose another http.port"
        ) from error


def _metrics(registry: CollectorRegistry) -> tuple[int, str, bytes]:
    encode, content_type = choose_encoder("")
    return 200, content_type, encode(registry)


def _health(health: Health) -> tuple[int, str, bytes]:
    body = json.dumps({"status": "ok" if health.ok else "failing", **health.details}).encode() + b"\n"
    return (200 if health.ok else 503), "application/json", body
