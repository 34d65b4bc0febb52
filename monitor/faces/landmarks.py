"""What five points show about how a face lies, and whether they can be a face at all.

A detector's score does not prove the orientation: RetinaFace stays above 0.9 on a face that is upside down, with the
points at wrong positions. These checks are the ones that a score cannot pass for.
"""

import math

import numpy as np
from numpy.typing import NDArray

from monitor.faces.geometry import normalise_deg

__all__ = ["are_plausible", "roll_deg"]

# Limits in units of the distance from the middle of the eyes to the middle of the mouth. Frontal faces have eyes 0.9
# (adult) to 1.2 (newborn) apart; in profile the two eyes fall together or even swap by a little.
_WIDEST_EYES = 2.0
_SWAPPED_BY = -0.2
# Seen from the chin, as from a bed's foot, the tip of the nose rises to the line of the eyes and a little above it.
_NOSE_RANGE = (-0.15, 1.0)
_NOSE_ASIDE = 1.0
# The same distance as a share of the box's longer side.
_AXIS_RANGE = (0.15, 0.80)
# How far a point may lie outside the box, as a share of the box.
_OUTSIDE = 0.15


def roll_deg(points: NDArray[np.float64]) -> float:
    """Return how far a face is turned clockwise within the picture.

    The eye line alone loses its direction when a face is seen from the side and the eyes fall together, and the line
    from the eyes to the mouth alone is short on a face seen from the chin. Their sum, as vectors, leans on whichever
    is longer; for a frontal face both agree.

    Args:
        points: Shape (5, 2) as (x, y): left and right eye, nose tip, left and right mouth corner, as seen upright.

    Returns:
        Degrees in (-180, 180]; 0 for an upright face, and for points that all coincide.
    """
    eyes = points[1] - points[0]
    down = _axis(points)
    # `down` turned back by a quarter points along the eye line of an upright face.
    return normalise_deg(math.degrees(math.atan2(eyes[1] - down[0], eyes[0] + down[1])))


def are_plausible(points: NDArray[np.float64], box: NDArray[np.float64]) -> bool:
    """Return whether five points can be the features of one face, whatever its roll.

    Eyes above mouth with the nose between them or, seen from the chin, on the eyes' line; left and right not swapped,
    proportions of a face seen from the front or the side, and all of it within the box.

    Args:
        points: Shape (5, 2) as (x, y), in RetinaFace's order.
        box: Shape (4,): x0, y0, x1, y1 in the same coordinates, axis-parallel.
    """
    if not (np.isfinite(points).all() and np.isfinite(box).all()):
        return False
    extent = box[2:] - box[:2]
    if extent.min() <= 0:
        return False
    slack = _OUTSIDE * extent
    if (points < box[:2] - slack).any() or (points > box[2:] + slack).any():
        return False
    angle = math.radians(roll_deg(points))
    across = np.array([math.cos(angle), math.sin(angle)])
    below = np.array([-math.sin(angle), math.cos(angle)])
    axis = float(_axis(points) @ below)
    if not _AXIS_RANGE[0] <= axis / extent.max() <= _AXIS_RANGE[1]:
        return False
    eyes = float((points[1] - points[0]) @ across) / axis
    mouth = float((points[4] - points[3]) @ across) / axis
    nose = points[2] - (points[0] + points[1]) / 2
    return (
        _SWAPPED_BY <= eyes <= _WIDEST_EYES
        and _SWAPPED_BY <= mouth <= _WIDEST_EYES
        and _NOSE_RANGE[0] <= float(nose @ below) / axis <= _NOSE_RANGE[1]
        and abs(float(nose @ across)) / axis <= _NOSE_ASIDE
    )


def _axis(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the vector from the middle of the eyes to the middle of the mouth."""
    return np.asarray((points[3] + points[4]) / 2 - (points[0] + points[1]) / 2)
