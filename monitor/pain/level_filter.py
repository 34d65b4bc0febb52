"""From single scores to a level: smoothed over time, with coverage, and unknown where nothing can be said.

A frame speaks for the second before it and the second after it, up to half the way to its neighbours; what nobody
speaks for is unknown. Up to a second of unknown time between two analysed frames is bridged, so that a face that is
missed now and then leaves no hole in the level; of a longer one, all but a second is left out. The same loss therefore
costs the same time at every frame rate.

A face that may be somebody else's can raise the level, but what it takes from it proves nothing about the patient: the
level without that is remembered apart, follows the scores of certain faces only, and decides where an alarm may end.
"""

import math
from dataclasses import dataclass, field

from monitor.config import AlarmSettings
from monitor.pain.exponential_average import Stretches, TimeAverage, time_above_zero
from monitor.pain.sliding_window import SlidingWindow

__all__ = ["FRAME_SPAN_SECONDS", "LevelFilter", "LevelFilterState", "LevelReading", "LevelSegment"]

FRAME_SPAN_SECONDS = 1.0
"""How long before and after itself a frame speaks, at most; also how much unknown time is bridged."""

_NOTHING = 1e-9
"""A difference between two levels that is none."""


@dataclass(frozen=True, slots=True)
class LevelSegment:
    """Time between two analysed frames in which the level is known.

    Attributes:
        begin_seconds: Monotonic time of the earlier frame.
        end_seconds: Monotonic time of the later frame.
        seconds: How much of the time between them is known; what is not known lies in the middle.
        above: When the level stood at or above `on_level`, in seconds of known time.
        below: When it stood at or below `off_level`, and would have done so without what uncertain faces took from it.
        share_before: On-share of the window at the beginning.
        share_after: On-share of the window at the end.
        is_certain: The patient's face was certain at both ends; a stretch that is not never ends an alarm.
        painful_before: Share of the window in which the score itself stood at or above `on_level`, at the beginning.
        painful_after: The same at the end.
    """

    begin_seconds: float
    end_seconds: float
    seconds: float
    above: Stretches
    below: Stretches
    share_before: float
    share_after: float
    is_certain: bool
    painful_before: float = 0.0
    painful_after: float = 0.0

    def time_at(self, known_seconds: float) -> float:
        """Return the monotonic time at which so much of the known time had passed."""
        return _time_at(known_seconds, self.begin_seconds, self.end_seconds, self.seconds)

    def reached(self, before: float, after: float, share: float) -> float | None:
        """Return when a share of the window reached `share` within the stretch; None when it is below at the end.

        Args:
            before: The share at the beginning.
            after: The share at the end.
            share: The one to be reached.
        """
        if after < share:
            return None
        if before >= share:
            return self.begin_seconds
        return self.time_at((share - before) / (after - before) * self.seconds)


def _time_at(known: float, begin: float, end: float, seconds: float) -> float:
    return begin + known if known <= seconds / 2 else end - (seconds - known)


@dataclass(frozen=True, slots=True)
class LevelReading:
    """What the filter says at one time; the fields are those of `Observation` and `Evidence`."""

    level: float | None
    display_level: float | None
    coverage: float
    on_share: float
    frames_used: int
    seconds_since_face: float | None


@dataclass(slots=True)
class LevelFilterState:
    """All that the filter remembers; its size does not depend on time or frame rate. Times are monotonic seconds."""

    covered: SlidingWindow
    above: SlidingWindow
    frames: SlidingWindow
    average: TimeAverage = field(default_factory=TimeAverage)
    proven: float | None = None  # the level without what uncertain faces took from it; None: they took nothing
    display: TimeAverage = field(default_factory=TimeAverage)
    first_frame_seconds: float | None = None
    last_frame_seconds: float | None = None
    last_frame_judged: bool = False
    judged_seconds: float | None = None
    unknown_seconds: float = 0.0
    judged_score: float = 0.0
    judged_certain: bool = False
    painful: SlidingWindow | None = None

    @classmethod
    def empty(cls, window_seconds: float) -> "LevelFilterState":
        """Return the memory of a bed that was never seen."""
        return cls(
            covered=SlidingWindow.of(window_seconds),
            above=SlidingWindow.of(window_seconds),
            frames=SlidingWindow.of(window_seconds),
        )

    @property
    def windows(self) -> tuple[SlidingWindow, ...]:
        """Everything that is added up over the window."""
        windows = (self.covered, self.above, self.frames)
        return windows if self.painful is None else (*windows, self.painful)

    def check(self) -> None:
        """Raise ValueError when a memory from outside is damaged."""
        if not all(window.is_sound() for window in self.windows):
            raise ValueError("the alarm state holds a window that is damaged")

    def fits(self, window_seconds: float) -> bool:
        """Whether this was added up over a window of that length."""
        width = SlidingWindow.of(window_seconds).width
        return all(window.width == width for window in self.windows)

    def shift(self, seconds: float) -> None:
        """Move to another origin of time."""
        for window in (self.covered, self.above, self.frames):
            window.shift(seconds)
        if self.painful is not None:
            self.painful.shift(seconds)
        if self.first_frame_seconds is not None:
            self.first_frame_seconds += seconds
        if self.last_frame_seconds is not None:
            self.last_frame_seconds += seconds
        if self.judged_seconds is not None:
            self.judged_seconds += seconds


class LevelFilter:
    """Smooths the scores of one bed.

    Args:
        settings: Time constants, thresholds and limits.
        memory: To go on from; a new one when absent.
    """

    def __init__(self, settings: AlarmSettings, memory: LevelFilterState | None = None) -> None:
        self._settings = settings
        self.memory = memory or LevelFilterState.empty(settings.window_seconds)
        self._shares: tuple[float, float, float, int] | None = None

    def observe(self, time_seconds: float, score: float | None, *, certain: bool = True) -> LevelSegment | None:
        """Take one frame, later than every one before.

        Args:
            time_seconds: Monotonic time of the frame.
            score: In [0, 1]; None for a frame in which the patient could not be analysed.
            certain: Whether the analysed face is certainly the patient's.

        Returns:
            The time since the last analysed frame, as far as the level is known in it; None when it is not known.
        """
        self._shares = None
        self._cover(time_seconds, analysed=score is not None)
        if score is None:
            return None
        segment = self._follow(time_seconds, score, certain=certain)
        memory = self.memory
        memory.judged_seconds, memory.judged_score, memory.judged_certain = time_seconds, score, certain
        memory.frames.add_count(time_seconds)
        return segment

    def read(self, now_seconds: float) -> LevelReading:
        """Return what can be said at `now_seconds`, which is not before the last frame."""
        memory, settings = self.memory, self._settings
        since = None if memory.judged_seconds is None else max(0.0, now_seconds - memory.judged_seconds)
        coverage, on_share, frames_used = self._shares_at(self._analysed_until(now_seconds))
        known = (
            since is not None
            and since <= settings.indeterminate_after_seconds
            and coverage >= settings.minimum_coverage
        )
        return LevelReading(
            level=memory.average.value() if known else None,
            display_level=memory.display.value() if known else None,
            coverage=coverage,
            on_share=on_share,
            frames_used=frames_used,
            seconds_since_face=since,
        )

    def unknown_from(self) -> float | None:
        """Return when the level becomes unknown if no face is analysed any more; None before the first face."""
        analysed = self.memory.judged_seconds
        return None if analysed is None else analysed + self._settings.indeterminate_after_seconds

    def _analysed_until(self, now_seconds: float) -> float:
        """Return up to when the window can be spoken of: the second after the last frame may still be covered."""
        last = self.memory.last_frame_seconds
        return now_seconds if last is None else max(last, now_seconds - FRAME_SPAN_SECONDS)

    def _shares_at(self, at_seconds: float) -> tuple[float, float, int]:
        """Return (coverage, on-share, frames used); the same as last time while neither time nor frames went on."""
        if self._shares is None or self._shares[0] != at_seconds:
            frames = self.memory.frames.count(at_seconds)
            self._shares = at_seconds, self._coverage(at_seconds), self._on_share(at_seconds), frames
        return self._shares[1:]

    def _cover(self, time_seconds: float, *, analysed: bool) -> None:
        memory = self.memory
        previous = memory.last_frame_seconds
        if previous is None:
            memory.first_frame_seconds = time_seconds
        else:
            gap = time_seconds - previous
            reach = min(gap / 2, FRAME_SPAN_SECONDS)
            memory.unknown_seconds += gap
            if memory.last_frame_judged:
                memory.covered.add_time(previous, previous + reach)
                memory.unknown_seconds -= reach
            if analysed:
                memory.covered.add_time(time_seconds - reach, time_seconds)
                memory.unknown_seconds -= reach
        memory.last_frame_seconds, memory.last_frame_judged = time_seconds, analysed

    def _follow(self, time_seconds: float, score: float, *, certain: bool) -> LevelSegment | None:
        memory, settings = self.memory, self._settings
        gap = 0.0 if memory.judged_seconds is None else time_seconds - memory.judged_seconds
        # After so long the score before says nothing about the way to this one.
        bridged = 0.0 < gap <= settings.indeterminate_after_seconds
        seconds = gap - max(0.0, memory.unknown_seconds - FRAME_SPAN_SECONDS) if bridged else 0.0
        memory.unknown_seconds = 0.0
        is_certain = certain and memory.judged_certain
        held = memory.average.value() if memory.proven is None else memory.proven
        for average, tau in (
            (memory.average, settings.level_tau_seconds),
            (memory.display, settings.display_tau_seconds),
        ):
            average.forget(gap - seconds, tau)
            average.begin(memory.judged_score if bridged else score)
        if not bridged:
            memory.proven = memory.proven if certain else held
            return None
        before, lowered = memory.judged_score, self._lowered()
        above = self._time_beyond(settings.on_level, 1.0, score, seconds)
        below = self._time_below(score, seconds, lowered, certain=is_certain)
        memory.average.follow(before, score, seconds, settings.level_tau_seconds)
        memory.proven = (
            self._proven(lowered * math.exp(-seconds / settings.level_tau_seconds))
            if is_certain
            else max(value for value in (held, memory.average.value()) if value is not None)
        )
        memory.display.follow(before, score, seconds, settings.display_tau_seconds)
        if self._coverage(time_seconds) < settings.minimum_coverage:
            return None
        begin = time_seconds - gap
        share_before, painful_before = self._on_share(begin), self._share(self._painful, begin)
        high = _time_at_or_above(settings.on_level, before, score, seconds)
        for window, stretches in ((memory.above, above), (self._painful, high)):
            for first, last in stretches:
                for part_first, part_last in ((first, min(last, seconds / 2)), (max(first, seconds / 2), last)):
                    if part_first < part_last:
                        part_begin = begin if part_last <= seconds / 2 else time_seconds - seconds
                        window.add_time(part_begin + part_first, part_begin + part_last)
        return LevelSegment(
            begin_seconds=begin,
            end_seconds=time_seconds,
            seconds=seconds,
            above=above,
            below=below,
            share_before=share_before,
            share_after=self._on_share(time_seconds),
            is_certain=is_certain,
            painful_before=painful_before,
            painful_after=self._share(self._painful, time_seconds),
        )

    def forget_painful(self) -> None:
        """Count the time with high scores from nothing: what was counted has led to an alarm that is over."""
        self.memory.painful = None

    @property
    def _painful(self) -> SlidingWindow:
        if self.memory.painful is None:
            self.memory.painful = SlidingWindow.of(self._settings.window_seconds)
        return self.memory.painful

    def _lowered(self) -> float:
        """Return what uncertain faces took from the level, in the unit of its average's `weighted`."""
        average, proven = self.memory.average, self.memory.proven
        return 0.0 if proven is None else max(0.0, proven * average.mass - average.weighted)

    def _proven(self, lowered: float) -> float | None:
        average = self.memory.average
        return None if lowered <= _NOTHING * average.mass else (average.weighted + lowered) / average.mass

    def _time_below(self, score: float, seconds: float, lowered: float, *, certain: bool) -> Stretches:
        """Return when the level, without what uncertain faces took from it, is at or below `off_level`."""
        off = self._settings.off_level
        if certain:
            return self._time_beyond(off, -1.0, score, seconds, lowered)
        return () if self.memory.average.excess(off) + lowered > 0.0 else self._time_beyond(off, -1.0, score, seconds)

    def _time_beyond(self, threshold: float, sign: float, score: float, seconds: float, more: float = 0.0) -> Stretches:
        """Return when the level is on the far side of a threshold: above it for sign 1, below it for sign -1.

        `more` is added to the average at the beginning, in the unit of its `weighted`.
        """
        average = self.memory.average
        return time_above_zero(
            sign * (average.excess(threshold) + more),
            sign * (self.memory.judged_score - threshold),
            sign * (score - threshold),
            seconds,
            self._settings.level_tau_seconds,
        )

    def _coverage(self, at_seconds: float) -> float:
        memory = self.memory
        if memory.first_frame_seconds is None:
            return 0.0
        span = min(at_seconds - memory.first_frame_seconds, self._settings.window_seconds)
        if span <= 0.0:
            return 1.0 if memory.last_frame_judged else 0.0
        return round(min(1.0, memory.covered.time_seconds(at_seconds) / span), 6)

    def _on_share(self, at_seconds: float) -> float:
        return self._share(self.memory.above, at_seconds)

    def _share(self, window: SlidingWindow, at_seconds: float) -> float:
        return min(1.0, window.time_seconds(at_seconds) / self._settings.window_seconds)


def _time_at_or_above(threshold: float, first: float, last: float, seconds: float) -> Stretches:
    """Return when a score is at or above a threshold between two frames.

    Each frame counts half-way to the other: where a straight line crosses the threshold depends on how far beyond it
    the frames lie, which makes slow rates systematically late for a score that jumps.
    """
    if min(first, last) >= threshold:
        return ((0.0, seconds),)
    if max(first, last) < threshold:
        return ()
    return ((0.0, seconds / 2),) if first >= threshold else ((seconds / 2, seconds),)
