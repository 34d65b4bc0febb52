"""Which way up a face is: detection passes in all turns, a vote, and a second pass that must agree.

A face that lies on its side or upside down is often found with a high score and with its five points misplaced,
sometimes even in the shape of an upright face. Wrong points differ from turn to turn, right ones agree: seen at about
130 px from eight sides, faces of the trial clips gave the true orientation within 35 degrees in six passes of eight,
and no second orientation had more than two. So each pass votes, the densest orientation wins, and the face is
accepted when a pass in that turn shows it upright.

Some faces answer in one turn alone: under a cap, close to the camera, crying. Their only vote may be a wrong one, so
the face must be seen alike in passes turned a little to both sides of it, where wrong points do not follow the turn.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from monitor.faces.detector import Detection, FaceDetector
from monitor.faces.geometry import Face, OrientedBox, normalise_deg, turn_between_deg
from monitor.faces.viewport import Viewport
from monitor.video.planar_picture import Picture

__all__ = ["LARGEST_ROLL_DEG", "OrientationConsensus", "OrientationSearch", "Vote", "vote_of", "vote_orientation"]

# A detection's box is used as it is while the face is rolled by no more than this within its pass; otherwise the face
# is detected again in its own orientation. Boxes of RetinaFace shrink by a tenth between 0 and 15 degrees of roll.
LARGEST_ROLL_DEG = 10.0
_FACE_PX = 130.0
_FACE_SHARE = 0.42
# A tracked face fills more of its smaller square and lies a little beside the middle: the detector's cells for such
# faces are 16 px wide, and where a face lies among them moves its points. Of 96 sizes and positions this one had the
# smallest error on faces with the errors of a track: 6.0 % of the inter-ocular distance on synthetic infants (6.8 % in
# the middle) and 2.9 % on trial clips (3.4 %), there from the median of 40 other passes. None was missed.
_TRACK_FACE_SHARE = 0.5
_TRACK_FACE_SHIFT_PX = (-4.0, 4.0)
_SIDES = 8
_AGREE_WITHIN_DEG = 35.0
# Two passes that agree are a hint, which two more, turned a little to the left and right of them, must confirm.
_LEAST_VOTES = 2
_SURE_VOTES = 3
_CONFIRM_OFFSETS_DEG = (-20.0, 20.0)
_LEAST_LEAD = 1.3
# A vote on which no other agrees counts if three of four passes, turned so from the upright face, give its orientation
# within 20 degrees and do not follow their own turn. Of real faces in eight turns, 381 right votes of 382 passed so
# when each was tried alone, and one wrong vote of 109.
_LONE_OFFSETS_DEG = (-10.0, 10.0, -20.0, 20.0)
_LONE_AGREE_WITHIN_DEG = 20.0
_LONE_LEAST = 3
_LARGEST_SLOPE = 0.5
_LONE_VOTES = 2
# Turns in which a face with an agreed orientation is tried to be seen upright.
_BESIDE_OFFSETS_DEG = (0.0, -8.0, 8.0, -16.0, 16.0)
_UPRIGHT_PASSES = 3
# How far a detected box may lie from the expected one, in its size, and by what factor it may differ in size.
_SAME_POSITION = 0.6
_SAME_SIZE = 2.2


@dataclass(frozen=True, slots=True)
class Vote:
    """One detection pass's estimate of a face's orientation."""

    orientation_deg: float
    weight: float


@dataclass(frozen=True, slots=True)
class OrientationConsensus:
    """The orientation that won, and how many votes agree on it."""

    orientation_deg: float
    votes: int


def vote_orientation(votes: list[Vote]) -> OrientationConsensus | None:
    """Return the orientation that most votes agree on, or None where no orientation stands out.

    Args:
        votes: One per pass that found the face.

    Returns:
        The mean of the votes within 35 degrees of the best one, if they are at least two and weigh clearly more than
        the best group that contradicts them.
    """
    best: tuple[float, list[Vote]] = (0.0, [])
    for center in votes:
        group = _near(votes, center.orientation_deg)
        weight = sum(vote.weight for vote in group)
        if weight > best[0]:
            best = (weight, group)
    weight, group = best
    if len(group) < _LEAST_VOTES:
        return None
    angles = np.radians([vote.orientation_deg for vote in group])
    weights = np.array([vote.weight for vote in group])
    winner = normalise_deg(math.degrees(math.atan2(weights @ np.sin(angles), weights @ np.cos(angles))))
    others = [vote for vote in votes if turn_between_deg(vote.orientation_deg, winner) > 2 * _AGREE_WITHIN_DEG]
    rival = max((sum(vote.weight for vote in _near(others, other.orientation_deg)) for other in others), default=0.0)
    return OrientationConsensus(winner, len(group)) if weight >= _LEAST_LEAD * rival else None


def _near(votes: list[Vote], orientation_deg: float) -> list[Vote]:
    return [vote for vote in votes if turn_between_deg(vote.orientation_deg, orientation_deg) <= _AGREE_WITHIN_DEG]


class OrientationSearch:
    """Runs detection passes over the surroundings of one face of one picture, and counts them.

    Args:
        detector: The worker's detector.
        image: Shape (height, width, 3), uint8, RGB.
        minimum_score: Answers below this are not faces.

    Attributes:
        count: How many there were at full detail.
        track_count: How many smaller ones there were, at faces that are tracked.
    """

    def __init__(self, detector: FaceDetector, image: Picture, minimum_score: float) -> None:
        self._detector = detector
        self._image = image
        self._minimum_score = minimum_score
        self.count = 0
        self.track_count = 0

    def detect_at(self, box: OrientedBox, turn_deg: float) -> Detection | None:
        """Return what a pass at full detail finds at the position of `box`, or None."""
        size_px = self._detector.face_size_px
        self.count += 1
        return self._detect(box, Viewport.around(box, turn_deg, size_px, min(_FACE_PX, _FACE_SHARE * size_px)))

    def _track_at(self, box: OrientedBox, turn_deg: float) -> Detection | None:
        """Return what a small pass finds at the position of `box`, or None."""
        size_px = self._detector.track_size_px
        self.track_count += 1
        return self._detect(
            box, Viewport.around(box, turn_deg, size_px, _TRACK_FACE_SHARE * size_px, _TRACK_FACE_SHIFT_PX)
        )

    def _detect(self, box: OrientedBox, view: Viewport) -> Detection | None:
        found = [
            detection
            for detection in self._detector.detect(self._image, view, self._minimum_score)
            if detection.face.box.distance_px(box) <= _SAME_POSITION * box.size_px
            and 1 / _SAME_SIZE <= detection.face.box.size_px / box.size_px <= _SAME_SIZE
        ]
        return min(found, key=lambda detection: detection.face.box.distance_px(box), default=None)

    def votes(self, box: OrientedBox) -> list[Vote]:
        """Detect a face in eight turns; each turn in which it is found votes."""
        return self._votes_from(box, [normalise_deg(side * 360.0 / _SIDES) for side in range(_SIDES)])

    def _votes_from(self, box: OrientedBox, turns_deg: list[float]) -> list[Vote]:
        votes = []
        for turn_deg in turns_deg:
            detection = self.detect_at(box, turn_deg)
            if detection is not None and detection.plausible:
                votes.append(vote_of(detection))
        return votes

    def upright(self, box: OrientedBox, orientation_deg: float) -> Face | None:
        """Detect in an orientation, and in the one that the points then give, until the face stands upright.

        Args:
            box: Where the face is.
            orientation_deg: Which to try first.

        Returns:
            The face of the pass in which it was plausible and rolled by no more than `LARGEST_ROLL_DEG`; None when it
            was not found, or the passes did not settle within 35 degrees of the first orientation.
        """
        return self._resolve(box, orientation_deg, self.detect_at)

    def redetect(self, box: OrientedBox, orientation_deg: float) -> Face | None:
        """Return the face as `upright` does, for one that was seen there a moment ago.

        Small passes are enough as long as the face does not move; what they miss, passes at full detail find.
        """
        if self._detector.track_size_px < self._detector.face_size_px:
            face = self._resolve(box, orientation_deg, self._track_at)
            if face is not None:
                return face
        return self.upright(box, orientation_deg)

    def _resolve(
        self, box: OrientedBox, orientation_deg: float, detect: Callable[[OrientedBox, float], Detection | None]
    ) -> Face | None:
        turn_deg = orientation_deg
        for _ in range(_UPRIGHT_PASSES):
            detection = detect(box, turn_deg)
            if detection is None or not detection.plausible:
                return None
            turn_deg = detection.face.orientation_deg
            if turn_between_deg(turn_deg, orientation_deg) > _AGREE_WITHIN_DEG:
                return None
            if abs(detection.roll_deg) <= LARGEST_ROLL_DEG:
                return detection.face
        return None

    def verify(self, box: OrientedBox) -> Face | None:
        """Return the face at the position of `box` with a verified orientation, or None when it cannot be verified."""
        votes = self.votes(box)
        winner = vote_orientation(votes)
        if winner is not None and winner.votes < _SURE_VOTES:
            sides = [normalise_deg(winner.orientation_deg + offset) for offset in _CONFIRM_OFFSETS_DEG]
            votes += self._votes_from(box, sides)
            confirmed = vote_orientation(votes)
            winner = confirmed if confirmed and confirmed.votes >= winner.votes + len(sides) else None
        if winner is not None:
            return self._upright_near(box, winner.orientation_deg)
        lone = sorted(votes, key=lambda vote: -vote.weight)[:_LONE_VOTES]
        found = (self._verify_lone(box, vote.orientation_deg) for vote in lone)
        return next((face for face in found if face is not None), None)

    def _verify_lone(self, box: OrientedBox, orientation_deg: float) -> Face | None:
        """Return the face upright if passes to both sides of it agree, though no other of the eight turns does.

        Points that stay as they are in the square, whatever lies there, give an orientation that follows the turn.
        """
        face = self.upright(box, orientation_deg)
        if face is None:
            return None
        sides: list[tuple[float, float]] = []
        for left, offset_deg in zip(range(len(_LONE_OFFSETS_DEG), 0, -1), _LONE_OFFSETS_DEG, strict=True):
            if len(sides) + left < _LONE_LEAST:
                return None
            seen = self.detect_at(face.box, normalise_deg(face.orientation_deg + offset_deg))
            if seen is not None and seen.plausible:
                error_deg = normalise_deg(seen.face.orientation_deg - face.orientation_deg)
                if abs(error_deg) <= _LONE_AGREE_WITHIN_DEG:
                    sides.append((offset_deg, error_deg))
        if len(sides) < _LONE_LEAST:
            return None
        slope = sum(offset * error for offset, error in sides) / sum(offset * offset for offset, _ in sides)
        return face if slope <= _LARGEST_SLOPE else None

    def _upright_near(self, box: OrientedBox, orientation_deg: float) -> Face | None:
        """Return the face upright, tried in turns a little beside the orientation, too, that the votes agree on.

        Where tape or a hand lies on a face, its points may be implausible in just the pass that shows it upright.
        """
        for offset_deg in _BESIDE_OFFSETS_DEG:
            face = self.upright(box, normalise_deg(orientation_deg + offset_deg))
            if face is not None and turn_between_deg(face.orientation_deg, orientation_deg) <= _AGREE_WITHIN_DEG:
                return face
        return None


def vote_of(detection: Detection) -> Vote:
    """Return a detection's vote; points are trusted less the further the face is rolled within its pass."""
    trust = max(0.25, math.cos(math.radians(detection.roll_deg) / 2) ** 2)
    return Vote(detection.face.orientation_deg, detection.face.score * trust)
