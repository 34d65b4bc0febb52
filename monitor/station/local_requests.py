"""What programs of the same machine and user ask of a running station, through the socket in its state directory."""

from collections.abc import Callable, Mapping

from monitor.errors import ConfigError
from monitor.station.reloading import Reloader
from monitor.web.http_server import HttpServer

__all__ = ["LocalRequests"]

_BY = "the station's user"


class LocalRequests:
    """Answers one request after another.

    Args:
        reloader: Reads the configuration again.
        server: Returns the HTTP server; None before there is one.
        audit: Takes what was done for the audit log.
    """

    def __init__(
        self,
        reloader: Reloader,
        server: Callable[[], HttpServer | None],
        audit: Callable[[str, Mapping[str, object]], None],
    ) -> None:
        self._reloader = reloader
        self._server = server
        self._audit = audit

    def answer(self, request: Mapping[str, object]) -> Mapping[str, object]:
        """Do what a request asks and return JSON values.

        Raises:
            ConfigError: It asks for something else, or cannot be done.
        """
        match request:
            case {"action": "reload"}:
                return self._reloader.answer(request)
            case {"action": "sessions"}:
                server = self._server()
                access = None if server is None else server.access
                return {"sessions": [] if access is None else [session.as_json() for session in access.sessions()]}
            case {"action": "end_session", "id": str(session_id)}:
                return self._end(None, session_id)
            case {"action": "end_sessions", "name": str() | None as name}:
                return self._end(name, None)
        raise ConfigError("a station takes the actions reload, sessions, end_session and end_sessions here")

    def _end(self, name: str | None, session_id: str | None) -> Mapping[str, object]:
        server = self._server()
        access = None if server is None else server.access
        if access is None:
            raise ConfigError("this station has no page at the moment, so that nobody is logged in; nothing was ended")
        if session_id is None:
            ended = access.end_sessions(name)
        elif access.end_session(session_id):
            ended = 1
        else:
            raise ConfigError(f"no session {session_id} was seen; look at: nicu-monitor sessions list")
        self._audit("sessions_ended", {"by": _BY, "name": name, "id": session_id, "seen": ended})
        return {"ended": ended}
