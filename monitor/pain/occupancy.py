"""Who lies in a bed: an infant, nobody, or an infant that is away for a while."""

from dataclasses import dataclass, field
from enum import StrEnum

from monitor.pain.vocabulary import Occupancy

__all__ = ["BedOccupancy", "BedStatement", "OccupancyState", "RecentStatement"]

_AWAY_SECONDS = 5.0
"""A face that was not seen for so long has left; only then can one return."""
_MISSED_SECONDS = 1.2
"""A face that is missed for no longer than this is seen steadily."""
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

    Attributes:
        now: The occupancy.
        has_left: The face was out of sight since the stand-by began.
        seen_since: Since when a face is seen steadily; None where none is.
        seen_until: When a face was last seen; None where none was.
    """

    now: BedOccupancy = field(default_factory=BedOccupancy)
    has_left: bool = False
    seen_since: float | None = None
    seen_until: float | None = None

    def see(self, time_seconds: float, *, is_face: bool) -> bool:
        """Take what a frame of a bed on stand-by shows; return whether a face has returned, steadily.

        Somebody may ask for a stand-by while the infant still lies there: a face returns only after it has left.
        """
        last = self.now.since_seconds if self.seen_until is None else self.seen_until
        gap = 0.0 if last is None else time_seconds - last
        self.has_left = self.has_left or gap >= _AWAY_SECONDS
        if not is_face:
            return False
        if self.seen_since is None or self.seen_until is None or gap > _MISSED_SECONDS:
            self.seen_since = time_seconds
        self.seen_until = time_seconds
        return self.now.until_face and self.has_left and time_seconds - self.seen_since >= _RETURNED_SECONDS

    def shift(self, seconds: float) -> None:
        """Move to another origin of time."""
        self.now = self.now.shifted(seconds)
        if self.seen_since is not None:
            self.seen_since += seconds
        if self.seen_until is not None:
            self.seen_until += seconds
