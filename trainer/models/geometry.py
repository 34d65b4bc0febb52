"""What five points and a box say about a face: the baseline that every network must beat.

All lengths are measured in the upright face and in units of the inter-ocular distance, so that neither the size of the
face nor the way it lies matters.
"""

import numpy as np
from numpy.typing import NDArray

from trainer.crops import FaceRecord, Study
from trainer.errors import DataError

__all__ = ["FEATURES", "MOUTH_WIDTH", "face_features", "study_features"]

FEATURES = (
    "mouth_width",
    "eye_to_nose",
    "eye_to_mouth",
    "nose_to_mouth",
    "box_height_over_width",
    "eye_distance_over_box_width",
    "eye_line_in_box",
    "mouth_line_in_box",
)
MOUTH_WIDTH = 0
"""Index of the mouth's width over the inter-ocular distance, the single feature of the trivial baseline."""


def face_features(face: FaceRecord) -> NDArray[np.float64]:
    """Return the eight features, shape (8,), in the order of `FEATURES`.

    Raises:
        DataError: The picture was taken whole, so that there are no points.
    """
    box, points = face.box, face.landmarks
    if box is None or points is None:
        raise DataError(
            "the geometric baseline needs the detector's five points; pictures taken whole have none: take "
            "pixel-logistic, hog-svm or lbp-svm instead"
        )
    angle = np.deg2rad(box.orientation_deg)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    upright = (points - (box.center_x_px, box.center_y_px)) @ turn.T
    left_eye, right_eye, nose, left_mouth, right_mouth = upright
    eyes, mouth = (left_eye + right_eye) / 2, (left_mouth + right_mouth) / 2
    distance = max(float(np.linalg.norm(right_eye - left_eye)), 1e-6)
    top = -box.height_px / 2
    return np.array(
        [
            np.linalg.norm(right_mouth - left_mouth) / distance,
            np.linalg.norm(nose - eyes) / distance,
            np.linalg.norm(mouth - eyes) / distance,
            np.linalg.norm(mouth - nose) / distance,
            box.height_px / box.width_px,
            distance / box.width_px,
            (eyes[1] - top) / box.height_px,
            (mouth[1] - top) / box.height_px,
        ]
    )


def study_features(study: Study, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the features of some pictures, shape (k, 8).

    Raises:
        DataError: A picture has no points.
    """
    return np.stack([face_features(study.faces[row]) for row in rows]) if len(rows) else np.zeros((0, len(FEATURES)))
