"""Which HTTP server a station runs: the page with everything, or the small one where the page is off."""

import importlib.util
import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from prometheus_client import CollectorRegistry

from monitor.board import Board
from monitor.clock import Clock
from monitor.config import StationConfig
from monitor.control.requests import OperatorRequest
from monitor.history.reader import HistoryReader
from monitor.telemetry.heartbeats import Heartbeats
from monitor.telemetry.status_server import Health, StatusServer

if TYPE_CHECKING:
    from monitor.web.access import Access
    from monitor.web.app_context import Audit, CameraChanges, ChangeRegion, Reload

__all__ = ["HttpServer", "open_server"]

_log = logging.getLogger(__name__)


class HttpServer(Protocol):
    """What the station needs of its HTTP server."""

    @property
    def port(self) -> int:
        """The port in use."""
        ...

    @property
    def url(self) -> str:
        """Address of the server, without a path."""
        ...

    @property
    def fault(self) -> str | None:
        """Why nobody is answered, in a sentence; None where all is well."""
        ...

    @property
    def access(self) -> "Access | None":
        """Who is logged in; None where nobody can, or as long as nobody is answered."""
        ...

    def start(self) -> None:
        """Start to answer."""
        ...

    def stop(self) -> None:
        """Stop and free the port; safe to call twice."""
        ...


def open_server(
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
) -> HttpServer:
    """Take the port of `config.http` for the page, or for metrics and health alone where the page is off.

    Args:
        config: `http` says where, `web` whether and to whom.
        board: What there is to see.
        clock: The board's clock.
        handle: Does what people ask on the page or by the API, and returns whether it changed anything; must return
            at once, from any thread.
        registry: What /metrics shows.
        healthy: Answers /healthz.
        ready: Answers /readyz.
        running: Returns the configuration in force; None where it never changes.
        reload: Reads the configuration again; see `AppContext`.
        change_region: Moves where a bed's face is searched for; see `AppContext`.
        cameras: Tries and changes cameras; see `AppContext`.
        audit: Takes what administrators do on the page for the audit log.
        ward: Returns who watches what, for the page of a ward.
        history: What beds showed over days; None where nothing is kept.
        heartbeats: Where the thread that sends notices to people's devices says that it turns.

    Returns:
        A server that is not started yet.

    Raises:
        PublishError: The address cannot be used.
    """
    host, port = config.http.host, config.http.port
    if not config.web.enabled:
        return StatusServer(host, port, registry, healthy, ready)
    if importlib.util.find_spec("nicegui") is None:
        _log.warning("there is no page: install it with: pip install 'nicu-pain-monitor[web]'")
        return StatusServer(host, port, registry, healthy, ready)
    from monitor.web.server import PageServer

    return PageServer(
        config,
        board,
        clock,
        handle=handle,
        registry=registry,
        healthy=healthy,
        ready=ready,
        running=running,
        reload=reload,
        change_region=change_region,
        cameras=cameras,
        audit=audit,
        ward=ward,
        history=history,
        heartbeats=heartbeats,
    )
