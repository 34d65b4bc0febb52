"""How often each bed is analysed: less often while it has been calm for a while, at once in full when it is not.

The level and the conditions of an alarm go by time, not by frames. So fewer frames change an answer only by how long
the first frame of an episode lets wait: half a second at 2 frames/s, up to 1.1 s where pictures are chosen by groups,
beside the seconds that a level needs to rise.
"""

import threading
from typing import Self

from monitor.config import StationConfig
from monitor.pain.vocabulary import Observation

__all__ = ["CALM_SECONDS", "AdaptiveRate"]

CALM_SECONDS = 15.0
"""So long must nothing have pointed to pain."""

_CALM_SHARE = 0.5
# Cameras with fewer key frames do not rest.
_KEY_FRAME_RATE = 0.9


class AdaptiveRate:
    """Chooses the rate of every bed. Thread-safe; it keeps one time a bed.

    Args:
        full_rate: Frames per second, in the ordinary case.
        calm_rate: Frames per second of a calm bed; None analyses every bed at the full rate always.
        off_level: Level at which an alarm ends; calm is what stays at or below half of it.
        key_frames: Whether the key frames of a calm bed's camera are enough.
    """

    def __init__(
        self, full_rate: float, calm_rate: float | None, off_level: float, *, key_frames: bool = False
    ) -> None:
        self._full_rate = full_rate
        self._key_frames = key_frames
        self._calm_rate = calm_rate
        self._largest = _CALM_SHARE * off_level
        self._lock = threading.Lock()
        self._calm_since_seconds: dict[str, float] = {}

    @classmethod
    def of(cls, config: StationConfig) -> Self:
        """Return the rates that a station is configured for."""
        analysis = config.analysis
        return cls(
            analysis.frames_per_second,
            analysis.calm_frames_per_second,
            config.alarms.off_level,
            key_frames=analysis.calm_key_frames,
        )

    @property
    def least_rate(self) -> float:
        """Frames per second below which a bed is analysed less often than it should be."""
        return min(self._calm_least_rate, _KEY_FRAME_RATE) if self._key_frames else self._calm_least_rate

    @property
    def _calm_least_rate(self) -> float:
        return self._full_rate if self._calm_rate is None else min(self._calm_rate, self._full_rate)

    def change_off_level(self, off_level: float) -> None:
        """Take the alarm logic's new threshold."""
        self._largest = _CALM_SHARE * off_level

    def rate(self, bed: str, observation: Observation) -> float:
        """Return the frames per second at which a bed is to be analysed from now on.

        Args:
            bed: Its id.
            observation: What its newest analysed frame led to.
        """
        with self._lock:
            if not self._is_calm(observation):
                self._calm_since_seconds.pop(bed, None)
                return self._full_rate
            since = self._calm_since_seconds.setdefault(bed, observation.time_seconds)
            return self._calm_least_rate if observation.time_seconds - since >= CALM_SECONDS else self._full_rate

    def may_rest(self, bed: str, now_seconds: float) -> bool:
        """Return whether a bed has been calm for so long that its camera's key frames are enough.

        Args:
            bed: Its id.
            now_seconds: Time of its newest analysed frame, whose rate was asked for.
        """
        with self._lock:
            since = self._calm_since_seconds.get(bed)
            return self._key_frames and since is not None and now_seconds - since >= CALM_SECONDS

    def _is_calm(self, observation: Observation) -> bool:
        """Return whether a face was seen, well enough to assess, that shows no pain; not to see is no calm."""
        score, level = observation.score, observation.level
        return score is not None and level is not None and max(score, level) <= self._largest
