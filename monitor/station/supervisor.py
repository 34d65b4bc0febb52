"""The loop that lets time pass: cameras, delays, the machine's own state, the watchdog."""

import logging
import math
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext

from monitor.clock import Clock
from monitor.loops import run_until_done
from monitor.pain.vocabulary import Code
from monitor.pipeline.bed_pipeline import BedPipeline
from monitor.station.capacity_watch import CapacityWatch
from monitor.station.machine_checks import MachineChecks
from monitor.station.station_conditions import ConditionReport
from monitor.station.status_reporter import StatusReporter
from monitor.telemetry.heartbeats import Heartbeats
from monitor.telemetry.sd_notify import ServiceNotifier
from monitor.video.processes.remote_camera import BedCamera

__all__ = ["Supervisor"]

_log = logging.getLogger(__name__)

_TICK_SECONDS = 0.2
_LIMIT_SECONDS = 5.0
_CAMERA_LIMIT_SECONDS = 180.0
"""A camera whose thread was replaced again and again and never went on: then only another process helps."""


class Supervisor:
    """Checks everything a few times a second, on a thread of its own.

    Args:
        clock: Monotonic time.
        heartbeats: Which loops turn.
        beds: With their cameras.
        capacity: Analysed frames, and the rate that the machine can give to all beds.
        machine: Checks what the station stands on.
        reporter: Takes what was found, at every tick.
        notifier: The service manager's watchdog.
        guard: Held while one bed is checked, so that no bed goes away meanwhile; None where none ever does.
        more: Further conditions of the whole station.
        fault: What else of the station does not work, in a sentence; None where everything does.
    """

    def __init__(
        self,
        clock: Clock,
        heartbeats: Heartbeats,
        beds: Mapping[str, tuple[BedPipeline, BedCamera]],
        capacity: CapacityWatch,
        machine: MachineChecks,
        reporter: StatusReporter,
        notifier: ServiceNotifier,
        guard: AbstractContextManager[object] | None = None,
        more: Callable[[], Iterable[ConditionReport]] = tuple,
        fault: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._clock = clock
        self._heartbeats = heartbeats
        self._beds = beds
        self._capacity = capacity
        self._machine = machine
        self._reporter = reporter
        self._notifier = notifier
        self._more = more
        self._fault = fault
        self._guard = nullcontext() if guard is None else guard
        self._turns: dict[str, int] = {}
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
        for name in self._turns:
            self._heartbeats.forget(f"camera of {name}")

    def _run(self) -> None:
        run_until_done(self._turn, "the supervisor", _TICK_SECONDS)

    def _turn(self) -> bool:
        """Check once; a loop that never succeeds is late, and the watchdog then acts."""
        if self._stopping.wait(_TICK_SECONDS):
            return True
        self.tick()
        self._heartbeats.beat("supervisor")
        return False

    def tick(self) -> None:
        """Check everything once."""
        now = self._clock.monotonic()
        self._check_cameras()
        lags: dict[str, float | None] = {}
        for name, pair in self._beds.items():
            with self._guard:
                if self._beds.get(name) is pair:
                    lags[pair[1].camera_id] = self._check_bed(*pair, now)
        late = self._heartbeats.late()
        overload = self._capacity.check_station(now, lags)
        self._reporter.report_station(
            (*self._machine.check(now), _check_parts(late, self._fault()), overload, *self._more())
        )
        if not late:
            self._notifier.feed()

    def _check_cameras(self) -> None:
        """Replace the threads of cameras that hang, and take a camera that never goes on as a loop that is late."""
        pairs = dict(self._beds)
        for name in self._turns.keys() - pairs.keys():
            del self._turns[name]
            self._heartbeats.forget(f"camera of {name}")
        for name, (_, camera) in pairs.items():
            loop, is_done = f"camera of {name}", camera.is_done
            if name not in self._turns:
                self._heartbeats.expect(loop, _CAMERA_LIMIT_SECONDS)
            if is_done or self._turns.get(name) != camera.turns:
                self._turns[name] = camera.turns
                self._heartbeats.beat(loop)
            try:
                camera.revive()
            except RuntimeError:
                _log.error("%s: the system gives no thread for the camera; trying again", name)

    def _check_bed(self, bed: BedPipeline, camera: BedCamera, now_seconds: float) -> float | None:
        """Check one bed; return how far its decoding lags, None before it has decoded a picture."""
        status = camera.status()
        # Of a bed that no worker gets to, no result lowers the rate.
        if (camera.frames_per_second or math.inf) > self._capacity.rate:
            camera.frames_per_second = self._capacity.rate
        bed.report(Code.OVERLOAD, *self._capacity.check_bed(bed.id, status, now_seconds))
        observation, _ = bed.update_camera(status, self._clock.monotonic())
        self._reporter.report_bed(bed, observation, status)
        # Also of a camera that counts as lost because its newest picture is decoded so late.
        return status.lag_seconds


def _check_parts(late: list[str], fault: str | None) -> ConditionReport:
    sentences = [f"These parts of the station have stopped working: {', '.join(late)}."] if late else []
    faults = () if fault is None else (fault,)
    return ConditionReport(
        Code.SELF_CHECK_FAILED, bool(late or faults), " ".join((*sentences, *faults)), (*late, *faults)
    )
