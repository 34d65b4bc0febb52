"""What tests wait for in a camera: that it plays, and the frames that it hands on."""

import time
from collections.abc import Callable

from monitor.video.frame import Frame
from monitor.video.processes.remote_camera import BedCamera
from monitor.video.status import CameraState


def plays(camera: BedCamera, frames: int = 1) -> Callable[[], bool]:
    """Return a condition that holds once so many more frames have come, and while the camera plays."""
    before = camera.status().frames
    return lambda: camera.status().frames >= before + frames and camera.status().state is CameraState.PLAYING


def collect(camera: BedCamera, seconds: float) -> list[tuple[Frame, float]]:
    """Return the frames of so many seconds, each with its age in seconds when it was taken."""
    taken, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        frame = camera.latest_frame.take(0.1)
        if frame is not None:
            taken.append((frame, time.monotonic() - frame.time_seconds))
    return taken
