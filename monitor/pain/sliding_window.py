"""How much of the last seconds something held, in fixed memory.

Shares are integrated over time, never counted in frames: a camera that sends more frames while the face is seen would
otherwise report a coverage that no clock agrees with. The window is stored in 300 buckets of whole microseconds, so
that sums never drift, a day at 60 frames/s costs no more than a minute at 2, and a share is exact to one part in 300.
"""

from dataclasses import dataclass, field

__all__ = ["SlidingWindow"]

_BUCKETS = 300
_MICROSECONDS = 1_000_000


@dataclass(slots=True)
class SlidingWindow:
    """The last seconds of something that is added up over time; made by `of`.

    Attributes:
        width: Of one bucket, in microseconds; the window is 300 times as long.
        origin_seconds: Time at which bucket 0 began; None before the first entry.
        newest: Number of the newest bucket since the origin.
        buckets: Ring of amounts; one more than the window holds, for the oldest is partly outside.
        total: Sum of the ring.
    """

    width: int
    origin_seconds: float | None = None
    newest: int = 0
    buckets: list[int] = field(default_factory=lambda: [0] * (_BUCKETS + 1))
    total: int = 0

    @classmethod
    def of(cls, seconds: float) -> "SlidingWindow":
        """Return an empty window of a length."""
        return cls(max(1, round(seconds * _MICROSECONDS / _BUCKETS)))

    def add_time(self, begin_seconds: float, end_seconds: float) -> None:
        """Add the stretch [begin, end]; what is older than the window is ignored."""
        if end_seconds <= begin_seconds:
            return
        begin, end = self._microseconds(begin_seconds), self._microseconds(end_seconds)
        width = self.width
        self._advance(end // width)
        oldest = self.newest - _BUCKETS
        begin = max(begin, oldest * width)
        number = begin // width
        while begin < end:
            edge = min((number + 1) * width, end)
            self.buckets[number % (_BUCKETS + 1)] += edge - begin
            self.total += edge - begin
            begin = edge
            number += 1

    def add_count(self, at_seconds: float) -> None:
        """Count one event."""
        number = self._microseconds(at_seconds) // self.width
        self._advance(number)
        if number >= self.newest - _BUCKETS:
            self.buckets[number % (_BUCKETS + 1)] += 1
            self.total += 1

    def time_seconds(self, now_seconds: float) -> float:
        """Return how much time of the window up to `now_seconds` was added."""
        return self._sum(now_seconds) / _MICROSECONDS

    def count(self, now_seconds: float) -> int:
        """Return how many events of the window up to `now_seconds` were counted."""
        return round(self._sum(now_seconds))

    def shift(self, seconds: float) -> None:
        """Move to another origin of time."""
        if self.origin_seconds is not None:
            self.origin_seconds += seconds

    def is_sound(self) -> bool:
        """Return whether a ring read from outside holds together."""
        return len(self.buckets) == _BUCKETS + 1 and min(self.buckets) >= 0 and sum(self.buckets) == self.total

    def _microseconds(self, time_seconds: float) -> int:
        if self.origin_seconds is None:
            self.origin_seconds = time_seconds
        return round((time_seconds - self.origin_seconds) * _MICROSECONDS)

    def _advance(self, number: int) -> None:
        """Make room up to a bucket by emptying those that leave the window."""
        if number <= self.newest:
            return
        for passed in range(max(self.newest + 1, number - _BUCKETS), number + 1):
            slot = passed % (_BUCKETS + 1)
            self.total -= self.buckets[slot]
            self.buckets[slot] = 0
        self.newest = number

    def _sum(self, now_seconds: float) -> float:
        if self.origin_seconds is None:
            return 0.0
        width = self.width
        now = self._microseconds(now_seconds)
        self._advance(now // width)
        oldest = self.buckets[(self.newest - _BUCKETS) % (_BUCKETS + 1)]
        return self.total - oldest * ((now % width) / width if now // width == self.newest else 0.0)
