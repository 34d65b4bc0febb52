"""What every page and every route of one running page server share."""

import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, cast
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from starlette.requests import HTTPConnection

from monitor.board import AlarmLimits, BedSnapshot, BoardReader
from monitor.clock import Clock
from monitor.config import StationConfig
from monitor.control.requests import OperatorRequest
from monitor.errors import RefusalCode, RefusedError
from monitor.history.reader import HistoryReader
from monitor.localization import LANGUAGES, Localizer, Phrase
from monitor.web.access import Access, Visitor
from monitor.web.preview import PreviewReader

if TYPE_CHECKING:
    from monitor.cameras.draft import CameraDraft, TriedCamera
    from monitor.web.push.notices import PushNotices

__all__ = [
    "LANGUAGE_COOKIE",
    "SITE_KEY",
    "VISITOR_KEY",
    "AppContext",
    "Audit",
    "CameraChanges",
    "ChangeRegion",
    "Endpoint",
    "RegionBefore",
    "Reload",
    "checked_name",
    "localizer_of",
    "own_path",
    "site_of",
    "visitor_of",
]

SITE_KEY = "nicu.site"
VISITOR_KEY = "nicu.visitor"
LANGUAGE_COOKIE = "nicu_language"

Endpoint = Callable[[], tuple[int, str, bytes]]
"""Answers one plain GET: status code, content type, body. Called in a worker thread."""


Reload = Callable[[str, bool], tuple[Sequence[str], bool]]
"""Takes who asks and whether to say it only."""


Audit = Callable[[str, Mapping[str, object]], None]
"""Takes one word and JSON values."""


ChangeRegion = Callable[[str, str, tuple[float, float, float, float]], Sequence[str]]
"""Takes who asks, the bed, and left, top, right, bottom as shares; says what it interrupts, or raises ConfigError."""


@dataclass(frozen=True, slots=True)
class RegionBefore:
    """What a person's last change of a bed's region replaced.

    Attributes:
        by: Who changed it.
        edges: Left, top, right, bottom before, as shares.
        at_seconds: When, on the board's clock.
    """

    by: str
    edges: tuple[float, float, float, float]
    at_seconds: float


class CameraChanges(Protocol):
    """Tries and changes the cameras of beds; each raises RefusedError or ConfigError where it cannot be done."""

    def try_camera(self, by: str, bed_id: str, draft: "CameraDraft") -> "TriedCamera":
        """Open a camera beside the one that watches the bed, and say what it sends; takes up to 15 s."""
        ...

    def save(self, by: str, bed_id: str, trial_id: str) -> Sequence[str]:
        """Watch the bed with a camera that was tried, from now on; say what that interrupts."""
        ...

    def take_back(self, by: str, bed_id: str) -> None:
        """Watch the bed with the camera before again, some seconds after its change."""
        ...

    def last_change(self, bed_id: str) -> tuple[str, float] | None:
        """Return who changed the bed's camera last, and how many seconds ago; None where nothing can be undone."""
        ...


@dataclass(frozen=True, slots=True)
class AppContext:
    """One running page server.

    Attributes:
        running: Returns the station's configuration as it is now; a reload changes it.
        board: What there is to see.
        clock: The board's clock.
        access: Who may see it.
        handle: Does what people ask of the alarm logic, and returns whether it changed anything; must return at once,
            from any thread.
        previews: Draws the camera's pictures.
        endpoints: Path to plain endpoint: metrics and health.
        closing: Set when the server stops, so that endless answers end.
        reload: Reads the configuration again for somebody, or only says what that would do; returns sentences and
            whether it was done. None where there is nothing to read.
        change_region: Searches for the face of a bed in another region, and writes that to the configuration. None
            where there is nothing to write to.
        cameras: Tries and changes cameras. None where there is no configuration to write to, and for who may see some
            beds only: another address could show them the others.
        ward: Returns who watches what, where this is the page of a ward; None on a station.
        history: What beds showed over days; None where nothing is kept.
        audit: Takes what administrators do for the audit log: one word and JSON values.
        regions_before: What the last change on the page of each bed's region replaced, so that a page that is loaded
            again can offer to take it back.
        push: Sends notices to people's own devices; None where that is off.
        run_id: Differs from run to run, so that a reader's position in an earlier run is not taken for one in this.
    """

    running: Callable[[], StationConfig]
    board: BoardReader
    clock: Clock
    access: Access
    handle: Callable[[OperatorRequest], bool]
    previews: PreviewReader
    endpoints: Mapping[str, Endpoint] = field(default_factory=dict)
    closing: threading.Event = field(default_factory=threading.Event)
    reload: Reload | None = None
    change_region: ChangeRegion | None = None
    cameras: CameraChanges | None = None
    ward: Callable[[], Mapping[str, Any]] | None = None
    history: HistoryReader | None = None
    audit: Audit = lambda _event, _details: None
    regions_before: dict[str, RegionBefore] = field(default_factory=dict)
    push: "PushNotices | None" = None
    run_id: str = field(default_factory=lambda: secrets.token_hex(4))

    @property
    def config(self) -> StationConfig:
        """The configuration in force; not to be kept, for a reload replaces it."""
        return self.running()

    def limits_of(self, bed: BedSnapshot | None) -> AlarmLimits | None:
        """Return the alarm settings that a bed is watched with now, or those of the station as a whole.

        Args:
            bed: None for the station as a whole.

        Returns:
            None where another station watches, and has not said them.
        """
        if bed is not None and bed.info.station is not None:
            return bed.info.limits
        if self.ward is not None:
            return None
        alarms = self.config.alarms
        return AlarmLimits(alarms.on_level, alarms.off_level, alarms.acknowledge_expires_seconds)


def checked_name(by: str) -> str:
    """Return the name of a person as it is recorded.

    Raises:
        RefusedError: It is no name.
    """
    name = " ".join(by.split())
    if not name or len(name) > 63 or not name.isprintable():
        words = Phrase("say who it is: a name or a pseudonym of 1 to 63 letters")
        raise RefusedError(words, RefusalCode.NAME_WRONG)
    return name


def site_of(connection: HTTPConnection) -> AppContext:
    """Return the site that a request or websocket belongs to."""
    return cast("AppContext", connection.scope[SITE_KEY])


def visitor_of(connection: HTTPConnection) -> Visitor:
    """Return who sends it."""
    return cast("Visitor", connection.scope[VISITOR_KEY])


def localizer_of(connection: HTTPConnection) -> Localizer:
    """Return the language that a visitor has chosen on this browser, or the station's, and the station's time zone."""
    station = site_of(connection).config.station
    chosen = connection.cookies.get(LANGUAGE_COOKIE, "")
    zone = None if station.time_zone is None else ZoneInfo(station.time_zone)
    return Localizer(chosen if chosen in LANGUAGES else station.language, zone, station.time_zone)


def own_path(path: str) -> str:
    """Return a path on this station to go on to; anything that leads elsewhere becomes the first page."""
    try:
        parts = urlsplit(path)
    except ValueError:  # such as `//[`
        return "/"
    is_own = not parts.scheme and not parts.netloc and path.startswith("/") and "\\" not in path
    return path if is_own and not path.startswith("//") and path.isprintable() else "/"
