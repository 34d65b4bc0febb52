"""Whether the patient's face has been out of sight for too long, and nothing else explains it."""

from dataclasses import dataclass

from monitor.pain.level_filter import FRAME_SPAN_SECONDS

__all__ = ["FaceAbsence"]


@dataclass(slots=True)
class FaceAbsence:
    """Since when no face has been seen, and since when too little of it to know a level. Times are monotonic seconds.

    Attributes:
        unseen_since: The face has not been seen since; None before the first frame or tick.
        unknown_since: The level has not been known since.
        seen_from: Beginning of the newest run of frames with a face since it was last declared lost; a frame missed now
            and then does not end a run.
        seen_until: Newest frame with a face.
        was_glimpsed: The face was seen now and then, and too little of it to know a level; until a level is known.
        was_explained: An alert has said why no face is seen since a level was last known.
        passed_seconds: Up to when time has passed.
    """

    unseen_since: float | None = None
    unknown_since: float | None = None
    seen_from: float | None = None
    seen_until: float | None = None
    was_glimpsed: bool = False
    was_explained: bool = False
    passed_seconds: float | None = None

    def see(self, at_seconds: float) -> None:
        """Note a frame with a face of the patient."""
        if self.seen_from is None or self.seen_until is None or at_seconds - self.seen_until > 2 * FRAME_SPAN_SECONDS:
            self.seen_from = at_seconds
        self.seen_until = self.unseen_since = at_seconds

    def pass_time(self, now_seconds: float, *, is_level_known: bool, is_hidden: bool) -> None:
        """Let time pass; while an alert says why the face is not seen, the count stands still.

        It does not begin again afterwards: what hides the face for a moment, over and over, must not keep silent that
        nobody is seen. Only what is unknown is counted from the start, once: a level takes a while to be known again.
        """
        known = (time for time in (self.passed_seconds, self.unseen_since, now_seconds) if time is not None)
        before = next(known)  # a state of an earlier version does not say up to when time had passed
        stood_still = max(0.0, now_seconds - before) if is_hidden else 0.0
        self.passed_seconds = now_seconds
        self.unseen_since = _later(self.unseen_since, stood_still, now_seconds)
        self.unknown_since = _later(self.unknown_since, stood_still, now_seconds)
        if is_level_known or (is_hidden and not self.was_explained):
            self.unknown_since = now_seconds
        self.was_explained = not is_level_known and (is_hidden or self.was_explained)
        self.was_glimpsed = not is_level_known and self.was_glimpsed

    def lost_at(self, now_seconds: float, after_seconds: float) -> tuple[float, float] | None:
        """Return (since, declared) when the face has been out of sight, or seen too rarely, for `after_seconds`."""
        unseen = self.unseen_since if self.unseen_since is not None else now_seconds
        unknown = self.unknown_since if self.unknown_since is not None else now_seconds
        since = min(unseen, unknown)
        if now_seconds < since + after_seconds:
            return None
        self.was_glimpsed = self.was_glimpsed or unseen > unknown
        self.seen_from = None
        return since, since + after_seconds

    def found_at(self, now_seconds: float, clear_seconds: float, *, is_level_known: bool) -> float | None:
        """Return when the face is back: seen without a break for a while, or often enough to know the level."""
        if is_level_known:
            return now_seconds
        if self.was_glimpsed or self.seen_from is None or self.seen_until is None:
            return None
        if self.seen_until < self.seen_from + clear_seconds:
            return None
        # Only once is the sight of a face enough; where it goes again before a level is known, it was a glimpse.
        self.unknown_since, self.was_glimpsed = now_seconds, True
        return self.seen_from + clear_seconds

    def shift(self, seconds: float) -> None:
        """Move to another origin of time."""
        if self.unseen_since is not None:
            self.unseen_since += seconds
        if self.unknown_since is not None:
            self.unknown_since += seconds
        if self.seen_from is not None:
            self.seen_from += seconds
        if self.seen_until is not None:
            self.seen_until += seconds
        if self.passed_seconds is not None:
            self.passed_seconds += seconds


def _later(since_seconds: float | None, by_seconds: float, now_seconds: float) -> float:
    """Return a beginning moved on by so much, and no further than to now, which it is where there was none."""
    return now_seconds if since_seconds is None else min(now_seconds, since_seconds + by_seconds)
