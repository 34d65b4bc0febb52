"""Makes the beds' cameras: in this process, or in camera processes beside it."""

import os

from monitor.clock import Clock
from monitor.config import BedSettings, StationConfig
from monitor.pipeline.scheduler import FairScheduler
from monitor.station.load_governor import LoadGovernor
from monitor.station.synthetic_cameras import paint_synthetic_bed
from monitor.telemetry.heartbeats import Heartbeats
from monitor.video.camera import Camera
from monitor.video.processes.messages import Begin
from monitor.video.processes.pool import CameraProcesses
from monitor.video.processes.remote_camera import BedCamera

__all__ = ["BedCameras", "camera_process_count"]

_LIMIT_SECONDS = 30.0
"""A process that hangs is noticed after ten seconds, and ended."""


_MANY_BEDS = 8
"""So many cameras' pictures hold up the analysis in the same process. With seven, a process of their own gained nothing
(docs/performance.md)."""


def camera_process_count(config: StationConfig) -> int:
    """Return in how many processes beside the station cameras are: as configured, else by the number of beds."""
    if config.analysis.camera_processes is not None:
        return config.analysis.camera_processes
    beds = sum(not bed.camera.is_synthetic for bed in config.beds)
    if config.fleet is not None:  # which beds it will watch is not known yet
        beds = config.fleet.capacity_beds or _MANY_BEDS
    return int(beds >= _MANY_BEDS and len(os.sched_getaffinity(0)) > 1)


class BedCameras:
    """Makes cameras, and owns the processes that they are in; start it before the first camera.

    Args:
        config: How often frames are analysed, and in how many processes cameras are.
        clock: Monotonic time; that of the machine where there are camera processes.
        scheduler: Is woken by every new frame.
        governor: Says whether a camera may decode key frames only.
        heartbeats: Of the threads that read from the processes.
    """

    def __init__(
        self,
        config: StationConfig,
        clock: Clock,
        scheduler: FairScheduler,
        governor: LoadGovernor,
        heartbeats: Heartbeats,
    ) -> None:
        self._rate = config.analysis.frames_per_second
        self._clock = clock
        self._scheduler = scheduler
        self._governor = governor
        self._heartbeats = heartbeats
        begin = Begin(config.logging)
        self._processes = CameraProcesses(camera_process_count(config), begin, clock, heartbeats.beat)

    def use(self) -> list[tuple[int, int | None, int]]:
        """Return place, number (None while it does not run) and starts of each camera process."""
        return [(place, one.pid, one.starts) for place, one in enumerate(self._processes.servers, start=1)]

    @property
    def process_ids(self) -> tuple[int, ...]:
        """The system's numbers of the camera processes that run."""
        return self._processes.ids

    def new(self, settings: BedSettings, phase: float) -> BedCamera:
        """Make a bed's camera, not started yet.

        Args:
            settings: Of the bed.
            phase: In [0, 1): when its frames lie between those of other beds.

        Raises:
            VideoError: There can be no such camera.
        """
        camera, name, wake, governor = settings.camera, settings.camera_id, self._scheduler.wake, self._governor
        # Synthetic cameras are for demos and stay in this process.
        if self._processes.servers and not camera.is_synthetic:
            return self._processes.camera(camera, name, self._rate, wake, phase, governor)
        return Camera(
            *(camera, name, self._clock, self._rate, wake),
            synthetic=paint_synthetic_bed,
            phase=phase,
            permits=governor,
        )

    def start(self) -> None:
        """Start the processes."""
        for server in self._processes.servers:
            self._heartbeats.expect(server.name, _LIMIT_SECONDS)
        self._processes.start()

    def stop(self) -> None:
        """End the processes, after their cameras."""
        for server in self._processes.servers:
            self._heartbeats.forget(server.name)
        self._processes.stop()
