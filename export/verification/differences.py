"""How far two answers to the same pictures lie apart."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

__all__ = ["Differences", "classifier_differences", "detector_differences", "mesh_differences"]

Answers = Mapping[str, NDArray[Any]]


class Differences(BaseModel):
    """Measured differences from the reference; what does not apply to a model is None.

    Attributes:
        pictures: How many were compared.
        finite: Whether every number of the answer was finite.
        score_maximum: Largest |difference| of the score.
        score_p99: 99th percentile of it.
        logit_maximum: Largest |difference| of the log-odds, as a share of the reference's where that is above 1. Scores
            near 0 and 1 hide what it shows: 0.9997 and 0.99999998 are 8 and 18.
        flips: Decisions that changed although the reference lay outside the band around the threshold.
        minimum_iou: Smallest overlap of a face's box with the reference's.
        landmark_error: Largest distance of a point from the reference's, in widths of the reference's box.
        faces_missed: Faces of the reference with no box over them.
        level_maximum: Largest |difference| of the smoothed level over the golden clip.
        timeline_equal: Whether the golden clip raised and ended the same alarms within 1 s.
        point_px_maximum: Largest distance of a mesh's point from the reference's, in pixels of the crop.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    pictures: int
    finite: bool
    score_maximum: float
    score_p99: float
    flips: int
    logit_maximum: float | None = None
    minimum_iou: float | None = None
    landmark_error: float | None = None
    faces_missed: int | None = None
    level_maximum: float | None = None
    timeline_equal: bool | None = None
    point_px_maximum: float | None = None


def classifier_differences(reference: Answers, answer: Answers, *, threshold: float, band: float) -> Differences:
    """Compare two classifiers' answers.

    Args:
        reference: `score` of shape (N,), and where the model has it `logit` of shape (M,), of M pictures.
        answer: The same from the model under test.
        threshold: Of the decision.
        band: Half width around the threshold in which a changed decision does not count.
    """
    return Differences(
        pictures=len(reference["score"]),
        finite=_all_finite(answer),
        logit_maximum=_logit_difference(reference, answer),
        **_score_differences(reference["score"], answer["score"], threshold, band),
    )


def detector_differences(reference: Answers, answer: Answers, *, threshold: float, band: float) -> Differences:
    """Compare two detectors' answers by the best face of every picture.

    Args:
        reference: `boxes` (N, K, 4), `scores` (N, K), `landmarks` (N, K, 5, 2).
        answer: The same from the model under test.
        threshold: Score from which an answer is a face.
        band: Half width around the threshold in which a face found or lost does not count.
    """
    overlaps, errors, missed = [], [], 0
    for index in range(len(reference["scores"])):
        if reference["scores"][index, 0] < threshold:
            continue
        box = reference["boxes"][index, 0]
        is_face = answer["scores"][index] >= threshold - band
        overlap = np.where(is_face, _iou(box, answer["boxes"][index]), 0.0)
        best = int(np.argmax(overlap))
        if overlap[best] < 0.5:
            missed += 1
            continue
        distance = np.linalg.norm(answer["landmarks"][index, best] - reference["landmarks"][index, 0], axis=1)
        overlaps.append(float(overlap[best]))
        errors.append(float(distance.max() / (box[2] - box[0])))
    return Differences(
        pictures=len(reference["scores"]),
        finite=_all_finite(answer),
        minimum_iou=min(overlaps, default=0.0),
        landmark_error=max(errors, default=1.0),
        faces_missed=missed,
        **_score_differences(reference["scores"][:, 0], answer["scores"][:, 0], threshold, band),
    )


def mesh_differences(reference: Answers, answer: Answers, *, threshold: float, band: float) -> Differences:
    """Compare two face meshes' answers.

    Args:
        reference: `points` (N, P, 3) in pixels of the crop, `presence` (N,).
        answer: The same from the model under test.
        threshold: Presence from which a crop shows a face.
        band: Half width around the threshold in which a face found or lost does not count.
    """
    distance = np.linalg.norm(answer["points"][..., :2] - reference["points"][..., :2], axis=-1)
    finite = np.where(np.isfinite(distance), distance, np.inf)
    return Differences(
        pictures=len(reference["presence"]),
        finite=_all_finite(answer),
        point_px_maximum=float(min(finite.max(), 1e6)),
        **_score_differences(reference["presence"], answer["presence"], threshold, band),
    )


def _score_differences(reference: NDArray[Any], answer: NDArray[Any], threshold: float, band: float) -> dict[str, Any]:
    difference = np.abs(np.asarray(answer, np.float64) - np.asarray(reference, np.float64))
    # A number that is not finite differs by everything there is, not by nothing.
    difference = np.where(np.isfinite(difference), difference, 1.0)
    outside = np.abs(reference - threshold) > band
    flipped = (answer >= threshold) != (reference >= threshold)
    return {
        "score_maximum": float(difference.max()),
        "score_p99": float(np.percentile(difference, 99)),
        "flips": int((outside & flipped).sum()),
    }


def _logit_difference(reference: Answers, answer: Answers) -> float | None:
    if "logit" not in reference:
        return None
    wanted = np.asarray(reference["logit"], np.float64)
    share = np.abs(np.asarray(answer["logit"], np.float64) - wanted) / np.maximum(1.0, np.abs(wanted))
    return float(min(np.where(np.isfinite(share), share, np.inf).max(), 1e6))


def _all_finite(answer: Answers) -> bool:
    return all(bool(np.isfinite(values).all()) for values in answer.values())


def _iou(box: NDArray[Any], boxes: NDArray[Any]) -> NDArray[np.float64]:
    low, high = np.maximum(box[:2], boxes[:, :2]), np.minimum(box[2:], boxes[:, 2:])
    shared = np.prod(np.maximum(high - low, 0), axis=1)
    union = np.prod(box[2:] - box[:2]) + np.prod(np.maximum(boxes[:, 2:] - boxes[:, :2], 0), axis=1) - shared
    return np.asarray(shared / np.maximum(union, 1e-9), dtype=np.float64)
