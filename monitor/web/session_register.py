"""Which sessions of the page are in use: what a station has seen of them since it was started."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from monitor.web.sessions import WebSession

__all__ = ["SeenSession", "SessionRegister"]

_MOST = 1000
"""Beyond it the one that was not used for the longest time is forgotten; it goes on all the same."""


@dataclass(frozen=True, slots=True)
class SeenSession:
    """A session that somebody used.

    Attributes:
        id: Of the session; no secret.
        name: Of the user.
        is_display: Whether it is a wall display's, which has no end.
        since: When it was first used, in this run of the station.
        last_used: When it was last used.
    """

    id: str
    name: str
    is_display: bool
    since: datetime
    last_used: datetime

    def as_json(self) -> dict[str, object]:
        """Return it as JSON values."""
        return {
            "id": self.id,
            "name": self.name,
            "kind": "display" if self.is_display else "person",
            "since": self.since.isoformat(timespec="seconds"),
            "last_used": self.last_used.isoformat(timespec="seconds"),
        }


class SessionRegister:
    """Sessions by their id, in bounded memory; may be used from any thread.

    Args:
        wall: Wall time, s since 1970.
    """

    def __init__(self, wall: Callable[[], float]) -> None:
        self._wall = wall
        self._lock = threading.Lock()
        self._seen: OrderedDict[str, SeenSession] = OrderedDict()

    def note(self, session: WebSession) -> None:
        """Note that a session is used now."""
        now = datetime.fromtimestamp(self._wall(), UTC)
        with self._lock:
            known = self._seen.pop(session.id, None)
            self._seen[session.id] = (
                SeenSession(session.id, session.name, session.is_display, now, now)
                if known is None
                else replace(known, last_used=now)
            )
            while len(self._seen) > _MOST:
                self._seen.popitem(last=False)

    def all(self) -> list[SeenSession]:
        """Return the sessions, the last used first."""
        with self._lock:
            return list(reversed(self._seen.values()))

    def forget(self, session_id: str) -> None:
        """Show a session no more; it was ended."""
        with self._lock:
            self._seen.pop(session_id, None)
