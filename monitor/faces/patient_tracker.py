"""One bed's faces, frame after frame: the entry to this package for a caller with a camera.

In steady state a frame costs one detection pass at most, none where a calm face was followed by its mesh: turned as the
patient's face was last seen, over its surroundings, or over the whole picture where track-guided detection is off.
Everything else is an exception with a bound: a missed or badly rolled face gets passes at full detail; a new face is
verified once in all turns; a missing patient is searched for with one more pass a frame; an empty picture is searched
once in all turns and from then on with one pass a frame. A pass in another turn every few seconds detects faces that
lie otherwise.
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from monitor.config import FaceSettings, RegionOfInterest
from monitor.faces.detection_passes import PROOFS_PER_FRAME, RETRY_SECONDS, FrameDetector
from monitor.faces.detector import FaceDetector
from monitor.faces.face_identity import FaceIdentity
from monitor.faces.geometry import Face, OrientedBox
from monitor.faces.patient import RIVAL_SIZE, PatientSelector
from monitor.faces.quality import Quality, assess, is_cut_off
from monitor.faces.scan_schedule import RejectedRegions, RotationCycle, ScanSchedule
from monitor.faces.scene_cut import SceneChangeDetector, SceneCutDetector, scene_cells
from monitor.faces.tracking import Track, Tracker
from monitor.faces.viewport import ImageRegion
from monitor.pain.vocabulary import Visibility
from monitor.video.frame import Frame

__all__ = ["FrameFaces", "PatientTracker", "TrackedFace"]

# The patient's orientation is cross-checked in another turn so often, against locking on to a wrong one.
_RECHECK_SECONDS = 5.0
_RECHECK_OFFSET_DEG = 90.0
# And no more often than in each of so many frames, however far apart they are.
_RECHECK_FRAMES = 6
# Other faces than the patient's are detected again in their own orientation after this share of the time to their end.
_REFRESH_SHARE = 0.4
# A patient who was just lost is searched for in so many turns a frame, for two rounds; then in one turn a frame.
_QUICK_TURNS = 3
_SEARCH_FACE_PASSES = 6


@dataclass(frozen=True, slots=True)
class TrackedFace:
    """A face seen in a frame.

    Attributes:
        track_id: The same for the same face over time; never used twice between two resets.
        face: Upright box, five points, score.
    """

    track_id: int
    face: Face


@dataclass(frozen=True, slots=True)
class FrameFaces:
    """What one frame shows of one bed.

    Attributes:
        faces: All faces seen in this frame whose orientation is verified, by track.
        patient: The patient's face if it was seen in this frame; the likeliest one when `visibility` is AMBIGUOUS.
        visibility: USABLE, NO_FACE, AMBIGUOUS (two faces may be the patient) or POOR (too small, dark,
            blurred, or cut off by the edge of the picture).
        quality: How well the patient's face can be seen; None without one.
        full_passes: Detections run on the whole picture or region.
        face_passes: Detections run on the surroundings of one face.
        track_passes: Smaller ones, run on a face that is tracked.
        scan_passes: Smaller ones, run on the whole picture or region.
        face_id: Names the patient's face for as long as it is followed without a break, in frames that miss it for a
            moment, too; never given twice. None where no face is followed.
        is_from_mesh: Whether the patient's face was followed by its mesh, without a detection pass of its own.
    """

    faces: tuple[TrackedFace, ...]
    patient: TrackedFace | None
    visibility: Visibility
    quality: Quality | None
    full_passes: int
    face_passes: int
    track_passes: int = 0
    scan_passes: int = 0
    face_id: int | None = None
    is_from_mesh: bool = False

    @property
    def is_search(self) -> bool:
        """Whether this frame took several times the detection passes of a face that is followed."""
        return self.full_passes > 1 or self.face_passes >= _SEARCH_FACE_PASSES


class PatientTracker:
    """Tracks the faces of one bed and selects the patient's. Not thread-safe; its state is bounded.

    Args:
        settings: Sizes, scores and times.
        region: Where the patient's face is searched for.
        phase: In [0, 1): when scans for other faces are due between those of other beds that began at the same time.
    """

    def __init__(self, settings: FaceSettings, region: RegionOfInterest | None = None, phase: float = 0.0) -> None:
        self._settings = settings
        self._phase = phase
        self._region = region or RegionOfInterest()
        self._cuts = SceneCutDetector()
        self._cells = np.zeros((0, 0), np.float32)
        self._identity = FaceIdentity()
        self.reset()

    def reset(self) -> None:
        """Forget everything: the stream changed, or the camera was replaced."""
        self._identity.lose()
        self._tracker = Tracker(self._settings.track_lost_seconds, self._settings.maximum_tracks)
        self._selector = PatientSelector()
        self._rejected = RejectedRegions(RETRY_SECONDS)
        self._search = RotationCycle()
        self._schedule = ScanSchedule(guided=self._settings.track_guided, phase=self._phase)
        self._changes = SceneChangeDetector()
        self._recheck_offset_deg = _RECHECK_OFFSET_DEG
        self._rechecked_seconds = float("-inf")
        self._unchecked_frames = 0
        self._search_base_deg = 0.0
        self._search_at_once = True
        self._quick_passes = 2 * len(self._search)
        self._last_seconds = float("-inf")
        self._shape: tuple[int, ...] | None = None
        self._usable = False

    def followable(self) -> Face | None:
        """Return the patient's face if the last frame showed it well and no other: the next may do without a pass."""
        patient = self._tracker.get(self._selector.patient_id)
        is_guided = self._settings.track_guided and self._settings.mesh_following
        is_alone = is_guided and self._usable and len(self._tracker.tracks) == 1
        return patient.face if is_alone and patient is not None else None

    def update(
        self, frame: Frame, detector: FaceDetector, *, may_search: bool = True, followed: Face | None = None
    ) -> FrameFaces:
        """Detect the faces of the next frame. Another scene, another size or a time in the past resets the tracker.

        Args:
            frame: Newer than the last one.
            detector: The calling thread's detector; it may be another one each time.
            may_search: Whether several detection passes may be spent on a patient who is not where it was; otherwise
                one a frame.
            followed: Where the face of `followable` is in this frame, as its mesh shows; it needs no detection pass of
                its own. None where that is not known for certain.

        Raises:
            EngineError: The detector failed; the tracker stays usable.
        """
        self._cells = scene_cells(frame.image)
        if (
            self._cuts.is_cut(self._cells)
            or frame.image.shape != self._shape
            or frame.time_seconds < self._last_seconds
        ):
            self.reset()
            self._shape = frame.image.shape
        self._last_seconds = frame.time_seconds
        self._tracker.begin_frame(frame.time_seconds)
        frame_detector = FrameDetector(
            frame,
            detector,
            self._settings,
            self._area(frame),
            self._tracker,
            self._rejected,
            PROOFS_PER_FRAME if may_search else 1,
        )
        patient = self._tracker.get(self._selector.patient_id)
        if patient is None:
            self._search_picture(frame_detector, may_search=may_search)
        else:
            self._search_base_deg = patient.face.orientation_deg
            self._quick_passes = 2 * len(self._search)
            self._search_at_once = True
            self._follow(frame_detector, patient, followed)
        for track in self._tracker.tracks:
            if track.missed_seconds >= _REFRESH_SHARE * self._settings.track_lost_seconds:
                frame_detector.detect_track(track)
        return self._frame_faces(frame, frame_detector, followed)

    def _search_picture(self, frame_detector: FrameDetector, *, may_search: bool) -> None:
        """Search for a patient: in all turns at once when it was just lost, then in fewer turns a frame."""
        turns = 1
        if may_search and self._search_at_once:
            self._search.restart()
            turns = len(self._search)
            self._search_at_once = False
        elif may_search and self._quick_passes > 0:
            turns = _QUICK_TURNS
        for _ in range(turns):
            self._quick_passes -= 1
            frame_detector.detect_full(self._search.next_deg(self._search_base_deg))
            if frame_detector.has_face_in_region():
                return

    def _follow(self, frame_detector: FrameDetector, patient: Track, followed: Face | None) -> None:
        """Detect the patient where and as it was last seen, and others now and then."""
        if followed is not None:
            frame_detector.take(patient, followed)
        elif not (self._settings.track_guided and frame_detector.detect_track(patient)):
            frame_detector.detect_full(patient.face.orientation_deg)
            if (
                patient.track_id not in frame_detector.seen
                and not frame_detector.detect_track(patient)
                and not frame_detector.reverify_orientation(patient)
            ):
                frame_detector.detect_full(self._search.next_deg(patient.face.orientation_deg))
        if patient.track_id in frame_detector.seen:
            self._search.restart()
            self._recheck(frame_detector, patient)
            self._scan_for_rivals(frame_detector, patient)

    def _scan_for_rivals(self, frame_detector: FrameDetector, patient: Track) -> None:
        """Scan the whole picture for faces that may be taken for the patient's, when it is time."""
        rival_px = RIVAL_SIZE * patient.face.box.size_px
        small = self._settings.track_guided and frame_detector.can_scan_small(rival_px)
        changed = small and self._has_changed_beside(frame_detector, patient.face.box)
        turn_deg = self._schedule.next_deg(
            frame_detector.now_seconds, patient.face.orientation_deg, small=small, changed=changed
        )
        if turn_deg is None:
            return
        if small:
            frame_detector.scan_small(turn_deg, rival_px)
        else:
            frame_detector.detect_full(turn_deg)

    def _has_changed_beside(self, frame_detector: FrameDetector, box: OrientedBox) -> bool:
        """Return whether something beside the patient's face is not as it was, in the area that is searched."""
        image, area, cells = frame_detector.image, frame_detector.searched_area(), self._cells
        left, top = math.floor(area.x0_px + 0.5), math.floor(area.y0_px + 0.5)
        right, bottom = math.ceil(area.x1_px + 0.5), math.ceil(area.y1_px + 0.5)
        shape = bottom - top, right - left
        if shape != image.shape[:2]:
            # Cells of the whole picture are coarse beside the face of a bed that fills a part of it.
            cells = scene_cells(image, left, top, right, bottom)
        moved = replace(box, center_x_px=box.center_x_px - left, center_y_px=box.center_y_px - top)
        return self._changes.has_changed(cells, moved, shape)

    def _recheck(self, frame_detector: FrameDetector, patient: Track) -> None:
        """Detect the patient in another turn, left and right alternately; verify its orientation on a contradiction."""
        self._unchecked_frames += 1
        since_seconds = max(self._rechecked_seconds, patient.first_seconds)
        if self._unchecked_frames < _RECHECK_FRAMES or frame_detector.now_seconds - since_seconds < _RECHECK_SECONDS:
            return
        self._unchecked_frames = 0
        self._rechecked_seconds = frame_detector.now_seconds
        self._recheck_offset_deg = -self._recheck_offset_deg
        frame_detector.check_orientation(patient, self._recheck_offset_deg)

    def _area(self, frame: Frame) -> ImageRegion:
        return ImageRegion.of_picture(
            frame.image, self._region.left, self._region.top, self._region.right, self._region.bottom
        )

    def _frame_faces(self, frame: Frame, frame_detector: FrameDetector, followed: Face | None) -> FrameFaces:
        choice = self._selector.choose(self._tracker.tracks, frame_detector.region, frame_detector.now_seconds)
        faces = tuple(
            TrackedFace(track.track_id, track.face)
            for track in self._tracker.tracks
            if track.last_seconds == frame_detector.now_seconds
        )
        patient_id = None if choice.track is None else choice.track.track_id
        patient = next((face for face in faces if face.track_id == patient_id), None)
        image = frame_detector.image
        quality = None if patient is None else assess(image, patient.face.box)
        if patient is None or quality is None:
            visibility = Visibility.NO_FACE
        elif not quality.is_sufficient(self._settings.minimum_face_px) or is_cut_off(image, patient.face.landmarks):
            visibility = Visibility.POOR
        else:
            visibility = Visibility.AMBIGUOUS if choice.ambiguous else Visibility.USABLE
        self._usable = visibility is Visibility.USABLE
        seen = (None, None) if patient is None else (patient.track_id, patient.face.box)
        face_id = self._identity.update(frame, self._cells, *seen)
        return FrameFaces(
            faces,
            patient,
            visibility,
            quality,
            frame_detector.full_passes,
            frame_detector.face_passes,
            frame_detector.track_passes,
            frame_detector.scan_passes,
            face_id,
            patient is not None and patient.face is followed,
        )
