"""The machine under the station: its disk, its clock, its way to Redis."""

import logging
import shutil
from collections.abc import Callable
from pathlib import Path

from monitor.clock import Clock
from monitor.delivery.publisher import PublisherStats
from monitor.pain.vocabulary import Code
from monitor.station.station_conditions import ConditionReport
from monitor.telemetry.clock_sync import StepDetector, is_synchronised

__all__ = ["MachineChecks"]

_log = logging.getLogger(__name__)

_MACHINE_SECONDS = 5.0
_LOW_DISK_BYTES = 200_000_000
_BACKLOG_SECONDS = 2.0
_STEP_SHOWN_SECONDS = 60.0
_DROP_SHOWN_SECONDS = 600.0


class MachineChecks:
    """Checks what the whole station stands on; disk and clock every few seconds, Redis at every call.

    Args:
        clock: Monotonic and wall time.
        stats: How publishing goes.
        spool_directory: Whose disk must not run full.
    """

    def __init__(self, clock: Clock, stats: Callable[[], PublisherStats], spool_directory: Path) -> None:
        self._clock = clock
        self._stats = stats
        self._spool_directory = spool_directory
        self._steps = StepDetector(clock)
        self._step_detail = ""
        self._step_seconds = float("-inf")
        # Alerts dropped in an earlier run were reported then.
        self._dropped = stats().dropped
        self._dropped_seconds = float("-inf")
        self._machine_seconds = float("-inf")
        self._machine: tuple[ConditionReport, ...] = ()

    def check(self, now_seconds: float) -> tuple[ConditionReport, ...]:
        """Return the state of disk, clock and publishing at a monotonic time."""
        if now_seconds - self._machine_seconds >= _MACHINE_SECONDS:
            self._machine_seconds = now_seconds
            self._machine = (self._check_disk(now_seconds), self._check_clock(now_seconds))
        return (*self._machine, self._check_publisher())

    def _check_publisher(self) -> ConditionReport:
        stats = self._stats()
        count, failure = stats.backlog_count, stats.redis_failure
        is_down = stats.redis_up is False
        detail = ""
        if count and (is_down or stats.backlog_age_seconds > _BACKLOG_SECONDS):
            waiting = "1 alert waits" if count == 1 else f"{count} alerts wait"
            detail = f"{waiting} for Redis: {failure or 'it is slow'}."
        elif is_down or failure is not None:  # or alerts arrive, and the heartbeat or the beds' states do not
            detail = f"{failure or 'Redis does not answer'}."
        return ConditionReport(Code.PUBLISHER_BACKLOG, bool(detail), detail)

    def _check_disk(self, now_seconds: float) -> ConditionReport:
        stats = self._stats()
        fault = stats.disk_fault or ""
        if stats.dropped > self._dropped:
            self._dropped, self._dropped_seconds = stats.dropped, now_seconds
        if not fault and now_seconds - self._dropped_seconds < _DROP_SHOWN_SECONDS:
            count = self._dropped
            dropped = (
                "1 alert that waited for Redis was" if count == 1 else f"{count} alerts that waited for Redis were"
            )
            fault = f"{dropped} dropped, for the spool's quota is full."
        try:
            free = shutil.disk_usage(self._spool_directory).free
        except OSError:
            free = 0
        if not fault and free < _LOW_DISK_BYTES:
            fault = f"Only {free / 1e6:.0f} MB are free on the disk that holds the alerts."
        return ConditionReport(Code.DISK_LOW, bool(fault), fault)

    def _check_clock(self, now_seconds: float) -> ConditionReport:
        step = self._steps.step_seconds()
        if step:
            self._step_seconds = now_seconds
            self._step_detail = f"The station's clock was set {'forward' if step > 0 else 'back'} by {abs(step):.0f} s."
            _log.warning("the wall clock was stepped by %+.1f s; alarms do not depend on it", step)
        stepped = now_seconds - self._step_seconds < _STEP_SHOWN_SECONDS
        detail = self._step_detail if stepped else ""
        return ConditionReport(Code.CLOCK_UNSYNCHRONISED, stepped or is_synchronised() is False, detail)
