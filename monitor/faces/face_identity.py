"""Whether the patient's face was followed without a break: the identity on which the end of an alarm rests.

This is continuity, not recognition: an identity is never given back. A face that was lost for more than a moment, or
that changed in a way in which a face cannot change between two frames, gets a new identity even where it is the same
infant's. What is compared (the size, position and turn of the face, its coarse appearance, and that of the whole
picture) stays in memory for as long as the face is followed, and is stored nowhere.
"""

import math
import statistics
from collections import deque
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from monitor.faces.crop import CropSpec, crop_face, crop_placement
from monitor.faces.geometry import OrientedBox, turn_between_deg
from monitor.video.frame import Frame
from monitor.video.planar_picture import Picture

__all__ = ["FOLLOWED_SECONDS", "FaceAppearance", "FaceIdentity", "face_appearance"]

FOLLOWED_SECONDS = 1.2
"""A face that was not seen for longer was not followed; one frame a second, the slowest allowed rate, is enough."""
_LONGEST_SECONDS = 2.4
_INTERVALS = 1.5
"""A bed whose frames come more seldom still, on a machine that is too slow, is given so many of its own intervals up to
that bound: else no face could ever be followed there, and no alarm end but by a person. What may change between two
sights does not grow with it."""
_REMEMBERED_INTERVALS = 5
_CLUSTERED_SECONDS = 1.6
"""A slowed bed's pictures come in clusters, with a gap of up to 1.1 s before each (`monitor/video/group_choice.py`).
Where such gaps recur, a face may also be missed in the first picture of a cluster, up to this bound."""
_REMEMBERED_GAPS = 16

# Between two sights of one face: the centre moves by a share of its size, at once and for each second; the size
# changes by a factor at most, and so does the turn.
_MOVED = 0.45
_MOVED_PER_SECOND = 0.3
_GROWN = 1.4
_TURNED_DEG = 50.0
# Least likeness (1: equal) of shading and of colours to the last sight of the face, less for each second since, and to
# the template. Infants in videos and drawings stay above 0.94 within 0.2 s, and above 0.83 within a second.
_LIKE_LAST = 0.88
_LIKE_LAST_PER_SECOND = -0.08
_LIKE_TEMPLATE = 0.7
# Least likeness in [-1, 1] of the whole picture to the one before.
_SCENE = 0.8
# The template follows the face with this time constant: slow against a swap, quick against a turn of the head.
_TEMPLATE_SECONDS = 4.0

_CROP = CropSpec(size_px=48)
# Pixels a side that a face's shorter side keeps: what is left out of a large face is averaged away in the crop anyway.
_LEAST_PX = 2 * _CROP.size_px
_SHADING_PX = 16
_COLOUR_BINS = 12
_COLOUR_RANGE = (96, 192)


@dataclass(frozen=True, slots=True)
class FaceAppearance:
    """A coarse description of an upright face.

    Attributes:
        shading: Grey values of 16 by 16 cells, with mean 0 and norm 1; shape (256,).
        colours: Shares of red-green and blue-yellow tones, each with sum 1; shape (24,).
    """

    shading: NDArray[np.float32]
    colours: NDArray[np.float32]

    def likeness(self, other: "FaceAppearance") -> float:
        """Return how alike two faces are, in [-1, 1]: the lesser of their shading's correlation and common colours."""
        common = float(np.minimum(self.colours, other.colours).sum()) / 2.0
        return min(float(self.shading @ other.shading), common)


def face_appearance(image: Picture, box: OrientedBox) -> FaceAppearance:
    """Describe a face.

    Args:
        image: Shape (height, width, 3), uint8, RGB.
        box: Where the face is.

    Raises:
        ValueError: As `crop_face` does.
    """
    step = max(1, int(min(box.width_px, box.height_px)) // _LEAST_PX)
    sampled = _scaled(box, 1.0 / step)
    height, width = (-(-length // step) for length in image.shape[:2])
    place = crop_placement(sampled, _CROP, width, height)
    rows, columns = (
        slice(first * step, last * step + 1, step)
        for first, last in ((place.top, place.bottom), (place.left, place.right))
    )
    x, y = sampled.center_x_px - place.left, sampled.center_y_px - place.top
    crop = crop_face(image[rows, columns], replace(sampled, center_x_px=x, center_y_px=y), _CROP)
    tones = np.asarray(cv2.cvtColor(cv2.GaussianBlur(crop, (0, 0), 1.5), cv2.COLOR_RGB2LAB), dtype=np.uint8)
    shading = cv2.resize(tones[..., 0].astype(np.float32), (_SHADING_PX, _SHADING_PX), interpolation=cv2.INTER_AREA)
    histograms = [cv2.GaussianBlur(_tone_counts(tones[..., channel]), (1, 3), 0.8).ravel() for channel in (1, 2)]
    colours = np.concatenate([histogram / max(1.0, float(histogram.sum())) for histogram in histograms])
    return FaceAppearance(_normalised(shading), colours.astype(np.float32))


class FaceIdentity:
    """Numbers the stretches in which one bed's patient was followed without a break. Not thread-safe."""

    def __init__(self) -> None:
        self._next_id = 1
        self._id: int | None = None
        self._track_id = 0
        self._seen_seconds = 0.0
        self._box: OrientedBox | None = None
        self._last: FaceAppearance | None = None
        self._template: FaceAppearance | None = None
        self._stream: int | None = None
        self._scene: NDArray[np.float32] | None = None
        self._frame_seconds: float | None = None
        self._intervals: deque[float] = deque(maxlen=_REMEMBERED_GAPS)

    def lose(self) -> None:
        """Forget the face that was followed: whatever comes next is another one."""
        self._id = self._last = self._template = self._box = None

    def update(
        self, frame: Frame, cells: NDArray[np.float32], track_id: int | None, box: OrientedBox | None
    ) -> int | None:
        """Take what a frame shows of the patient.

        Args:
            frame: Newer than the last one.
            cells: Of its picture, as `scene_cells` gives them.
            track_id: Of the face that was chosen as the patient's; None where it was not seen in this frame.
            box: Where it is; None where it was not seen.

        Returns:
            The identity of the face that is followed, also where it was missed for a moment; None where none is.
        """
        self._check_picture(frame, cells)
        allowed_seconds = self._allowed_seconds()
        if self._frame_seconds is not None:
            self._intervals.append(frame.time_seconds - self._frame_seconds)
        self._frame_seconds = frame.time_seconds
        if self._id is not None and frame.time_seconds - self._seen_seconds > allowed_seconds:
            self.lose()
        if track_id is None or box is None:
            return self._id
        appearance = face_appearance(frame.image, box)
        if not self._goes_on(frame.time_seconds, track_id, box, appearance):
            self.lose()
            self._id, self._next_id = self._next_id, self._next_id + 1
        self._note(frame.time_seconds, track_id, box, appearance)
        return self._id

    def _allowed_seconds(self) -> float:
        """Return how long the face may be out of sight, by the frames before this one: one gap allows no other."""
        if len(self._intervals) < _REMEMBERED_INTERVALS:
            return FOLLOWED_SECONDS
        usual_seconds = _INTERVALS * statistics.median(list(self._intervals)[-_REMEMBERED_INTERVALS:])
        recurring_seconds = sorted(self._intervals)[-2]
        clustered_seconds = min(_CLUSTERED_SECONDS, recurring_seconds + usual_seconds)
        return min(_LONGEST_SECONDS, max(FOLLOWED_SECONDS, usual_seconds, clustered_seconds))

    def _check_picture(self, frame: Frame, cells: NDArray[np.float32]) -> None:
        """Lose the face where the pictures do not follow each other: another connection, or another scene."""
        scene = _normalised(cells)
        if frame.stream != self._stream or self._scene is None or float(scene @ self._scene) < _SCENE:
            self.lose()
        self._stream, self._scene = frame.stream, scene

    def _goes_on(self, now_seconds: float, track_id: int, box: OrientedBox, appearance: FaceAppearance) -> bool:
        if self._id is None or self._box is None or self._last is None or self._template is None:
            return False
        gap_seconds = min(FOLLOWED_SECONDS, now_seconds - self._seen_seconds)
        moved = _MOVED + _MOVED_PER_SECOND * gap_seconds
        return (
            track_id == self._track_id
            and box.distance_px(self._box) <= moved * min(box.size_px, self._box.size_px)
            and abs(math.log(box.size_px / self._box.size_px)) <= math.log(_GROWN)
            and turn_between_deg(box.orientation_deg, self._box.orientation_deg) <= _TURNED_DEG
            and appearance.likeness(self._last) >= _LIKE_LAST + _LIKE_LAST_PER_SECOND * gap_seconds
            and appearance.likeness(self._template) >= _LIKE_TEMPLATE
        )

    def _note(self, now_seconds: float, track_id: int, box: OrientedBox, appearance: FaceAppearance) -> None:
        template = self._template
        if template is None:
            self._template = appearance
        else:
            gained = -math.expm1(-max(0.0, now_seconds - self._seen_seconds) / _TEMPLATE_SECONDS)
            self._template = FaceAppearance(
                _normalised(template.shading + gained * (appearance.shading - template.shading)),
                template.colours + np.float32(gained) * (appearance.colours - template.colours),
            )
        self._track_id, self._box, self._last, self._seen_seconds = track_id, box, appearance, now_seconds


def _scaled(box: OrientedBox, factor: float) -> OrientedBox:
    return OrientedBox(
        box.center_x_px * factor,
        box.center_y_px * factor,
        box.width_px * factor,
        box.height_px * factor,
        box.orientation_deg,
    )


def _tone_counts(tones: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return how many tones lie in each of 12 bins from 96 to 192, both included, as float32 of shape (12,)."""
    low, high = _COLOUR_RANGE
    counts = np.bincount(tones.ravel(), minlength=256)
    counts[high - 1] += counts[high]
    return np.asarray(counts[low:high].reshape(_COLOUR_BINS, -1).sum(axis=1), dtype=np.float32)


def _normalised(values: NDArray[Any]) -> NDArray[np.float32]:
    """Return the values with mean 0 and norm 1; a flat patch resembles nothing."""
    centred = values.ravel() - values.mean()
    norm = float(np.linalg.norm(centred))
    return np.asarray(centred / norm if norm > 1e-6 * values.size else np.zeros_like(centred), dtype=np.float32)
