"""When key frames only are decoded: while a decoder cannot keep up, which is reported, and while a calm bed rests."""

import logging
from collections.abc import Callable
from typing import Protocol

from monitor.video.probe import PipelineProbe
from monitor.video.status import DropCause

__all__ = ["DecodeChoice", "DecodeGovernor", "DecodePermits"]

_log = logging.getLogger(__name__)

# Two seconds, which many cameras are set to, and what a network adds.
_LONGEST_KEYFRAME_SECONDS = 2.2

_LASTING_SECONDS = 1.0
# A second, and what a network adds.
_LONGEST_REST_SECONDS = 1.1
_LATE_SECONDS = 0.5
_FREQUENT_SECONDS = 5.0
_LARGEST_REST_LAG_SECONDS = 0.4


class DecodePermits(Protocol):
    """Who knows whether the whole machine is late. Called from the cameras' threads."""

    def register(self, camera_id: str) -> None:
        """Note a new camera, which decodes every picture; it may replace another one of the same name."""
        ...

    def may_shed(self, camera_id: str, now_seconds: float) -> bool:
        """Return whether a camera whose decoding lags is to decode key frames only from this moment on."""
        ...

    def must_shed(self, camera_id: str, now_seconds: float, keyframe_interval_seconds: float) -> bool:
        """Return whether a camera whose decoding does not lag is to do so, too."""
        ...

    def may_return(self, camera_id: str, now_seconds: float) -> bool:
        """Return whether a camera that decodes key frames only is to decode every picture from this moment on."""
        ...


class DecodeGovernor:
    """Decides, from the lag of decoding, whether every picture or only key frames are decoded.

    Key frames alone cost a tenth of the whole stream. Going back is tried after a while; where the lag returns soon,
    the next trial waits twice as long, so that an overloaded machine does not swing to and fro.

    Args:
        enter_lag_seconds: Lag from arrival to the decoded picture above which, after one second, the load is shed.
        leave_lag_seconds: Lag below which going back may be tried.
        hold_seconds: First time to stay with key frames.
        longest_hold_seconds: Longest time to stay with them before a trial.
    """

    def __init__(
        self,
        enter_lag_seconds: float = 1.0,
        leave_lag_seconds: float = 0.3,
        hold_seconds: float = 5.0,
        longest_hold_seconds: float = 300.0,
    ) -> None:
        self._enter_lag_seconds = enter_lag_seconds
        self._leave_lag_seconds = leave_lag_seconds
        self._first_hold_seconds = hold_seconds
        self._hold_seconds = hold_seconds
        self._longest_hold_seconds = longest_hold_seconds
        self._changed_seconds: float | None = None
        self._late_since_seconds: float | None = None
        self._keyframes_only = False

    @property
    def keyframes_only(self) -> bool:
        """Whether only key frames are to be decoded, as of the last update."""
        return self._keyframes_only

    def update(
        self,
        now_seconds: float,
        lag_seconds: float,
        may_shed: Callable[[], bool] = lambda: True,
        must_shed: Callable[[], bool] = lambda: False,
        may_return: Callable[[], bool] = lambda: True,
    ) -> bool:
        """Return whether only key frames are to be decoded now.

        Args:
            now_seconds: Monotonic time.
            lag_seconds: From the arrival of the newest decoded picture's data to its decoding.
            may_shed: Asked before every turn to key frames alone, which takes place where it returns True.
            must_shed: Asked while the lag is small; True turns to key frames all the same.
            may_return: Asked likewise before every turn back.
        """
        if lag_seconds <= self._enter_lag_seconds:
            self._late_since_seconds = None
        elif self._late_since_seconds is None:
            self._late_since_seconds = now_seconds
        lasting = self._late_since_seconds is not None and now_seconds - self._late_since_seconds >= _LASTING_SECONDS
        since_change = float("inf") if self._changed_seconds is None else now_seconds - self._changed_seconds
        if not self._keyframes_only and (may_shed() if lasting else must_shed()):
            relapsed = since_change < 2.0 * self._hold_seconds
            longer = min(2.0 * self._hold_seconds, self._longest_hold_seconds)
            self._hold_seconds = longer if relapsed else self._first_hold_seconds
            self._change(now_seconds, keyframes_only=True)
        elif (
            self._keyframes_only
            and since_change >= self._hold_seconds
            and lag_seconds < self._leave_lag_seconds
            and may_return()
        ):
            self._change(now_seconds, keyframes_only=False)
        return self._keyframes_only

    def _change(self, now_seconds: float, *, keyframes_only: bool) -> None:
        self._keyframes_only = keyframes_only
        self._changed_seconds = now_seconds


class DecodeChoice:
    """Decides which pictures of one camera are decoded. For the camera's thread, but for `may_rest`.

    Args:
        camera_id: For the log and the permits.
        permits: Whether this camera may turn to key frames because decoding does not keep up, and turn back; None
            leaves it to the lag of this camera.

    Attributes:
        may_rest: Whether the bed is long calm and its key frames are enough; may be set from any thread. It rests
            while they have come at least once a second for a while, and while the decoder hands each on at once.
    """

    def __init__(self, camera_id: str, permits: DecodePermits | None = None) -> None:
        self.may_rest = False
        self._camera_id = camera_id
        self._permits = permits
        self._governor = DecodeGovernor()
        self._rare_seconds: float | None = None
        self._refused: PipelineProbe | None = None
        if permits is not None:
            permits.register(camera_id)

    @property
    def is_overloaded(self) -> bool:
        """Whether decoding does not keep up."""
        return self._governor.keyframes_only

    def update(self, now_seconds: float, probe: PipelineProbe) -> None:
        """Tell the probe of a pipeline what is left out now.

        Args:
            now_seconds: Monotonic time.
            probe: Of the pipeline that plays.
        """
        interval = probe.keyframe_interval_seconds
        are_frequent = interval is not None and interval <= _LONGEST_KEYFRAME_SECONDS
        was_overloaded, is_new = self._governor.keyframes_only, probe.left_out_as is None
        is_overloaded = self._update_governor(now_seconds, probe.lag_seconds, interval if are_frequent else None)
        rests = self._rests(now_seconds, probe)
        if is_overloaded:
            probe.leave_out_deltas(DropCause.KEYFRAMES_ONLY)
        else:
            probe.leave_out_deltas(DropCause.SAMPLING if rests else None)
        if is_overloaded and (is_new or not was_overloaded):
            _log.warning("camera %s: decoding does not keep up; only key frames are decoded for now", self._camera_id)
        elif was_overloaded and not is_overloaded:
            _log.warning("camera %s: every picture is decoded again", self._camera_id)

    def _update_governor(self, now_seconds: float, lag_seconds: float, keyframe_interval_seconds: float | None) -> bool:
        """Return whether only key frames are to be decoded; None for an interval that is too long for that."""
        permits, camera_id, interval = self._permits, self._camera_id, keyframe_interval_seconds
        if permits is None:
            return self._governor.update(now_seconds, lag_seconds, lambda: interval is not None)
        return self._governor.update(
            now_seconds,
            lag_seconds,
            lambda: interval is not None and permits.may_shed(camera_id, now_seconds),
            lambda: interval is not None and permits.must_shed(camera_id, now_seconds, interval),
            lambda: permits.may_return(camera_id, now_seconds),
        )

    def _rests(self, now_seconds: float, probe: PipelineProbe) -> bool:
        interval, newest_seconds = probe.keyframe_interval_seconds, probe.keyframe_seconds
        is_rare = interval is None or newest_seconds is None or interval > _LONGEST_REST_SECONDS
        if is_rare or now_seconds - (newest_seconds or 0.0) > _LONGEST_REST_SECONDS + _LATE_SECONDS:
            self._rare_seconds = now_seconds
        if probe.left_out_as is DropCause.SAMPLING and probe.lag_seconds > _LARGEST_REST_LAG_SECONDS:
            # A decoder that holds pictures back until the next one comes would show each of them a second late.
            self._refused = probe
        if not self.may_rest or self._refused is probe:
            return False
        return self._rare_seconds is None or now_seconds - self._rare_seconds >= _FREQUENT_SECONDS
