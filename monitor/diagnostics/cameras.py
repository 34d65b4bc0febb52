"""What a station's cameras send, examined once, for the person who has just written their addresses."""

import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace

from monitor.cameras.profiles import advise
from monitor.cameras.trial import FaceTrial
from monitor.clock import SystemClock
from monitor.config import BedSettings, FaceSettings, ModelSettings
from monitor.diagnostics.checks import Check, Verdict
from monitor.errors import EngineError, MonitorError
from monitor.faces.detector import FaceDetector
from monitor.pipeline.models import ModelSet
from monitor.station.synthetic_cameras import paint_synthetic_bed
from monitor.video.address import SourceKind, parse_address
from monitor.video.camera import Camera
from monitor.video.status import CameraState, CameraStatus

__all__ = ["examine_cameras"]

_PATIENCE_SECONDS = 12.0
_LOOK_SECONDS = 3.0
_POLL_SECONDS = 0.1
_WITH_KEYFRAMES = frozenset({"H.264", "H.265"})
_REMEDY = "correct beds.camera; docs/cameras.md shows how"


def examine_cameras(beds: Iterable[BedSettings], models: ModelSettings, faces: FaceSettings) -> Iterator[Check]:
    """Open all cameras at the same time, watch each for some seconds, and say what it sends and what would save.

    Args:
        beds: Whose cameras.
        models: Whose detector measures the faces; without one there is no advice on the picture's size.
        faces: Sizes and scores of the search.

    A camera that sends nothing only narrows what a station can do: it is tried indefinitely, and its absence is an
    alarm.

    Yields:
        One check a bed, in the order of the beds.
    """
    clock = SystemClock()
    with ExitStack() as opened:
        detector = _detector(models, faces, opened)
        cameras: dict[str, Camera | MonitorError] = {}
        beds = tuple(beds)
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
        for bed in beds:
            found = cameras[bed.id]
            if isinstance(found, MonitorError):
                yield Check("camera", bed.id, Verdict.ABSENT, str(found), _REMEDY)
                continue
            search = None if detector is None else FaceTrial(detector, faces)
            check = _watched(bed.id, found, search, give_up_seconds, clock)
            is_settable = parse_address(bed.camera.url).kind in {SourceKind.RTSP, SourceKind.HTTP}
            yield replace(check, advice=_advice(found.status(), search)) if is_settable else check


def _detector(models: ModelSettings, faces: FaceSettings, opened: ExitStack) -> FaceDetector | None:
    """Open the face detector; None where that cannot be done, which the checks of models and engines say."""
    try:
        worker = ModelSet(models, faces).open()
    except MonitorError:
        return None
    opened.callback(worker.close)
    return worker.detector


def _advice(status: CameraStatus, search: FaceTrial | None) -> tuple[str, ...]:
    if status.size_px is None:
        return ()
    face_px = None if search is None else search.face_px
    seconds = status.keyframe_interval_seconds if status.codec in _WITH_KEYFRAMES else None
    return tuple(advise(status.size_px, status.frames_per_second, seconds, face_px))


def _watched(
    bed_id: str, camera: Camera, search: FaceTrial | None, give_up_seconds: float, clock: SystemClock
) -> Check:
    first_seconds: float | None = None
    while True:
        frame = camera.latest_frame.take()
        if frame is not None and search is not None and not search.is_usable:
            with suppress(EngineError):
                search.see(frame)
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
