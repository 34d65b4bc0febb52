"""When a level means pain, and when it means that the pain is over: only time in which the level is known counts."""

from dataclasses import dataclass, field

from monitor.config import AlarmSettings
from monitor.pain.exponential_average import Stretches
from monitor.pain.level_filter import LevelSegment

__all__ = ["HoldTimer", "HoldTimers"]


@dataclass(slots=True)
class HoldTimer:
    """Time for which the level has stayed beyond a threshold without coming back.

    Attributes:
        onset_seconds: Monotonic time at which it began; None while there is none.
        lasted_seconds: Known time that has counted since.
    """

    onset_seconds: float | None = None
    lasted_seconds: float = 0.0

    def reset(self) -> None:
        """Restart."""
        self.onset_seconds, self.lasted_seconds = None, 0.0

    def shift(self, seconds: float) -> None:
        """Move to another origin of time."""
        if self.onset_seconds is not None:
            self.onset_seconds += seconds

    def extend(self, segment: LevelSegment, parts: Stretches, needed_seconds: float) -> tuple[float, float] | None:
        """Add a stretch, of which `parts` were beyond the threshold.

        Returns:
            (onset, proof): when the run began, and when within this stretch it had lasted for `needed_seconds`.
        """
        proof: tuple[float, float] | None = None
        position = 0.0
        for first, last in parts:
            if first > position:
                self.reset()
            if self.onset_seconds is None:
                self.onset_seconds = segment.time_at(first)
            missing = max(0.0, needed_seconds - self.lasted_seconds)
            if proof is None and missing <= last - first:
                proof = self.onset_seconds, segment.time_at(first + missing)
            self.lasted_seconds += last - first
            position = last
        if position < segment.seconds:
            self.reset()
        return proof


@dataclass(slots=True)
class HoldTimers:
    """How long the level has spoken for pain, and how long against it."""

    pain: HoldTimer = field(default_factory=HoldTimer)
    relief: HoldTimer = field(default_factory=HoldTimer)

    def forget(self) -> None:
        """The level is not known any more: what it said before proves nothing about now."""
        self.pain.reset()
        self.relief.reset()

    def shift(self, seconds: float) -> None:
        """Move to another origin of time."""
        self.pain.shift(seconds)
        self.relief.shift(seconds)

    def pain_proof(self, segment: LevelSegment, settings: AlarmSettings) -> tuple[float, float] | None:
        """Return (onset, proof) once the level has stood at or above `on_level` for `hold_seconds`."""
        return self.pain.extend(segment, segment.above, settings.hold_seconds)

    def relief_proof(self, segment: LevelSegment, needed_seconds: float) -> float | None:
        """Return when the level had stood at or below `off_level` for so long with the patient's face certain.

        Time in which the face was not certainly the patient's does not count, but a level above the threshold in it
        restarts the count.
        """
        if segment.is_certain:
            proof = self.relief.extend(segment, segment.below, needed_seconds)
            return None if proof is None else proof[1]
        if segment.below != ((0.0, segment.seconds),):
            self.relief.reset()
        return None
