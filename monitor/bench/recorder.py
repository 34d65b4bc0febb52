"""Collects what the station reports about every analysed frame."""

import threading
from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np

from monitor.bench.clock import CostClock
from monitor.pipeline.bed_pipeline import BedPipeline, FrameResult

__all__ = ["BedFrameCounts", "Recorder", "percentiles"]


@dataclass(slots=True)
class BedFrameCounts:
    """One bed's frames since the recording began.

    Attributes:
        ages_seconds: Of every analysed frame.
        faces: Frames with the patient's face.
        faces_px: Shorter side of each such face's box.
        scored: Frames that the classifier has scored.
        full_passes: Detections run on whole pictures.
        face_passes: Detections run on the surroundings of a face.
        track_passes: Smaller ones, run on a face that is tracked.
        scan_passes: Smaller ones, run on whole pictures.
        from_mesh: Frames whose face was followed by its mesh, without a detection of its own.
    """

    ages_seconds: list[float] = field(default_factory=list)
    faces: int = 0
    faces_px: list[float] = field(default_factory=list)
    scored: int = 0
    full_passes: int = 0
    face_passes: int = 0
    track_passes: int = 0
    scan_passes: int = 0
    from_mesh: int = 0


class Recorder:
    """What `Station` calls after every frame. Thread-safe; it holds two numbers a frame until it begins again.

    Args:
        clock: The station's clock.
    """

    def __init__(self, clock: CostClock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._beds: dict[str, BedFrameCounts] = {}
        self._costs: defaultdict[str, float] = defaultdict(float)

    def note(self, bed: BedPipeline, result: FrameResult, age_seconds: float) -> None:
        """Take one analysed frame; called by the worker that analysed it."""
        costs = self._clock.costs(result)
        frame_faces = result.frame_faces
        with self._lock:
            record = self._beds.setdefault(bed.id, BedFrameCounts())
            record.ages_seconds.append(age_seconds)
            record.scored += result.classify_seconds > 0.0
            if frame_faces is not None:
                if frame_faces.patient is not None:
                    box = frame_faces.patient.face.box
                    record.faces += 1
                    record.faces_px.append(min(box.width_px, box.height_px))
                record.full_passes += frame_faces.full_passes
                record.face_passes += frame_faces.face_passes
                record.track_passes += frame_faces.track_passes
                record.scan_passes += frame_faces.scan_passes
                record.from_mesh += frame_faces.is_from_mesh
            if costs is not None:
                for stage in ("detect", "classify", "filter"):
                    self._costs[stage] += getattr(costs, stage)

    def begin(self) -> None:
        """Forget everything so far."""
        with self._lock:
            self._beds.clear()
            self._costs.clear()

    def beds_with_frames(self) -> set[str]:
        """Return the beds of which a frame was analysed."""
        with self._lock:
            return set(self._beds)

    def take(self) -> tuple[dict[str, BedFrameCounts], dict[str, float]]:
        """Return the records by bed, and CPU seconds by stage of a worker's work; begin again."""
        with self._lock:
            taken = self._beds, dict(self._costs)
            self._beds, self._costs = {}, defaultdict(float)
        return taken


def percentiles(seconds: list[float]) -> dict[str, float] | None:
    """Return the median, 95th and 99th percentile; None of nothing."""
    if not seconds:
        return None
    return {f"p{rank}": float(np.percentile(seconds, rank)) for rank in (50, 95, 99)}
