"""The raw measures: ratios of lengths in the mesh's own plane, so that turn, size and position do not count."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitor.faces.actions.values import ActionName

__all__ = ["GEOMETRIC", "geometric_measures", "interocular_px"]

Points = NDArray[np.float64]


class _Eye(NamedTuple):
    outer: int
    inner: int
    upper: tuple[int, ...]
    lower: tuple[int, ...]


# Numbers of MediaPipe's mesh, left and right as seen in the picture.
_LEFT_EYE = _Eye(33, 133, (160, 159, 158), (144, 145, 153))
_RIGHT_EYE = _Eye(263, 362, (385, 386, 387), (380, 374, 373))
_UPPER_INNER_LIP, _LOWER_INNER_LIP = (82, 13, 312), (87, 14, 317)
_MOUTH_CORNERS = (61, 291)
_NOSE_BASE, _CHIN = 2, 152
_INNER_BROWS = (55, 285)
_BROWS = ((55, 65, 52), (285, 295, 282))
_EYE_INNERS = (133, 362)
_OUTER_LIPS = (0, 17)


def interocular_px(points: Points) -> float:
    """Return the distance between the middles of the two eyes, in the points' unit."""
    left = (points[_LEFT_EYE.outer] + points[_LEFT_EYE.inner]) / 2
    right = (points[_RIGHT_EYE.outer] + points[_RIGHT_EYE.inner]) / 2
    return _length(left - right)


def geometric_measures(points: Points) -> dict[ActionName, float]:
    """Return the raw measure of every action that geometry gives.

    Args:
        points: Shape (468, 2 or more); only x and y are used.

    Returns:
        Ratios of lengths; NaN where the eyes fall together, as in a full profile.
    """
    plane = np.asarray(points[:, :2], dtype=np.float64)
    unit = interocular_px(plane)
    if unit <= 0.0:
        return dict.fromkeys(GEOMETRIC, float("nan"))
    return {name: measure(plane, unit) for name, measure in GEOMETRIC.items()}


def _mouth_opening(points: Points, unit: float) -> float:
    return _gap(points, _UPPER_INNER_LIP, _LOWER_INNER_LIP) / unit


def _vertical_stretch(points: Points, unit: float) -> float:
    return _length(points[_CHIN] - points[_NOSE_BASE]) / unit


def _horizontal_stretch(points: Points, unit: float) -> float:
    return _length(points[_MOUTH_CORNERS[0]] - points[_MOUTH_CORNERS[1]]) / unit


def _left_eye_closure(points: Points, _: float) -> float:
    return -_gap(points, _LEFT_EYE.upper, _LEFT_EYE.lower) / _eye_width(points, _LEFT_EYE)


def _right_eye_closure(points: Points, _: float) -> float:
    return -_gap(points, _RIGHT_EYE.upper, _RIGHT_EYE.lower) / _eye_width(points, _RIGHT_EYE)


def _brow_lowering(points: Points, unit: float) -> float:
    """Return the brows' height over the line through the inner corners of the eyes, negated."""
    first, second = points[_EYE_INNERS[0]], points[_EYE_INNERS[1]]
    along = second - first
    length = _length(along)
    if length <= 0.0:
        return float("nan")
    up = np.array([along[1], -along[0]]) / length
    heights = [float((points[list(brow)].mean(axis=0) - first) @ up) for brow in _BROWS]
    return -float(np.mean(heights)) / unit


def _inner_brow_nearness(points: Points, unit: float) -> float:
    return -_length(points[_INNER_BROWS[0]] - points[_INNER_BROWS[1]]) / unit


def _lip_purse(points: Points, unit: float) -> float:
    """Return the lips' height less the mouth's width and its opening: lips that are pushed out are high and narrow."""
    height = _length(points[_OUTER_LIPS[0]] - points[_OUTER_LIPS[1]]) - _gap(points, _UPPER_INNER_LIP, _LOWER_INNER_LIP)
    width = _length(points[_MOUTH_CORNERS[0]] - points[_MOUTH_CORNERS[1]])
    return (height - width) / unit


GEOMETRIC: dict[ActionName, Callable[[Points, float], float]] = {
    "mouth_opening": _mouth_opening,
    "vertical_stretch": _vertical_stretch,
    "horizontal_stretch": _horizontal_stretch,
    "left_eye_closure": _left_eye_closure,
    "right_eye_closure": _right_eye_closure,
    "brow_lowering": _brow_lowering,
    "inner_brow_nearness": _inner_brow_nearness,
    "lip_purse": _lip_purse,
}


def _gap(points: Points, upper: tuple[int, ...], lower: tuple[int, ...]) -> float:
    return _length(points[list(upper)].mean(axis=0) - points[list(lower)].mean(axis=0))


def _eye_width(points: Points, eye: _Eye) -> float:
    return max(_length(points[eye.outer] - points[eye.inner]), 1e-9)


def _length(vector: NDArray[np.float64]) -> float:
    return float(np.hypot(vector[0], vector[1]))
