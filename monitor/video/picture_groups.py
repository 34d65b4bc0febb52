"""How long a stream's groups of pictures are, and whether the end of one can be left out."""

from collections import deque

__all__ = ["PictureGroups"]

_KNOWN_GROUPS = 4
_LONGEST_SECONDS = 2.2
"""Two seconds, which many cameras are set to, and what a network adds."""
_TOLERANCE, _TOLERANCE_SECONDS = 0.1, 0.05
_MOST_GROUPS = 512
"""After each group that was longer than expected, twice as many must be as expected; at most so many."""


class PictureGroups:
    """Measures the groups of one stream: a key frame, and what follows it up to the next. Not thread-safe.

    Where the last pictures of a group are not decoded, nothing can be decoded before the next key frame. So that must
    come when it is expected, and what follows it may need no earlier picture.
    """

    def __init__(self) -> None:
        self._lengths_seconds: deque[float] = deque(maxlen=_KNOWN_GROUPS)
        self._began_seconds: float | None = None
        self._expected = 0
        self._wanted = _KNOWN_GROUPS
        self._are_closed = True
        self._was_prompt = False

    def begin(self, time_seconds: float, *, begins_anew: bool, was_prompt: bool) -> None:
        """Note a key frame.

        Args:
            time_seconds: When it was recorded.
            begins_anew: Whether nothing that follows it needs an earlier picture.
            was_prompt: Whether the decoder gave each picture of the group before without waiting for the next.
        """
        self._was_prompt = was_prompt
        self._are_closed = self._are_closed and begins_anew
        began, self._began_seconds = self._began_seconds, time_seconds
        if began is None:
            return
        length_seconds = time_seconds - began
        if self.is_overdue(length_seconds):
            # A key frame was lost; and some cameras lengthen their groups while nothing moves.
            self._note_surprise()
        elif length_seconds <= 0.0:
            self._forget()
        else:
            self._lengths_seconds.append(length_seconds)
            self._expected += 1

    @property
    def longest_seconds(self) -> float | None:
        """How long the present group lasts at most; None where that is not certain enough to leave out its end."""
        is_known = self._are_closed and self._was_prompt and self._expected >= self._wanted
        longest_seconds = max(self._lengths_seconds, default=0.0)
        return longest_seconds if is_known and longest_seconds <= _LONGEST_SECONDS else None

    def is_overdue(self, seconds: float) -> bool:
        """Return whether the next key frame should have come, so long after the newest one."""
        is_known = len(self._lengths_seconds) == _KNOWN_GROUPS
        return is_known and seconds > (1.0 + _TOLERANCE) * max(self._lengths_seconds) + _TOLERANCE_SECONDS

    def end_in_tail(self, seconds: float) -> None:
        """Note that the stream ended while the end of a group was left out.

        Where the next key frame is overdue, its pictures were missed for so long that the camera counted as lost.

        Args:
            seconds: Since the newest key frame.
        """
        if self.is_overdue(seconds):
            self._note_surprise()

    def begin_stream(self) -> None:
        """Note that another stream of the same camera begins; how far its groups can be relied on is remembered."""
        self._began_seconds = None
        self._are_closed, self._was_prompt = True, False
        self._forget()

    def _note_surprise(self) -> None:
        self._wanted = min(2 * self._wanted, _MOST_GROUPS)
        self._forget()

    def _forget(self) -> None:
        self._lengths_seconds.clear()
        self._expected = 0
