"""The camera processes of a station, and the cameras that are divided among them."""

import threading
from collections.abc import Callable
from itertools import count

from monitor.clock import Clock
from monitor.config import CameraSettings
from monitor.video.decode_governor import DecodePermits
from monitor.video.processes.messages import Begin
from monitor.video.processes.remote_camera import RemoteCamera
from monitor.video.processes.server import ProcessServer

__all__ = ["CameraProcesses"]


class CameraProcesses:
    """Divides cameras among processes: each new one goes to that with the fewest.

    Args:
        number: How many processes; none makes no cameras.
        begin: How they write their logs.
        clock: Monotonic time of the machine.
        ticked: Called with a process's name at least every few seconds while its thread goes on.
    """

    def __init__(self, number: int, begin: Begin, clock: Clock, ticked: Callable[[str], None]) -> None:
        def server(name: str) -> ProcessServer:
            return ProcessServer(name, begin, clock, lambda: ticked(name))

        self.servers = tuple(server(f"camera process {place}") for place in range(1, number + 1))
        self._clock = clock
        self._lock = threading.Lock()
        self._numbers = count()
        self._homes: dict[int, ProcessServer] = {}

    def camera(
        self,
        settings: CameraSettings,
        camera_id: str,
        frames_per_second: float | None,
        listener: Callable[[], None],
        phase: float | None,
        permits: DecodePermits,
    ) -> RemoteCamera:
        """Make a camera, not started yet; for the arguments and errors see `RemoteCamera`."""
        number = next(self._numbers)
        clock = self._clock
        return RemoteCamera(number, settings, camera_id, clock, self, frames_per_second, listener, phase, permits)

    @property
    def ids(self) -> tuple[int, ...]:
        """The system's numbers of the processes that run."""
        return tuple(server.pid for server in self.servers if server.pid is not None)

    def start(self) -> None:
        """Start every process."""
        for server in self.servers:
            server.start()

    def stop(self) -> None:
        """End every process."""
        for server in self.servers:
            server.ask_to_stop()
        for server in self.servers:
            server.stop()

    def open(self, camera: RemoteCamera) -> None:
        """Open a camera in the process that has the fewest."""
        with self._lock:
            home = min(self.servers, key=lambda server: server.cameras)
            self._homes[camera.number] = home
            home.open(camera)

    def close(self, camera: RemoteCamera) -> None:
        """Close a camera."""
        home = self._homes.pop(camera.number, None)
        if home is not None:
            home.close(camera)

    def wish(self, camera: RemoteCamera) -> None:
        """Let a camera work by its wishes."""
        home = self._homes.get(camera.number)
        if home is not None:
            home.wish(camera)
