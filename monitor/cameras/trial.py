"""A camera tried before it is a station's: opened as the daemon opens it, and watched for some seconds."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from monitor.cameras.profiles import FaceShare, advise
from monitor.clock import Clock, SystemClock
from monitor.config import CameraSettings, FaceSettings
from monitor.errors import EngineError
from monitor.faces.detector import FaceDetector
from monitor.faces.patient_tracker import PatientTracker
from monitor.phrases import Phrase
from monitor.video.camera import Camera
from monitor.video.frame import Frame
from monitor.video.status import CameraState, CameraStatus
from monitor.video.synthetic_source import SyntheticFactory

__all__ = ["CameraTrial", "FaceTrial", "try_camera"]

_ANALYSED_PER_SECOND = 2.0
_SHORTEST_SECONDS = 2.5
_WAIT_SECONDS = 0.1
_ATTEMPTS = 3
"""A camera that failed so often without a picture will not give one in the next seconds."""
_KEYLESS = frozenset({"MJPEG", "synthetic"})


@dataclass(frozen=True, slots=True)
class CameraTrial:
    """What a camera sent. What is not known is None.

    Attributes:
        address: Without credentials.
        error: Why it cannot be used, as one sentence; None where pictures came.
        fault: Its kind, as `CameraStatus.last_fault`; the same in every language.
        codec: For example `H.264`; `synthetic` for a painted one.
        decoder: GStreamer's element that decoded it.
        size_px: (width, height).
        frames_per_second: Measured.
        keyframe_seconds: Measured time between two key frames.
        brightness: Mean of the newest picture's luma, 0 to 255.
        is_dark: Whether the picture is dark, or the lens covered.
        face_px: Shorter side of the face's box; None where none was seen.
        is_face_usable: Whether that face is large, bright and sharp enough for a score.
        was_detected: Whether face detection ran.
        advice: What to change, one sentence each.
        picture: The newest one, shape (height, width, 3), uint8, RGB.
    """

    address: str
    error: str | None = None
    fault: str | None = None
    codec: str | None = None
    decoder: str | None = None
    size_px: tuple[int, int] | None = None
    frames_per_second: float | None = None
    keyframe_seconds: float | None = None
    brightness: float | None = None
    is_dark: bool = False
    face_px: float | None = None
    is_face_usable: bool = False
    was_detected: bool = False
    advice: tuple[str, ...] = ()
    picture: NDArray[np.uint8] | None = field(default=None, repr=False)

    @property
    def gop(self) -> int | None:
        """Pictures from one key frame to the next."""
        if self.keyframe_seconds is None or self.frames_per_second is None:
            return None
        return max(1, round(self.keyframe_seconds * self.frames_per_second))

    @property
    def face_share(self) -> FaceShare | None:
        """How large the face is in this camera's picture, of whatever size."""
        if self.face_px is None or self.size_px is None:
            return None
        return FaceShare(self.face_px, self.size_px[0])


class FaceTrial:
    """Looks for the face in the pictures of one camera, as a station does.

    Args:
        detector: Of the calling thread.
        settings: Sizes and scores.
    """

    def __init__(self, detector: FaceDetector, settings: FaceSettings) -> None:
        self._detector = detector
        self._tracker = PatientTracker(settings)
        self.face_px: float | None = None
        self.is_usable = False

    def see(self, frame: Frame) -> None:
        """Look at one more picture.

        Raises:
            EngineError: The detector failed.
        """
        seen = self._tracker.update(frame, self._detector)
        if seen.patient is not None and seen.quality is not None:
            self.face_px = seen.quality.shorter_side_px
            self.is_usable = seen.visibility.value == "usable"


def try_camera(
    settings: CameraSettings,
    detector: FaceDetector | None = None,
    faces: FaceSettings | None = None,
    *,
    synthetic: SyntheticFactory | None = None,
    clock: Clock | None = None,
    patience_seconds: float = 12.0,
    seconds: float = 8.0,
    is_wanted: Callable[[], bool] = lambda: True,
) -> CameraTrial:
    """Open a camera, watch it until all is known, close it.

    Args:
        settings: As a bed's `camera`.
        detector: Looks for the face; None does without.
        faces: Sizes and scores of the search.
        synthetic: Makes the pictures of a `synthetic://` address.
        clock: Monotonic time.
        patience_seconds: How long to wait for the first picture.
        seconds: How long to watch, at most, from the first picture on.
        is_wanted: Whether to go on; asked several times a second.

    Raises:
        VideoError: The address cannot be used at all.
    """
    clock = clock or SystemClock()
    camera = Camera(settings, "trial", clock, _ANALYSED_PER_SECOND, synthetic=synthetic)
    search = None if detector is None else FaceTrial(detector, faces or FaceSettings())
    try:
        camera.start()
        newest, failed = _watch(camera, search, clock, (patience_seconds, seconds), is_wanted)
        return _result(camera.status(), newest, search, failed)
    finally:
        camera.stop()


def _watch(
    camera: Camera,
    search: FaceTrial | None,
    clock: Clock,
    limits_seconds: tuple[float, float],
    is_wanted: Callable[[], bool],
) -> tuple[Frame | None, str | None]:
    """Take pictures until all is known or the time is up; return the newest, and why no face could be sought."""
    newest: Frame | None = None
    failed: str | None = None
    patience_seconds, seconds = limits_seconds
    end_seconds = clock.monotonic() + patience_seconds
    first_seconds = math.inf
    while is_wanted() and clock.monotonic() < end_seconds:
        frame = camera.latest_frame.take(_WAIT_SECONDS)
        if frame is None:
            if camera.is_done or (newest is None and camera.status().reconnects >= _ATTEMPTS):
                break
            continue
        if newest is None:
            first_seconds = clock.monotonic()
            end_seconds = first_seconds + seconds
        newest = frame
        if search is not None and failed is None:
            try:
                search.see(frame)
            except EngineError as error:
                failed = str(error)
        watched = clock.monotonic() - first_seconds
        if watched >= _SHORTEST_SECONDS and _is_known(camera.status(), search, failed):
            break
    return newest, failed


def _is_known(status: CameraStatus, search: FaceTrial | None, failed: str | None) -> bool:
    has_keys = status.keyframe_interval_seconds is not None or (status.codec or "synthetic") in _KEYLESS
    return has_keys and (search is None or failed is not None or search.is_usable)


def _result(status: CameraStatus, newest: Frame | None, search: FaceTrial | None, failed: str | None) -> CameraTrial:
    if newest is None or status.size_px is None:
        return CameraTrial(
            status.address,
            status.last_error or Phrase("{address}: no picture came in time", address=status.address),
            fault=status.last_fault,
        )
    is_lost = status.state is CameraState.LOST
    face_px = None if search is None else search.face_px
    keyframe_seconds = None if (status.codec or "synthetic") in _KEYLESS else status.keyframe_interval_seconds
    return CameraTrial(
        address=status.address,
        error=status.last_error if is_lost else None,
        fault=status.last_fault if is_lost else None,
        codec=status.codec or "synthetic",
        decoder=status.decoder,
        size_px=status.size_px,
        frames_per_second=status.frames_per_second,
        keyframe_seconds=keyframe_seconds,
        brightness=float(newest.image[::4, ::4].mean(axis=(0, 1)) @ np.array([0.299, 0.587, 0.114])),
        is_dark=status.dark_since_seconds is not None,
        face_px=face_px,
        is_face_usable=search is not None and search.is_usable,
        was_detected=search is not None and failed is None,
        advice=tuple(advise(status.size_px, status.frames_per_second, keyframe_seconds, face_px)),
        picture=np.array(newest.image),
    )
