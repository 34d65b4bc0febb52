"""Faces of a single picture, as the trainer needs them: detected and verified just as in the monitor."""

import numpy as np
from numpy.typing import NDArray

from monitor.config import FaceSettings
from monitor.faces.detection_passes import FrameDetector
from monitor.faces.detector import FaceDetector
from monitor.faces.geometry import Face
from monitor.faces.scan_schedule import RejectedRegions, RotationCycle
from monitor.faces.tracking import Tracker
from monitor.faces.viewport import ImageRegion
from monitor.video.frame import Frame

__all__ = ["detect_faces"]


def detect_faces(
    image: NDArray[np.uint8], detector: FaceDetector, settings: FaceSettings | None = None
) -> tuple[Face, ...]:
    """Return every face of a picture, upright, whichever way it lies.

    Scans the picture in eight turns and each face in eight more, so it takes some twenty times as long as a
    frame of the monitor in steady state.

    Args:
        image: Shape (height, width, 3), uint8, RGB.
        detector: The calling thread's detector.
        settings: Score from which an answer is a face, and how many there may be; the defaults when absent.

    Returns:
        The faces, the most certain first; the larger one of two that are equally certain.

    Raises:
        EngineError: The detector failed.
    """
    settings = settings or FaceSettings()
    tracker = Tracker(settings.track_lost_seconds, settings.maximum_tracks)
    frame_detector = FrameDetector(
        Frame(image, 0.0, None, 0),
        detector,
        settings,
        ImageRegion.of_picture(image),
        tracker,
        RejectedRegions(1.0),
        proofs=settings.maximum_tracks,
    )
    cycle = RotationCycle()
    for _ in range(len(cycle)):
        frame_detector.detect_full(cycle.next_deg(0.0))
    faces = [track.face for track in tracker.tracks]
    return tuple(sorted(faces, key=lambda face: (-face.score, -face.box.size_px)))
