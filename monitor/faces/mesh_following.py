"""A face that is followed by its mesh: between two detection passes the points of the last frame aim the next crop.

The classifier's crop has to be read anyway, and its mesh says where in it the face lies. As long as that leaves no
doubt, a frame needs no detection pass. The mesh alone proves no face, for it invents what is hidden: a detection pass
confirms the face once a second, and at once where the mesh is unsure, where a region is hidden, where the crop no
longer looks like the confirmed one, and where the points jump, turn or fit badly. Only calm faces are followed: an
expression moves the detector's box, on which score and identity rest, so from its first trace on every frame has its
own pass.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from monitor.faces.crop import CropSpec
from monitor.faces.geometry import Face, OrientedBox, normalise_deg
from monitor.inference.classifier import FaceAnswer
from monitor.pain.vocabulary import Region

__all__ = ["CONFIRM_SECONDS", "FaceReading", "MeshFollower", "picture_points"]

CONFIRM_SECONDS = 1.0
"""Without a detection pass a face is followed for less than this."""
# After a doubt every frame gets its detection pass for so long, and after each further one before any frame was
# followed for longer: a doubt costs a crop, and a lasting one may not make a bed dearer.
_REST_SECONDS = 1.0
_LONG_REST_SECONDS = 2.0
_ROUNDING_SECONDS = 1e-6
_LEAST_PRESENCE = 0.9
# Scores above this get every frame's own pass: synthetic infants in pain lost up to a tenth of their score without, and
# one alarm came 9 s later.
_CALM_SCORE = 0.1
# So does a score that rises by more than this above the confirmed one: an expression that begins.
_SCORE_RISE = 0.02
# Correlation of the crop's coarse shading with that of the confirmed one.
_LEAST_LIKENESS = 0.97
_SHADING_PX = 16
# Movement of eyes, nose tip and corners of the mouth beyond the head's own, in shares of the face's size.
_LARGEST_EXPRESSION = 0.02
# Between two frames: of the face's size, as a factor, in degrees. The crop that is scored was aimed by the last frame.
_LONGEST_STEP = 0.06
_STEP_GROWTH = 1.06
_STEP_TURN_DEG = 6.0
# Since the detection pass, beyond which the box would stand too obliquely.
_LARGEST_TURN_DEG = 10.0
# Root mean square of what the fit leaves over, in shares of the face's size: more is a head that turned aside.
_WORST_FIT = 0.03
# MediaPipe's numbers. Corners of the eyes, bridge of the nose, forehead, temples: what no expression moves by much.
_FIRM = (33, 133, 362, 263, 168, 6, 197, 195, 10, 127, 356, 234, 454, 109, 338)
# Eyes, tip of the nose, corners of the mouth, in RetinaFace's order.
_FIVE = ((33, 133, 159, 145), (263, 362, 386, 374), (1,), (61,), (291,))


@dataclass(frozen=True, slots=True)
class FaceReading:
    """What a classifier said of one crop.

    Attributes:
        box: That the crop shows, without its margin, in pixels of the picture.
        crop: Shape (S, S, 3), uint8, RGB.
        answer: The classifier's.
        hidden: Regions that a score rests on and that are hidden.
    """

    box: OrientedBox
    crop: NDArray[np.uint8]
    answer: FaceAnswer
    hidden: tuple[Region, ...] = ()


@dataclass(frozen=True, slots=True)
class _Confirmed:
    """A face that a detection pass saw, with its mesh in the same frame; complex numbers are x + iy in the picture."""

    face: Face
    mesh: NDArray[np.complex128]
    shading: NDArray[np.float32]
    score: float
    seconds: float


def picture_points(points: NDArray[np.float32], box: OrientedBox, spec: CropSpec) -> NDArray[np.float64]:
    """Return where points of a crop lie in the picture.

    Args:
        points: Shape (P, 2 or more), x and y in pixels of the crop.
        box: That the crop was cut around.
        spec: How it was cut.

    Returns:
        Shape (P, 2), in pixels of the picture.
    """
    angle = -math.radians(box.orientation_deg)
    widened = (1.0 + 2.0 * spec.margin) / spec.size_px
    across = np.array([math.cos(angle), math.sin(angle)]) * box.width_px * widened
    down = np.array([-math.sin(angle), math.cos(angle)]) * box.height_px * widened
    from_middle = np.asarray(points[:, :2], np.float64) - (spec.size_px - 1) / 2
    return np.asarray(from_middle @ np.stack([across, down]) + (box.center_x_px, box.center_y_px))


class MeshFollower:
    """Follows one bed's patient between two detection passes. Not thread-safe.

    A caller asks `is_due` before each frame, reads the crop at the face of the last frame and hands it to `follow`; a
    frame that got a detection pass goes to `confirm`, and one that shows no certain face to `lose`.
    """

    def __init__(self) -> None:
        self._resting_seconds = float("-inf")
        self._next_rest_seconds = _REST_SECONDS
        self.lose()

    def lose(self) -> None:
        """Follow nothing until the next detection pass."""
        self._confirmed: _Confirmed | None = None
        self._box: OrientedBox | None = None
        self._seen_seconds = float("-inf")

    def is_due(self, now_seconds: float) -> bool:
        """Return whether the next frame may do without a detection pass."""
        return (
            self._confirmed is not None
            and now_seconds > self._seen_seconds
            and now_seconds - self._confirmed.seconds < CONFIRM_SECONDS - _ROUNDING_SECONDS
        )

    def confirm(self, reading: FaceReading, face: Face, spec: CropSpec, now_seconds: float) -> None:
        """Take what a detection pass saw as what is followed from now on, unless the mesh leaves a doubt.

        Args:
            reading: Of the crop at the face's own box.
            face: As the detection pass saw it.
            spec: How the crop was cut.
            now_seconds: Time of the frame.
        """
        self.lose()
        points = reading.answer.points
        if now_seconds < self._resting_seconds or points is None or not _is_certain(reading):
            return
        mesh = _complex(picture_points(points, reading.box, spec))
        self._confirmed = _Confirmed(face, mesh, _shading(reading.crop), reading.answer.score or 0.0, now_seconds)
        self._box, self._seen_seconds = face.box, now_seconds

    def follow(self, reading: FaceReading, spec: CropSpec, now_seconds: float) -> Face | None:
        """Return the face of a frame without a detection pass; None where there is a doubt and it needs one.

        Args:
            reading: Of the crop at the face's box of the frame before.
            spec: How the crop was cut.
            now_seconds: Time of the frame.

        Returns:
            The confirmed face, moved, turned and scaled as the mesh was; its score is the lesser of the detector's and
            the mesh's presence.
        """
        face = self._moved(reading, spec)
        if face is None:
            self.lose()
            self._resting_seconds = now_seconds + self._next_rest_seconds - _ROUNDING_SECONDS
            self._next_rest_seconds = _LONG_REST_SECONDS
            return None
        self._next_rest_seconds = _REST_SECONDS
        self._box, self._seen_seconds = face.box, now_seconds
        return face

    def _moved(self, reading: FaceReading, spec: CropSpec) -> Face | None:
        confirmed, last, points = self._confirmed, self._box, reading.answer.points
        if confirmed is None or last is None or points is None or not _is_certain(reading):
            return None
        has_risen = (reading.answer.score or 0.0) > confirmed.score + _SCORE_RISE
        if has_risen or float(_shading(reading.crop) @ confirmed.shading) < _LEAST_LIKENESS:
            return None
        mesh = _complex(picture_points(points, reading.box, spec))
        before, now = confirmed.mesh[list(_FIRM)], mesh[list(_FIRM)]
        centred = before - before.mean()
        factor = complex(np.vdot(centred, now - now.mean()) / np.vdot(centred, centred))
        left_over = float(np.sqrt(np.mean(np.abs(factor * centred - (now - now.mean())) ** 2)))
        box = _moved_box(confirmed, mesh, factor)
        turn_deg = abs(math.degrees(math.atan2(factor.imag, factor.real)))
        if left_over > _WORST_FIT * box.size_px or turn_deg > _LARGEST_TURN_DEG or not _is_small_step(last, box):
            return None
        # The five points move with the head, and with the expression as their counterparts of the mesh do.
        with_head = factor * (_five(confirmed.mesh) - before.mean()) + now.mean()
        expression = _five(mesh) - with_head
        if float(np.abs(expression).max()) > _LARGEST_EXPRESSION * box.size_px:
            return None
        landmarks = factor * (_complex(confirmed.face.landmarks) - before.mean()) + now.mean() + expression
        score = min(confirmed.face.score, reading.answer.presence or 0.0)
        return Face(box, np.stack([landmarks.real, landmarks.imag], axis=1), score)


def _is_certain(reading: FaceReading) -> bool:
    """Return whether the mesh shows a calm face, and nothing of it is hidden that matters."""
    answer = reading.answer
    is_face = answer.presence is not None and answer.presence >= _LEAST_PRESENCE
    return is_face and answer.score is not None and answer.score <= _CALM_SCORE and not reading.hidden


def _shading(crop: NDArray[np.uint8]) -> NDArray[np.float32]:
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    cells = cv2.resize(grey, (_SHADING_PX, _SHADING_PX), interpolation=cv2.INTER_AREA).astype(np.float32).ravel()
    cells -= cells.mean()
    return np.asarray(cells / max(float(np.linalg.norm(cells)), 1e-6), np.float32)


def _complex(points: NDArray[np.float64]) -> NDArray[np.complex128]:
    return np.asarray(points[:, 0] + 1j * points[:, 1], np.complex128)


def _five(mesh: NDArray[np.complex128]) -> NDArray[np.complex128]:
    return np.array([mesh[list(numbers)].mean() for numbers in _FIVE])


def _moved_box(confirmed: _Confirmed, mesh: NDArray[np.complex128], factor: complex) -> OrientedBox:
    """Return the confirmed box turned with the head; each of its sides moves with the mesh's, as when a mouth opens."""
    box, scale = confirmed.face.box, abs(factor)
    # A face that turns clockwise is brought upright by that much less of a clockwise turn.
    orientation_deg = normalise_deg(box.orientation_deg - math.degrees(math.atan2(factor.imag, factor.real)))
    turn, turned = np.exp(1j * math.radians(box.orientation_deg)), np.exp(1j * math.radians(orientation_deg))
    before, now = _extent(confirmed.mesh * turn), _extent(mesh * turned)
    center = complex(box.center_x_px, box.center_y_px) * turn
    half = complex(box.width_px, box.height_px) / 2
    low = now[0] + scale * (center - half - before[0])
    high = now[1] + scale * (center + half - before[1])
    middle = (low + high) / 2 / turned
    return OrientedBox(middle.real, middle.imag, (high - low).real, (high - low).imag, orientation_deg)


def _extent(points: NDArray[np.complex128]) -> tuple[complex, complex]:
    """Return the top left and the bottom right corner of what surrounds points that stand upright."""
    return complex(points.real.min(), points.imag.min()), complex(points.real.max(), points.imag.max())


def _is_small_step(last: OrientedBox, box: OrientedBox) -> bool:
    return (
        box.distance_px(last) <= _LONGEST_STEP * last.size_px
        and abs(math.log(box.size_px / last.size_px)) <= math.log(_STEP_GROWTH)
        and abs(normalise_deg(box.orientation_deg - last.orientation_deg)) <= _STEP_TURN_DEG
    )
