"""Who lies in a bed: an infant, nobody, or an infant that is away for a while."""

from dataclasses import dataclass, field
from enum import StrEnum

from monitor.pain.level_filter import FRAME_SPAN_SECONDS
from monitor.pain.vocabulary import Occupancy, Visibility

__all__ = ["BedOccupancy", "BedStatement", "OccupancyState", "RecentStatement"]

_AWAY_SECONDS = 5.0
"""A face that frames have not shown for so long has left; only then can one return."""
_MISSED_SECONDS = 1.6
"""A face that frames miss for no longer than this is seen steadily: a gap between the clusters in which a slowed bed's
pictures come, and the first of the next one."""
_FACES = frozenset({Visibility.USABLE, Visibility.COVERED})
_RETURNED_SECONDS = 3.0
"""A face that is seen steadily for so long has returned."""


class BedStatement(StrEnum):
    """What a person says of a bed, and may take back at once; the same words as the requests."""

    ADMIT = "admit"
    DISCHARGE = "discharge"
    STANDBY = "standby"
    RESUME = "resume"
    """The end of a stand-by."""
    PROCEDURE = "procedure"


@dataclass(frozen=True, slots=True)
class BedOccupancy:
    """What people have said of a bed. Times are monotonic seconds.

    Attributes:
        state: Occupied, empty or on stand-by.
        by: Who said so; None where nobody has, and the bed counts as occupied.
        since_seconds: When; None where nobody has.
        reason: Why the bed is on stand-by; may be empty.
        until_seconds: When the stand-by ends by itself at the latest; None unless on stand-by.
        until_face: Whether the stand-by ends, too, when a face returns.
        infant: Pseudonym of the infant in the bed; None where none was given.
    """

    state: Occupancy = Occupancy.OCCUPIED
    by: str | None = None
    since_seconds: float | None = None
    reason: str = ""
    until_seconds: float | None = None
    until_face: bool = False
    infant: str | None = None

    def shifted(self, seconds: float) -> "BedOccupancy":
        """Return the same on another origin of time."""
        since, until = self.since_seconds, self.until_seconds
        return BedOccupancy(
            self.state,
            self.by,
            None if since is None else since + seconds,
            self.reason,
            None if until is None else until + seconds,
            self.until_face,
            self.infant,
        )


@dataclass(frozen=True, slots=True)
class RecentStatement:
    """What somebody said of a bed last, and can take back for some seconds.

    Attributes:
        statement: What.
        by: Who.
        at_seconds: When, monotonic.
    """

    statement: BedStatement
    by: str
    at_seconds: float


@dataclass(slots=True)
class OccupancyState:
    """An occupancy, and what was seen of faces since a stand-by began. Times are monotonic seconds.

    A frame speaks for a second before and after it: what lies between two that are further apart, while a camera fails
    or the station starts again, counts neither for a face nor against it, and the beginnings are moved on by it.

    Attributes:
        now: The occupancy.
        has_left: The face was out of sight since the stand-by began.
        seen_since: Since when a face is seen steadily; None where none was.
        seen_until: When a face was last seen; None where none was.
        unseen_since: Since when frames show no face; None where the newest one shows one, or there is none.
        frame_until: Time of the newest frame; None where there is none.
    """

    now: BedOccupancy = field(default_factory=BedOccupancy)
    has_left: bool = False
    seen_since: float | None = None
    seen_until: float | None = None
    unseen_since: float | None = None
    frame_until: float | None = None

    def see(self, time_seconds: float, visibility: Visibility) -> bool:
        """Take what a frame of a bed on stand-by shows; return whether a face has returned, steadily.

        Somebody may ask for a stand-by while the infant still lies there: a face returns only after it has left.
        """
        gap = 0.0 if self.frame_until is None else time_seconds - self.frame_until
        if visibility is Visibility.NO_SCORE or gap < 0.0:
            return False  # a model that failed has looked at nothing
        unspoken = max(0.0, gap - 2 * FRAME_SPAN_SECONDS)
        self.frame_until = time_seconds
        if visibility not in _FACES:
            self.unseen_since = time_seconds if self.unseen_since is None else self.unseen_since + unspoken
            self.has_left = self.has_left or time_seconds - self.unseen_since >= _AWAY_SECONDS
            return False
        if self.seen_until is None or (
            self.unseen_since is not None and time_seconds - self.seen_until > _MISSED_SECONDS
        ):
            self.seen_since = None
        self.seen_since = time_seconds if self.seen_since is None else self.seen_since + unspoken
        self.seen_until, self.unseen_since = time_seconds, None
        return self.now.until_face and self.has_left and time_seconds - self.seen_since >= _RETURNED_SECONDS

    def shift(self, seconds: float) -> None:
        """Move to another origin of time."""
        self.now = self.now.shifted(seconds)
        if self.seen_since is not None:
            self.seen_since += seconds
        if self.seen_until is not None:
            self.seen_until += seconds
        if self.unseen_since is not None:
            self.unseen_since += seconds
        if self.frame_until is not None:
            self.frame_until += seconds
