"""What a station's cameras send, examined once, for the person who has just written their addresses."""

import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack

from monitor.clock import SystemClock
from monitor.config import BedSettings
from monitor.diagnostics.checks import Check, Verdict
from monitor.errors import MonitorError
from monitor.station.synthetic_cameras import paint_synthetic_bed
from monitor.video.camera import Camera
from monitor.video.status import CameraState, CameraStatus

__all__ = ["examine_cameras"]

_PATIENCE_SECONDS = 12.0
_LOOK_SECONDS = 3.0
_POLL_SECONDS = 0.1
_REMEDY = "correct beds.camera; docs/cameras.md shows how"


def examine_cameras(beds: Iterable[BedSettings]) -> Iterator[Check]:
    """Open all cameras at the same time, watch each for some seconds, and say what it sends.

    A camera that sends nothing only narrows what a station can do: it is tried indefinitely, and its absence is an
    alarm.

    Yields:
        One check a bed, in the order of the beds.
    """
    clock = SystemClock()
    with ExitStack() as opened:
        cameras: dict[str, Camera | MonitorError] = {}
        for bed in beds:
            try:
                camera = Camera(bed.camera, bed.camera_id, clock, synthetic=paint_synthetic_bed)
            except MonitorError as error:
                cameras[bed.id] = error
                continue
            opened.callback(camera.stop)
            camera.start()
            cameras[bed.id] = camera
        give_up_seconds = clock.monotonic() + _PATIENCE_SECONDS
        for bed_id, found in cameras.items():
            if isinstance(found, MonitorError):
                yield Check("camera", bed_id, Verdict.ABSENT, str(found), _REMEDY)
            else:
                yield _watched(bed_id, found, give_up_seconds, clock)


def _watched(bed_id: str, camera: Camera, give_up_seconds: float, clock: SystemClock) -> Check:
    first_seconds: float | None = None
    while True:
        status = camera.status()
        now_seconds = clock.monotonic()
        if status.pictures and first_seconds is None:
            first_seconds = now_seconds
        seen_enough = first_seconds is not None and now_seconds - first_seconds >= _LOOK_SECONDS
        if seen_enough or status.state is CameraState.ENDED or now_seconds >= give_up_seconds:
            return _check_of(bed_id, status)
        time.sleep(_POLL_SECONDS)


def _check_of(bed_id: str, status: CameraStatus) -> Check:
    if status.size_px is None:
        detail = status.last_error or f"{status.address}: no picture within {_PATIENCE_SECONDS:.0f} s"
        return Check("camera", bed_id, Verdict.ABSENT, detail, _REMEDY)
    width, height = status.size_px
    rate = "" if status.frames_per_second is None else f", {status.frames_per_second:.0f} pictures/s"
    detail = f"{status.address}: {status.codec or 'synthetic'}, {width} x {height}{rate}"
    if status.dark_since_seconds is not None:
        return Check(
            "camera", bed_id, Verdict.ABSENT, f"{detail}, but dark", "switch on light or infrared; open the lid"
        )
    if status.state is CameraState.LOST:
        return Check("camera", bed_id, Verdict.ABSENT, f"{detail}, then lost: {status.last_error}", "see its cable")
    return Check("camera", bed_id, Verdict.FOUND, detail)
