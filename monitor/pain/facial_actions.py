"""What an infant's face did in the last half minute, in the terms of clinical scales.

PIPP-R (Stevens et al. 2014, doi 10.1097/AJP.0b013e3182906aed) gives each of three facial actions 0 to 3 points by the
share of 30 s in which it is seen: below 10 %, 10 to 39 %, 40 to 69 %, 70 % and more.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from monitor.pain.level_filter import FRAME_SPAN_SECONDS
from monitor.pain.sliding_window import SlidingWindow
from monitor.pain.vocabulary import ActionReading, FaceAction

__all__ = ["ActionWindow", "pipp_r_points"]

_PRESENT = 0.5
"""From this value on, on the scale from rest (0) to strongest (1), an action counts as seen."""

_LEAST_SECONDS = 3.0
_BANDS = (0.10, 0.40, 0.70)


_PIPP_R = frozenset({FaceAction.EYES_SQUEEZED, FaceAction.BROW_LOWERED, FaceAction.FURROW_DEEPENED})


def pipp_r_points(share: float) -> int:
    """Return the points of a facial item of PIPP-R for a share of time in [0, 1]."""
    return sum(share >= band for band in _BANDS)


@dataclass(slots=True)
class ActionWindow:
    """The actions of one infant over the last seconds, integrated over time and not counted in frames.

    Attributes:
        measured: Time in which actions were measured.
        seen: Time in which each was seen.
        newest: Values of the newest frame; empty where it has none.
        last_seconds: When the newest frame with actions was taken.
    """

    measured: SlidingWindow
    seen: dict[FaceAction, SlidingWindow]
    newest: Mapping[FaceAction, float] = field(default_factory=dict)
    last_seconds: float | None = None

    @classmethod
    def of(cls, seconds: float) -> "ActionWindow":
        """Return an empty window of a length."""
        return cls(SlidingWindow.of(seconds), {action: SlidingWindow.of(seconds) for action in FaceAction})

    def add(self, time_seconds: float, values: Mapping[FaceAction, float]) -> None:
        """Take the actions of a frame, in [0, 1] each; without all of them the face could not be assessed."""
        if any(not 0.0 <= values.get(action, math.nan) <= 1.0 for action in FaceAction):
            self.newest = {}
            return
        last = self.last_seconds
        if last is not None and 0.0 < time_seconds - last <= FRAME_SPAN_SECONDS:
            # A stretch between two frames belongs to the later one.
            self.measured.add_time(last, time_seconds)
            for action, window in self.seen.items():
                if values[action] >= _PRESENT:
                    window.add_time(last, time_seconds)
        self.newest, self.last_seconds = dict(values), time_seconds

    def read(self, now_seconds: float) -> tuple[ActionReading, ...]:
        """Return every action; nothing where less than three seconds of the window were measured."""
        measured = self.measured.time_seconds(now_seconds)
        if measured < _LEAST_SECONDS:
            return ()
        is_fresh = self.last_seconds is not None and now_seconds - self.last_seconds <= 2 * FRAME_SPAN_SECONDS
        readings = []
        for action, window in self.seen.items():
            share = min(window.time_seconds(now_seconds) / measured, 1.0)
            now = self.newest.get(action) if is_fresh else None
            readings.append(ActionReading(action, now, share, pipp_r_points(share) if action in _PIPP_R else None))
        return tuple(readings)
