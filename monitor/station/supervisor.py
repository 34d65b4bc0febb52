"""The loop that lets time pass: cameras, delays, the machine's own state, the watchdog."""

import logging
import shutil
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from monitor.clock import Clock
from monitor.delivery.publisher import PublisherStats
from monitor.pain.vocabulary import Code, Observation
from monitor.pipeline.bed_pipeline import BedPipeline
from monitor.station.throughput import Throughput
from monitor.telemetry.clock_sync import StepDetector, is_synchronised
from monitor.telemetry.heartbeats import Heartbeats
from monitor.telemetry.sd_notify import ServiceNotifier
from monitor.video.camera import Camera
from monitor.video.status import CameraState, CameraStatus

__all__ = ["ConditionReport", "Supervisor"]

_log = logging.getLogger(__name__)

_TURN_SECONDS = 0.2
_MACHINE_SECONDS = 5.0
_LIMIT_SECONDS = 5.0
_LOW_DISK_BYTES = 200_000_000
_BACKLOG_SECONDS = 2.0
_SETTLING_SECONDS = 15.0
_ENOUGH_SHARE = 0.5
_STEP_SHOWN_SECONDS = 60.0
_DROP_SHOWN_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class ConditionReport:
    """What the supervisor says about one condition of the whole station."""

    code: Code
    present: bool
    detail: str = ""


class Supervisor:
    """Looks at everything a few times a second, on a thread of its own.

    Args:
        clock: Monotonic and wall time.
        heartbeats: Which loops turn.
        beds: With their cameras.
        throughput: Judged frames.
        wanted_rate: Frames per second that a bed should be judged at.
        figures: How publishing goes.
        spool_directory: Whose disk must not run full.
        report: Takes conditions of the whole station; called every tick.
        shown: Takes what a bed shows now, and its camera's status; called every tick.
        notifier: The service manager's watchdog.
    """

    def __init__(
        self,
        clock: Clock,
        heartbeats: Heartbeats,
        beds: Mapping[str, tuple[BedPipeline, Camera]],
        throughput: Throughput,
        wanted_rate: float,
        figures: Callable[[], PublisherStats],
        spool_directory: Path,
        report: Callable[[Iterable[ConditionReport]], None],
        shown: Callable[[BedPipeline, Observation, CameraStatus], None],
        notifier: ServiceNotifier,
    ) -> None:
        self._clock = clock
        self._heartbeats = heartbeats
        self._beds = beds
        self._throughput = throughput
        self._wanted_rate = wanted_rate
        self._figures = figures
        self._spool_directory = spool_directory
        self._report = report
        self._shown = shown
        self._notifier = notifier
        self._steps = StepDetector(clock)
        self._step_detail = ""
        self._step_seconds = float("-inf")
        # Alerts dropped in an earlier run were told then.
        self._dropped = figures().dropped
        self._dropped_seconds = float("-inf")
        self._playing_since: dict[str, float] = {}
        self._machine_seconds = float("-inf")
        self._machine: tuple[ConditionReport, ...] = ()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._heartbeats.expect("supervisor", _LIMIT_SECONDS)
        self._thread.start()

    def stop(self, timeout_seconds: float = 3.0) -> None:
        """End the thread; safe to call twice."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout_seconds)
        self._heartbeats.forget("supervisor")

    def _run(self) -> None:
        while not self._stopping.wait(_TURN_SECONDS):
            try:
                self.tick()
            except Exception:  # noqa: BLE001 - see below
                # The watch over the others goes on; a loop that never succeeds is late, and the watchdog then acts.
                _log.exception("a tick of the supervisor failed in an unforeseen way")
            else:
                self._heartbeats.beat("supervisor")

    def tick(self) -> None:
        """Look at everything once."""
        now = self._clock.monotonic()
        for bed, camera in self._beds.values():
            status = camera.status()
            self._check_overload(bed, status, now)
            observation, _ = bed.update_camera(status, self._clock.monotonic())
            self._shown(bed, observation, status)
        late = self._heartbeats.late()
        self._report((*self._check_machine(now), *self._check_loops(late), *self._check_publisher()))
        if not late:
            self._notifier.feed()

    def _check_overload(self, bed: BedPipeline, status: CameraStatus, now: float) -> None:
        if status.state is not CameraState.PLAYING:
            self._playing_since.pop(bed.id, None)
            bed.report(Code.OVERLOAD, present=False, now_seconds=now)
            return
        since = self._playing_since.setdefault(bed.id, now)
        wanted = min(self._wanted_rate, status.frames_per_second or self._wanted_rate)
        rate = self._throughput.rate(bed.id, now)
        is_slow = now - since > _SETTLING_SECONDS and rate < _ENOUGH_SHARE * wanted
        detail = ""
        if status.overloaded:
            detail = "The machine cannot decode every picture of this camera: only key frames are judged."
        elif is_slow:
            detail = f"Only {rate:.1f} of {wanted:.1f} frames per second are judged."
        bed.report(Code.OVERLOAD, bool(detail), now, detail)

    def _check_loops(self, late: list[str]) -> tuple[ConditionReport, ...]:
        detail = f"These parts of the station have stopped working: {', '.join(late)}." if late else ""
        return (ConditionReport(Code.SELF_CHECK_FAILED, bool(late), detail),)

    def _check_publisher(self) -> tuple[ConditionReport, ...]:
        figures = self._figures()
        waits = figures.backlog_count > 0 and figures.backlog_age_seconds > _BACKLOG_SECONDS
        detail = ""
        if waits or figures.redis_up is False:
            detail = f"{figures.backlog_count} alerts wait for Redis: {figures.redis_failure or 'it is slow'}."
        return (ConditionReport(Code.PUBLISHER_BACKLOG, bool(detail), detail),)

    def _check_machine(self, now: float) -> tuple[ConditionReport, ...]:
        """Return the state of disk and clock, looked at every few seconds."""
        if now - self._machine_seconds < _MACHINE_SECONDS:
            return self._machine
        self._machine_seconds = now
        figures = self._figures()
        fault = figures.disk_fault or ""
        if figures.dropped > self._dropped:
            self._dropped, self._dropped_seconds = figures.dropped, now
        if not fault and now - self._dropped_seconds < _DROP_SHOWN_SECONDS:
            fault = f"{self._dropped} alerts that waited for Redis were dropped, for the spool's quota is full."
        try:
            free = shutil.disk_usage(self._spool_directory).free
        except OSError:
            free = 0
        if not fault and free < _LOW_DISK_BYTES:
            fault = f"Only {free / 1e6:.0f} MB are free on the disk that keeps alerts."
        step = self._steps.look()
        if step:
            self._step_seconds = now
            self._step_detail = f"The station's clock was set {'forward' if step > 0 else 'back'} by {abs(step):.0f} s."
            _log.warning("the wall clock was stepped by %+.1f s; alarms do not depend on it", step)
        stepped = now - self._step_seconds < _STEP_SHOWN_SECONDS
        unsynchronised = is_synchronised() is False
        detail = self._step_detail if stepped else ""
        self._machine = (
            ConditionReport(Code.DISK_LOW, bool(fault), fault),
            ConditionReport(Code.CLOCK_UNSYNCHRONISED, stepped or unsynchronised, detail),
        )
        return self._machine
