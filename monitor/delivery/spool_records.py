"""What a spool holds and says about itself."""

from collections.abc import Mapping
from dataclasses import dataclass

from monitor.delivery.spool_quota import Drop

__all__ = ["Backlog", "Position", "SpoolRecord", "SpooledAlert"]


@dataclass(frozen=True, slots=True)
class SpooledAlert:
    """A stored record.

    Attributes:
        producer_id: Who numbered it.
        seq: Its number.
        draft: The draft's JSON object.
        published_at: Label of the first attempt to send it; None before.
        stored_seconds: Monotonic time of its storing; None for one that an earlier run stored.
    """

    producer_id: str
    seq: int
    draft: Mapping[str, object]
    published_at: str | None
    stored_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Position:
    """How far Redis has this producer's records.

    Attributes:
        seq: Redis has every record up to this one.
        stream_id: An id in the stream at or after which later records of this producer lie.
    """

    seq: int
    stream_id: str


@dataclass(frozen=True, slots=True)
class Backlog:
    """Records that wait for Redis: how many, and the age of the oldest in seconds (0 when there is none)."""

    count: int
    oldest_age_seconds: float


@dataclass(frozen=True, slots=True)
class SpoolRecord:
    """What the spool occupies on disk, how many alerts it gave up undelivered since it began, and the last event."""

    bytes_on_disk: int
    dropped: int
    last_drop: Drop | None
