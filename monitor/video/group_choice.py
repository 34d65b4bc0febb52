"""Which pictures of a group are analysed where a stream is analysed less often than in the ordinary case.

A group is a key frame and the pictures up to the next one, each of which needs those before it. Analysed pictures that
are spread evenly need nearly all of them; the same number at the ordinary distance from the key frame on leaves a tail
that nobody needs and that is not decoded. So what decoding costs falls with the rate, too.
"""

__all__ = ["LONGEST_GAP_SECONDS", "GroupChoice"]

LONGEST_GAP_SECONDS = 1.1
"""From an analysed picture to the next: as long as at the lowest rate to which a slow machine falls, and what a network
adds."""

_PATIENCE = 2.0
"""So many times a group's length the next key frame is waited for."""


class GroupChoice:
    """Chooses the first pictures of each group. Not thread-safe.

    Args:
        full_rate: Pictures per second in the ordinary case; their distance is kept.
    """

    def __init__(self, full_rate: float) -> None:
        self._full_rate = full_rate
        self._began_seconds: float | None = None
        self._owed = 0.0
        self._left = 0
        self._step_seconds = self._next_seconds = 0.0
        self._reach_seconds = self._ends_seconds = float("-inf")

    def is_over(self, time_seconds: float) -> bool:
        """Return whether the next key frame should have come long ago."""
        return time_seconds > self._ends_seconds

    @property
    def is_done(self) -> bool:
        """Whether no further picture of the group is wanted."""
        return self._left <= 0

    def begin(self, time_seconds: float, longest_seconds: float, rate: float) -> None:
        """Plan a group.

        Args:
            time_seconds: Of its key frame.
            longest_seconds: How long the group may last.
            rate: Pictures to select per second, on average over the groups; a few more where gaps would be too long.
        """
        began, self._began_seconds = self._began_seconds, time_seconds
        since_seconds = longest_seconds if began is None else min(time_seconds - began, longest_seconds)
        owed = self._owed + rate * max(0.0, since_seconds)
        fewest = 2 if longest_seconds > LONGEST_GAP_SECONDS else 1
        self._left = max(int(owed), fewest)
        self._owed = min(max(0.0, owed - self._left), 1.0)
        self._next_seconds = time_seconds
        self._ends_seconds = time_seconds + _PATIENCE * longest_seconds
        self._reach_seconds = time_seconds + longest_seconds - LONGEST_GAP_SECONDS
        self._step_seconds = 1.0 / self._full_rate
        self._spread()

    def slow(self, share: float) -> None:
        """Select fewer of the pictures that the group has still to give, but its last one.

        Args:
            share: Of them, in [0, 1].
        """
        if self._left > 0:
            self._left = max(1, int(self._left * share + 0.5))
            self._spread()

    def _spread(self) -> None:
        """Let the last picture be so late that the next key frame is not far."""
        if self._left == 1:
            self._next_seconds = max(self._next_seconds, self._reach_seconds)
        elif self._left > 1:
            far_seconds = (self._reach_seconds - self._next_seconds) / (self._left - 1)
            self._step_seconds = max(self._step_seconds, far_seconds)

    def is_due(self, time_seconds: float, interval_seconds: float) -> bool:
        """Return whether a picture of this time would be selected, by the usual time between two pictures."""
        tolerance = min(interval_seconds, self._step_seconds) / 2
        return self._left > 0 and time_seconds >= self._next_seconds - tolerance

    def take(self) -> None:
        """Note that a picture was selected."""
        self._left -= 1
        self._next_seconds += self._step_seconds
