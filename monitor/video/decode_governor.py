"""When a decoder cannot keep up: decode key frames only, report it, and try again later."""

__all__ = ["DecodeGovernor"]

_LASTING_SECONDS = 1.0


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
        hold_seconds: float = 10.0,
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

    def update(self, now_seconds: float, lag_seconds: float, *, may_shed: bool = True) -> bool:
        """Return whether only key frames are to be decoded now.

        Args:
            now_seconds: Monotonic time.
            lag_seconds: From the arrival of the newest decoded picture's data to its decoding.
            may_shed: Whether turning to key frames is allowed now; what was turned to before stays.
        """
        if lag_seconds <= self._enter_lag_seconds:
            self._late_since_seconds = None
        elif self._late_since_seconds is None:
            self._late_since_seconds = now_seconds
        lasting = self._late_since_seconds is not None and now_seconds - self._late_since_seconds >= _LASTING_SECONDS
        since_change = float("inf") if self._changed_seconds is None else now_seconds - self._changed_seconds
        if not self._keyframes_only and lasting and may_shed:
            relapsed = since_change < 2.0 * self._hold_seconds
            longer = min(2.0 * self._hold_seconds, self._longest_hold_seconds)
            self._hold_seconds = longer if relapsed else self._first_hold_seconds
            self._change(now_seconds, keyframes_only=True)
        elif self._keyframes_only and since_change >= self._hold_seconds and lag_seconds < self._leave_lag_seconds:
            self._change(now_seconds, keyframes_only=False)
        return self._keyframes_only

    def _change(self, now_seconds: float, *, keyframes_only: bool) -> None:
        self._keyframes_only = keyframes_only
        self._changed_seconds = now_seconds
