"""Drawing what the monitor sees onto a picture."""

from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

from monitor.faces.geometry import Face
from monitor.faces.patient_tracker import FrameFaces, TrackedFace
from monitor.pain.vocabulary import Code, Observation, Priority, Transition, Validity, Visibility

__all__ = ["draw_banner", "draw_faces"]

Colour = tuple[int, int, int]
# Okabe and Ito's palette, which people with any kind of colour vision can distinguish.
_PATIENT: Colour = (0, 158, 115)
_OTHER: Colour = (150, 150, 150)
_DOUBT: Colour = (240, 228, 66)
_LOW: Colour = (230, 159, 0)
_MEDIUM: Colour = (213, 94, 0)
_TECHNICAL: Colour = (86, 180, 233)
_PAPER: Colour = (32, 32, 32)
_INK: Colour = (240, 240, 240)
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_REFERENCE_HEIGHT_PX = 720


def draw_faces(
    image: NDArray[np.uint8], frame_faces: FrameFaces, *, labelled: bool = True, line_scale: float = 1.0
) -> None:
    """Draw upright boxes, five points and scores; the patient's in colour, thick.

    Args:
        image: Shape (height, width, 3), uint8, RGB; changed in place.
        frame_faces: Faces in pixels of this picture.
        labelled: Whether track, score and turn are written beside each box.
        line_scale: How much thicker than usual lines and points are, for pictures that will be shown small.
    """
    for tracked in frame_faces.faces:
        is_patient = frame_faces.patient is not None and tracked.track_id == frame_faces.patient.track_id
        certain = frame_faces.visibility is Visibility.USABLE
        colour = _OTHER if not is_patient else _PATIENT if certain else _DOUBT
        _draw_face(image, tracked.face, colour, 2 if is_patient else 1, line_scale)
        if labelled:
            _label_face(image, tracked, colour)


def _draw_face(image: NDArray[np.uint8], face: Face, colour: Colour, thickness_px: int, line_scale: float) -> None:
    scale = line_scale * _scale(image)
    thickness = round(thickness_px * scale)
    corners = face.box.corners().round().astype(np.int32)
    cv2.polylines(image, [corners], isClosed=True, color=colour, thickness=thickness, lineType=cv2.LINE_AA)
    # The upper edge of the face, so that its orientation can be seen.
    top_left, top_right = corners[0].tolist(), corners[1].tolist()
    cv2.line(image, top_left, top_right, colour, thickness * 3, cv2.LINE_AA)
    for x, y in face.landmarks.round().astype(int).tolist():
        cv2.circle(image, (x, y), round(3 * scale), colour, -1, cv2.LINE_AA)


def _label_face(image: NDArray[np.uint8], tracked: TrackedFace, colour: Colour) -> None:
    scale = _scale(image)
    x0, y0, _, _ = tracked.face.box.bounds()
    label = f"#{tracked.track_id} {tracked.face.score:.2f} {tracked.face.orientation_deg:+.0f} deg"
    origin = (round(x0), max(round(y0) - 6, 12))
    size = 0.55 * scale
    (width, height), below = cv2.getTextSize(label, _FONT, size, max(1, round(1.6 * size)))
    # On a ground of its own: no colour can be read on every blanket.
    cv2.rectangle(
        image, (origin[0] - 4, origin[1] - height - 4), (origin[0] + width + 4, origin[1] + below), _PAPER, -1
    )
    _text(image, label, origin, size, colour)


def _scale(image: NDArray[np.uint8]) -> float:
    return max(1.0, float(image.shape[0]) / _REFERENCE_HEIGHT_PX)


def draw_banner(
    image: NDArray[np.uint8],
    time_seconds: float,
    observation: Observation,
    alarms: Iterable[Transition],
    on_level: float,
) -> None:
    """Draw the level as a bar with its threshold, coverage, and the alarm conditions that hold.

    Args:
        image: Shape (height, width, 3), uint8, RGB; changed in place.
        time_seconds: Label.
        observation: What the bed shows.
        alarms: Newest transition of every condition that is present.
        on_level: Threshold to mark, in [0, 1].
    """
    height, width = image.shape[:2]
    scale = max(0.5, height / _REFERENCE_HEIGHT_PX)
    line_px = round(26 * scale)
    rows = list(alarms)
    image[: line_px * (2 + len(rows))] //= 3
    level = observation.level
    words = f"{time_seconds:7.1f} s   coverage {observation.coverage:4.0%}   "
    if level is None:
        words += "CANNOT SEE (not: no pain)"
    else:
        doubt = "" if observation.validity is Validity.VALID else " (questionable)"
        words += f"level {level:.2f}{doubt}   score {'-' if observation.score is None else f'{observation.score:.2f}'}"
    _text(image, words, (8, line_px - round(7 * scale)), 0.7 * scale, _INK)
    _bar(image, level, on_level, (8, line_px + 4, width - 16, line_px - 12))
    for row, alarm in enumerate(rows):
        origin = (8, line_px * (3 + row) - round(7 * scale))
        doubt = "" if alarm.validity is Validity.VALID else f" ({alarm.validity})"
        _text(
            image, f"{alarm.code.upper()} {alarm.priority}{doubt}: {alarm.detail}", origin, 0.6 * scale, _colour(alarm)
        )


def _bar(image: NDArray[np.uint8], level: float | None, on_level: float, bounds: tuple[int, int, int, int]) -> None:
    x, y, width, height = bounds
    height = max(height, 4)
    cv2.rectangle(image, (x, y), (x + width, y + height), _PAPER, -1)
    if level is not None:
        colour = _MEDIUM if level >= on_level else _PATIENT
        cv2.rectangle(image, (x, y), (x + round(width * level), y + height), colour, -1)
    threshold = x + round(width * on_level)
    cv2.line(image, (threshold, y - 2), (threshold, y + height + 2), _INK, 2)


def _colour(alarm: Transition) -> Colour:
    if alarm.code not in {Code.PAIN_SIGN, Code.PAIN_SUSTAINED}:
        return _TECHNICAL
    return _LOW if alarm.priority is Priority.LOW else _MEDIUM


def _text(image: NDArray[np.uint8], words: str, origin: tuple[int, int], size: float, colour: Colour) -> None:
    cv2.putText(image, words, origin, _FONT, size, _PAPER, max(3, round(4 * size)), cv2.LINE_AA)
    cv2.putText(image, words, origin, _FONT, size, colour, max(1, round(1.6 * size)), cv2.LINE_AA)
