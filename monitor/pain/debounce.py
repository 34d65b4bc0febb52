"""Delays: a condition is declared when it has held long enough, and over when it has been gone long enough."""

from dataclasses import dataclass, field

__all__ = ["Debounce"]

_FLICKER_SECONDS = 1.0
"""A pause shorter than this does not restart a delay."""


@dataclass(slots=True)
class Debounce:
    """Whether something holds, according to one or more witnesses, and since when. Times are monotonic seconds.

    Attributes:
        witnesses: Who says that it holds now.
        detail: What the last witness said about it, for people; empty for nothing in particular.
        subjects: What it is about, by name, as the last witness said; empty where it is about one thing.
        since_seconds: When it began to hold; retained over a short interruption.
        gone_seconds: When it last ceased to hold.
    """

    witnesses: list[str] = field(default_factory=list)
    detail: str = ""
    subjects: list[str] = field(default_factory=list)
    since_seconds: float | None = None
    gone_seconds: float | None = None

    @property
    def holds(self) -> bool:
        """Whether any witness says so."""
        return bool(self.witnesses)

    def set_source(self, witness: str, at_seconds: float, *, present: bool) -> None:
        """Note what a witness saw; a repetition changes nothing."""
        if present == (witness in self.witnesses):
            return
        if present:
            if not self.holds:
                self._begin(at_seconds)
            self.witnesses.append(witness)
        else:
            self.witnesses.remove(witness)
            if not self.holds:
                self.gone_seconds = at_seconds

    def declared_at(self, now_seconds: float, delay_seconds: float) -> float | None:
        """Return when it had held long enough, if that has been by now."""
        if not self.holds or self.since_seconds is None or now_seconds < self.since_seconds + delay_seconds:
            return None
        return self.since_seconds + delay_seconds

    def over_at(self, now_seconds: float, clear_seconds: float) -> float | None:
        """Return when it had been gone long enough, if that has been by now."""
        if self.holds or self.gone_seconds is None or now_seconds < self.gone_seconds + clear_seconds:
            return None
        return self.gone_seconds + clear_seconds

    def shift(self, seconds: float) -> None:
        """Move to another origin of time."""
        if self.since_seconds is not None:
            self.since_seconds += seconds
        if self.gone_seconds is not None:
            self.gone_seconds += seconds

    def _begin(self, at_seconds: float) -> None:
        flickers = self.gone_seconds is not None and at_seconds - self.gone_seconds < _FLICKER_SECONDS
        if self.since_seconds is None or not flickers:
            self.since_seconds = at_seconds
