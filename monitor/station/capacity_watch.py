"""Whether the machine keeps up with its beds: every bed for itself, and all of them together."""

from collections.abc import Callable, Mapping

from monitor.pain.vocabulary import Code
from monitor.station.load_governor import Load, LoadGovernor
from monitor.station.measured_capacity import CapacityMeter
from monitor.station.station_conditions import ConditionReport
from monitor.station.throughput import Throughput
from monitor.video.status import CameraState, CameraStatus

__all__ = ["CapacityWatch"]

_SETTLING_SECONDS = 15.0
_ENOUGH_SHARE = 0.5


class CapacityWatch:
    """Compares what is analysed with what should be, and feeds the governor. Called from the supervisor's thread.

    Args:
        throughput: Analysed frames.
        governor: Chooses the rate of all beds.
        least_rate: Frames per second below which a bed is analysed less often than it should be.
        busy_seconds: Returns the time that all workers have spent on frames, and how many workers there are.
        meter: Measures what the machine can do at most, for the next start.
    """

    def __init__(
        self,
        throughput: Throughput,
        governor: LoadGovernor,
        least_rate: float,
        busy_seconds: Callable[[], tuple[float, int]],
        meter: CapacityMeter | None = None,
    ) -> None:
        self._throughput = throughput
        self._governor = governor
        self._least_rate = least_rate
        self._busy_seconds = busy_seconds
        self._meter = meter
        self._playing_since: dict[str, float] = {}
        self._before: tuple[float, float] | None = None
        self._busy_share = 0.0

    @property
    def rate(self) -> float:
        """Analysed frames per second that every bed may have now."""
        return self._governor.rate

    def check_bed(self, bed_id: str, status: CameraStatus, now_seconds: float) -> tuple[bool, float, str]:
        """Return whether a bed is overloaded by itself, the time, and a sentence: the arguments of a report."""
        if status.state is not CameraState.PLAYING:
            self._playing_since.pop(bed_id, None)
            return False, now_seconds, ""
        since = self._playing_since.setdefault(bed_id, now_seconds)
        wanted = min(self._least_rate, self._governor.rate, status.frames_per_second or self._least_rate)
        rate = self._throughput.rate(bed_id, now_seconds)
        detail = ""
        if status.overloaded:
            detail = "The machine cannot decode every picture of this camera: only key frames are analysed."
        elif now_seconds - since > _SETTLING_SECONDS and rate < _ENOUGH_SHARE * wanted:
            detail = f"Only {rate:.1f} of {wanted:.1f} frames per second are analysed."
        return bool(detail), now_seconds, detail

    def check_station(self, now_seconds: float, lags_seconds: Mapping[str, float | None]) -> ConditionReport:
        """Let the governor adjust the rate, and return whether the station is too slow for its beds.

        Args:
            now_seconds: Monotonic time.
            lags_seconds: See `Load`.
        """
        busy, workers = self._busy_seconds()
        before = self._before
        if before is None or busy < before[1]:
            self._before = (now_seconds, busy)
        elif now_seconds - before[0] >= 1.0:
            self._busy_share = (busy - before[1]) / (max(1, workers) * (now_seconds - before[0]))
            self._before = (now_seconds, busy)
        playing = sum(lag is not None for lag in lags_seconds.values())
        if self._meter is not None:
            self._meter.update(self._throughput.total, playing, self._busy_share)
        load = Load(self._busy_share, lags_seconds, self._throughput.total_rate(now_seconds))
        self._governor.update(now_seconds, load)
        is_too_slow = self._governor.is_too_slow
        detail = (
            f"The station is too slow for its {playing} beds: each is analysed about "
            f"{self._governor.rate:.1f} times a second instead of {self._governor.full_rate:g}."
        )
        if shed := self._governor.shed_cameras:
            detail += f" Only key frames are decoded of {shed} of them."
        return ConditionReport(Code.OVERLOAD, is_too_slow, detail if is_too_slow else "")
