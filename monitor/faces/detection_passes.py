"""The detection passes over one frame, and what they do to the tracks."""

from monitor.config import FaceSettings
from monitor.faces.detector import Detection, FaceDetector
from monitor.faces.geometry import Face, OrientedBox, normalise_deg, turn_between_deg
from monitor.faces.orientation import LARGEST_ROLL_DEG, OrientationSearch
from monitor.faces.scan_schedule import RejectedRegions
from monitor.faces.tracking import Track, Tracker
from monitor.faces.viewport import ImageRegion, Viewport
from monitor.video.frame import Frame

__all__ = ["HINT_SCORE", "PROOFS_PER_FRAME", "RETRY_SECONDS", "FrameDetector"]

# What could not be proven to be a face, or which way up it is, is examined again after so long.
RETRY_SECONDS = 2.0
# A face that stays in position may change its orientation by no more than this between two frames without a new check.
_STEADY_TURN_DEG = 40.0
PROOFS_PER_FRAME = 2
# Where the smallest face that matters is so large in a small scan, its score may be low, but it is not missed: of
# synthetic infants of 28 px, rolled by 0 and 22 degrees, 98 % and 96 % have a hint at least; real faces all. Elsewhere
# hints are rare: one in twelve scans at worst. For sure answers a face must have 64 px.
_HINTED_PX = 28.0
HINT_SCORE = 0.05
_HINTS_PER_FRAME = 2
# A hint may appear smaller than it is by so much.
_HINT_SIZE = 0.8
# Around the region of interest, as a share of it: a face at its edge is covered whole.
_RIM = 0.1


class FrameDetector:
    """Detects the faces of one frame of a bed, and records them in the tracks.

    Args:
        frame: What to analyse.
        detector: The calling thread's detector.
        settings: Of the bed's faces.
        region: Where faces are searched for.
        tracker: The bed's tracks; changed by what is seen.
        rejected: The bed's regions that only resembled faces; changed likewise.
        proofs: How many faces may be verified from all sides.

    Attributes:
        seen: Ids of the tracks that were seen in this frame.
        full_passes: Detections run so far on the whole region.
        scan_passes: Smaller ones, run on the whole region.
    """

    def __init__(
        self,
        frame: Frame,
        detector: FaceDetector,
        settings: FaceSettings,
        region: ImageRegion,
        tracker: Tracker,
        rejected: RejectedRegions,
        proofs: int = PROOFS_PER_FRAME,
    ) -> None:
        self.image = frame.image
        self.now_seconds = frame.time_seconds
        self.region = region
        self.seen: set[int] = set()
        self.full_passes = 0
        self.scan_passes = 0
        self._detector = detector
        self._minimum_score = settings.minimum_score
        self._tracker = tracker
        self._rejected = rejected
        self._search = OrientationSearch(detector, frame.image, settings.minimum_score)
        self._proofs_left = proofs

    @property
    def face_passes(self) -> int:
        """Detections run so far on the surroundings of one face."""
        return self._search.count

    @property
    def track_passes(self) -> int:
        """Smaller ones, run on faces that are tracked."""
        return self._search.track_count

    def searched_area(self) -> ImageRegion:
        """Return what a scan shows: the region with a rim that covers a face at its edge whole."""
        height, width = self.image.shape[:2]
        region = self.region
        x, y = _RIM * (region.x1_px - region.x0_px), _RIM * (region.y1_px - region.y0_px)
        return ImageRegion(
            max(region.x0_px - x, -0.5),
            max(region.y0_px - y, -0.5),
            min(region.x1_px + x, width - 0.5),
            min(region.y1_px + y, height - 0.5),
        )

    def has_face_in_region(self) -> bool:
        """Return whether a face in the region was detected."""
        boxes = [track.face.box for track in self._tracker.tracks if track.track_id in self.seen]
        return any(self.region.contains(box.center_x_px, box.center_y_px) for box in boxes)

    def detect_full(self, turn_deg: float) -> None:
        """Run a detection pass over the whole region, turned: update the tracks that it shows, verify new faces."""
        self.full_passes += 1
        self._scan(turn_deg, self._detector.size_px)

    def can_scan_small(self, smallest_px: float) -> bool:
        """Return whether a small scan of the whole region hints at faces of this size in the picture."""
        size_px = self._detector.face_size_px
        # Turned by an eighth, a region fills the square hardly more than when it fills it least.
        scale = Viewport.of_area(self.searched_area(), 45.0, size_px).scale
        return size_px < self._detector.size_px and smallest_px * scale >= _HINTED_PX

    def scan_small(self, turn_deg: float, smallest_px: float) -> None:
        """Scan the whole region as `detect_full` does, in a small square, and examine hints at full detail.

        Args:
            turn_deg: Clockwise turn of the picture.
            smallest_px: Size, in the picture, of the smallest face that matters.
        """
        self.scan_passes += 1
        hints = self._scan(turn_deg, self._detector.face_size_px, HINT_SCORE)
        known = [hint for hint in hints if hint.face.box.size_px >= _HINT_SIZE * smallest_px]
        for hint in known[:_HINTS_PER_FRAME]:
            found = self._search.detect_at(hint.face.box, turn_deg)
            if found is not None:
                self._verify_new(found)

    def _scan(self, turn_deg: float, size_px: int, hint_score: float | None = None) -> list[Detection]:
        """Scan the whole region: update the tracks that it shows, verify new faces; return what are only hints."""
        view = Viewport.of_area(self.searched_area(), turn_deg, size_px)
        found = self._detector.detect(self.image, view, hint_score or self._minimum_score)
        # A track that was seen already has its face, and no other one beside it.
        detections = [detection for detection in found if not self._is_seen(detection.face.box)]
        boxes = [detection.face.box for detection in detections]
        pairs, unclaimed = self._tracker.match(boxes, self._unseen_tracks(), self.now_seconds)
        for track, index in pairs:
            if self._is_sure(detections[index]):
                self._resolve(track, detections[index])
        for index in unclaimed:
            if self._is_sure(detections[index]):
                self._verify_new(detections[index])
        return [detections[index] for index in unclaimed if not self._is_sure(detections[index])]

    def _is_seen(self, box: OrientedBox) -> bool:
        """Return whether a box shows the face of a track that was seen in this frame."""
        return any(track.coincides(box) for track in self._tracker.tracks if track.track_id in self.seen)

    def _unseen_tracks(self) -> list[Track]:
        return [track for track in self._tracker.tracks if track.track_id not in self.seen]

    def _is_sure(self, detection: Detection) -> bool:
        return detection.face.score >= self._minimum_score

    def detect_track(self, track: Track) -> bool:
        """Detect one track at its own position and orientation; return whether its face was found."""
        return self._adopt(track, self._search.redetect(track.face.box, track.face.orientation_deg))

    def take(self, track: Track, face: Face) -> None:
        """Record a track's face that was seen in this frame without a detection pass."""
        self._update_track(track, face)

    def reverify_orientation(self, track: Track) -> bool:
        """Verify a track from all sides, unless that was done not long ago; return whether its face was found."""
        if self.now_seconds - track.checked_seconds < RETRY_SECONDS or self._proofs_left == 0:
            return False
        self._proofs_left -= 1
        track.checked_seconds = self.now_seconds
        return self._adopt(track, self._search.verify(track.face.box))

    def check_orientation(self, track: Track, offset_deg: float) -> None:
        """Detect a track in another turn; on a contradiction verify its orientation again."""
        detection = self._search.detect_at(track.face.box, normalise_deg(track.face.orientation_deg + offset_deg))
        if (
            detection is not None
            and detection.plausible
            and turn_between_deg(detection.face.orientation_deg, track.face.orientation_deg) > _STEADY_TURN_DEG
        ):
            self.reverify_orientation(track)

    def _resolve(self, track: Track, detection: Detection) -> None:
        """Update a track from a detection at its position, upright, with as few further passes as that needs."""
        turned_deg = turn_between_deg(detection.face.orientation_deg, track.face.orientation_deg)
        if detection.plausible and turned_deg <= _STEADY_TURN_DEG and abs(detection.roll_deg) <= LARGEST_ROLL_DEG:
            self._update_track(track, detection.face)
        elif not self.detect_track(track):
            self.reverify_orientation(track)

    def _verify_new(self, detection: Detection) -> None:
        box = detection.face.box
        if self._proofs_left == 0 or self._rejected.holds(box, self.now_seconds):
            return
        self._proofs_left -= 1
        face = self._search.verify(box)
        if face is None:
            self._rejected.add(box, self.now_seconds)
            return
        if self._is_seen(face.box):
            return
        pairs, _ = self._tracker.match([face.box], self._unseen_tracks(), self.now_seconds)
        track = pairs[0][0] if pairs else self._tracker.start(face, self.now_seconds)
        if track is not None:
            self._update_track(track, face)

    def _adopt(self, track: Track, face: Face | None) -> bool:
        """Update a track with what was found near it; return False where that is nothing, or another track's face.

        Where one of two faces disappears, what is found near it may be the other one: its track must not follow that.
        """
        if face is None:
            return False
        owners = [other for other in self._tracker.tracks if other is not track and other.coincides(face.box)]
        if any(owner.track_id in self.seen for owner in owners) or (owners and not track.coincides(face.box)):
            return False
        self._update_track(track, face)
        return True

    def _update_track(self, track: Track, face: Face) -> None:
        self._tracker.update(track, face, self.now_seconds)
        self.seen.add(track.track_id)
