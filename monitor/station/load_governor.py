"""Slows all beds alike when the machine does not keep up, and brings the full rate back when it does.

Overload that nobody governs makes itself worse: late frames are decoded, converted and thrown away, faces move on
between two frames and must be searched for. So the rate of all beds is lowered together, step by step, until the
workers have a little time to spare; only when that was not enough may cameras decode their key frames alone, some at
a time, and they return one by one.
"""

import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

from monitor.station.decode_shedding import DecodeShedding

__all__ = ["TOO_SLOW_SHARE", "Load", "LoadGovernor"]

_STEP_SECONDS = 1.0
_SLOWER, _LITTLE_SLOWER, _FASTER, _LITTLE_FASTER = 0.75, 0.87, 1.3, 1.06
_LEAST_STEP = 0.04
"""Of the full rate."""
_NEAR_SHARE, _BEYOND_SHARE = 0.85, 1.25
"""Of the rate at which the machine was late last: from the first on the rate rises in small steps, to the second."""
_EFFECT_STEPS = 3
"""A rate takes effect with each camera's next key frame, one or two seconds later."""
_BUSY_SHARE = 0.94
_SPARE_SHARE, _MUCH_SPARE_SHARE = 0.88, 0.75
_LATE_SECONDS, _EARLY_SECONDS = 0.6, 0.3
_SHED_AFTER_SECONDS = 3.0
_FAR_BEHIND_SECONDS = 2.0
_STARVED_AFTER_SECONDS = 10.0
_TAKE_BACK_SECONDS = 5.0
_STARVED_SHARE = 0.95
_QUIET_SECONDS = 3.0
_IDLE_SHARE = 0.4
TOO_SLOW_SHARE = 0.6
"""Below this share of the wanted rate the station is too slow for its beds."""


@dataclass(frozen=True, slots=True)
class Load:
    """How busy the machine is.

    Attributes:
        busy_share: Share in [0, 1] of the workers' time in which they analysed frames.
        lags_seconds: By camera, from the arrival of its newest picture to its decoding; None before the first.
        frames_per_second: Analysed of all beds together, lately.
    """

    busy_share: float
    lags_seconds: Mapping[str, float | None]
    frames_per_second: float = 0.0


class LoadGovernor:
    """Chooses the highest rate at which every bed can be analysed. Thread-safe.

    Args:
        full_rate: Analysed frames per second of a bed in the ordinary case.
        least_rate: Never below this, so that the delays of the alarms hold; at most `full_rate`.
    """

    def __init__(self, full_rate: float, least_rate: float = 1.0) -> None:
        self._full_rate = full_rate
        self._least_rate = min(least_rate, full_rate)
        self._rate = full_rate
        self._past_rates = deque([full_rate], maxlen=_EFFECT_STEPS)
        self._late_rate: float | None = None
        self._was_near = False
        self._late_steps = 0
        self._updated_seconds: float | None = None
        self._least_since_seconds: float | None = None
        self._late_since_seconds: float | None = None
        self._quiet_since_seconds: float | None = None
        self._busy_share = self._lag_seconds = 0.0
        self._cameras = 0
        self._rate_of_each = 0.0
        self._shedding = DecodeShedding()
        self._lock = threading.Lock()

    @property
    def rate(self) -> float:
        """Analysed frames per second that every bed may have now."""
        with self._lock:
            return self._rate

    @property
    def full_rate(self) -> float:
        """Analysed frames per second of a bed in the ordinary case."""
        return self._full_rate

    @property
    def is_too_slow(self) -> bool:
        """Whether the machine cannot give its beds what was asked for, by a margin that people should know of."""
        with self._lock:
            return self._rate < TOO_SLOW_SHARE * self._full_rate or bool(self._shedding.cameras)

    @property
    def shed_cameras(self) -> int:
        """How many cameras decode key frames only because the whole machine is late."""
        with self._lock:
            return len(self._shedding.cameras)

    def register(self, camera_id: str) -> None:
        """Note a new camera, which decodes every picture; it may replace another one of the same name."""
        with self._lock:
            self._shedding.keep(self._shedding.cameras - {camera_id})

    def may_shed(self, camera_id: str, now_seconds: float) -> bool:
        """Return whether a camera that lags is to decode key frames only: slowing all beds was not enough, or not why.

        Args:
            camera_id: The camera, which turns to key frames where this is true.
            now_seconds: Monotonic time.
        """
        with self._lock:
            if self._late_since_seconds is None:
                return True
            since, is_far_behind = self._least_since_seconds, self._lag_seconds > _FAR_BEHIND_SECONDS
            was_tried = since is not None and now_seconds - since >= _SHED_AFTER_SECONDS
            if not (was_tried or is_far_behind):
                return False
            takes_all = was_tried and is_far_behind
            return self._shedding.shed(camera_id, now_seconds, self._cameras, takes_all=takes_all)

    def must_shed(self, camera_id: str, now_seconds: float, keyframe_interval_seconds: float) -> bool:
        """Return whether a camera that does not lag is to decode key frames only, so that workers have time for all.

        That is where decoders leave the workers so little that fewer frames are analysed than there are key frames.

        Args:
            camera_id: The camera, which turns to key frames where this is true.
            now_seconds: Monotonic time.
            keyframe_interval_seconds: From one of its key frames to the next.
        """
        with self._lock:
            late, least = self._late_since_seconds, self._least_since_seconds
            is_starved = self._rate_of_each * keyframe_interval_seconds < _STARVED_SHARE
            if late is None or least is None or not is_starved:
                return False
            patience_seconds = _TAKE_BACK_SECONDS if self._shedding.cameras else _STARVED_AFTER_SECONDS
            if now_seconds - max(late, least, self._shedding.shed_seconds) < patience_seconds:
                return False
            return self._shedding.shed(camera_id, now_seconds, self._cameras)

    def may_return(self, camera_id: str, now_seconds: float) -> bool:
        """Return whether a camera that decodes key frames only is to decode every picture again.

        Args:
            camera_id: The camera, which does so where this is true.
            now_seconds: Monotonic time.
        """
        with self._lock:
            if camera_id not in self._shedding.cameras:
                return True
            since = self._quiet_since_seconds
            if since is None or now_seconds - since < _QUIET_SECONDS:
                return False
            is_idle = self._busy_share < _IDLE_SHARE
            return self._shedding.give_back(camera_id, now_seconds, self._cameras, is_idle=is_idle)

    def update(self, now_seconds: float, load: Load) -> None:
        """Take what was measured since the last call; call it at least once a second."""
        with self._lock:
            if self._updated_seconds is not None and now_seconds - self._updated_seconds < _STEP_SECONDS:
                return
            self._updated_seconds = now_seconds
            # A camera that is gone or cut off holds no other back.
            self._shedding.keep(name for name, lag in load.lags_seconds.items() if lag is not None)
            self._cameras, self._busy_share = len(load.lags_seconds), load.busy_share
            self._rate_of_each = load.frames_per_second / max(1, self._cameras)
            self._lag_seconds = lag = self._median_lag(load)
            # One camera that lags alone has a decoder of its own that is too slow; most of them: the machine is.
            is_late = load.busy_share > _BUSY_SHARE or lag > _LATE_SECONDS
            is_quiet = load.busy_share < _MUCH_SPARE_SHARE and lag < _EARLY_SECONDS
            self._late_steps = self._late_steps + 1 if is_late else 0
            self._late_since_seconds = _since(self._late_since_seconds, now_seconds, holds=is_late)
            self._quiet_since_seconds = _since(self._quiet_since_seconds, now_seconds, holds=is_quiet)
            slower = self._slower() if is_late else _SLOWER
            if lag > _FAR_BEHIND_SECONDS:
                self._rate = self._least_rate
            elif is_late or self._makes_room(now_seconds):
                self._rate = max(self._least_rate, self._rate * slower)
            elif is_quiet:
                self._rate = min(self._full_rate, self._faster())
            elif load.busy_share < _SPARE_SHARE and lag < _EARLY_SECONDS:
                self._rate = min(self._full_rate, self._rate * _LITTLE_FASTER)
            self._past_rates.append(self._rate)
            is_least = self._rate <= self._least_rate
            self._least_since_seconds = _since(self._least_since_seconds, now_seconds, holds=is_least)

    def _slower(self) -> float:
        """Return the factor by which a machine that is late is slowed now: little where small steps led to it."""
        if self._late_steps == 1:
            self._was_near, self._late_rate = self._late_rate is not None, self._past_rates[0]
        if not self._was_near or self._late_steps > _EFFECT_STEPS - 1:
            return _SLOWER
        # What was done about it a step ago is given time to show.
        return _LITTLE_SLOWER if self._late_steps == 1 else 1.0

    def _faster(self) -> float:
        """Return the next higher rate: only a little higher near the one at which the machine was late."""
        if self._late_rate is not None and self._rate > _BEYOND_SHARE * self._late_rate:
            self._late_rate = None
        if self._late_rate is None:
            return self._rate * _FASTER
        little = max(self._rate * _LITTLE_FASTER, self._rate + _LEAST_STEP * self._full_rate)
        return max(little, min(self._rate * _FASTER, _NEAR_SHARE * self._late_rate))

    def _median_lag(self, load: Load) -> float:
        """Return the median of the cameras that decode every picture; where none does, of all."""
        lags = {name: lag for name, lag in load.lags_seconds.items() if lag is not None}
        whole = [lag for name, lag in lags.items() if name not in self._shedding.cameras]
        return median(whole or lags.values()) if lags else 0.0

    def _makes_room(self, now_seconds: float) -> bool:
        """Return whether all beds stay slow so that cameras can decode every picture again.

        Between two trials, the time that there is goes to those that do.
        """
        if not self._shedding.cameras:
            return False
        return not self._shedding.has_relapsed or self._shedding.is_trying(now_seconds)


def _since(since_seconds: float | None, now_seconds: float, *, holds: bool) -> float | None:
    """Return since when something holds; None while it does not."""
    if not holds:
        return None
    return now_seconds if since_seconds is None else since_seconds
