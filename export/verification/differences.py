"""How far two answers to the same pictures lie apart."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from monitor.faces.detection_passes import HINT_SCORE
from monitor.inference.classifier import are_constant
from monitor.pipeline.covered_face import LEAST_PRESENCE, VISIBLE_FROM

__all__ = ["Differences", "classifier_differences", "detector_differences", "mesh_differences"]

Answers = Mapping[str, NDArray[Any]]
# A box lies over another one from this overlap on.
_SAME_FACE = 0.5


class Differences(BaseModel):
    """Measured differences from the reference; what does not apply to a model is None.

    Attributes:
        pictures: How many answers were compared: each picture counts once for every size of batch that it was run in.
        finite: Whether every number of the answer was finite.
        score_maximum: Largest |difference| of the score; a detector's is that of each place where either sees a face,
            from what the monitor takes for a hint on.
        score_p99: 99th percentile of it.
        logit_maximum: Largest |difference| of the log-odds, as a share of the reference's where that is above 1. Scores
            near 0 and 1 hide what it shows: 0.9997 and 0.99999998 are 8 and 18.
        flips: Decisions that changed although the reference lay outside the band around the threshold.
        minimum_iou: Smallest overlap of a face's box with the reference's.
        landmark_error: Largest distance of a point from the reference's, in widths of the reference's box.
        faces_missed: Faces of the reference with no box over them.
        faces_invented: Faces of the answer where the reference has none.
        level_maximum: Largest |difference| of the smoothed level over the golden clip.
        timeline_equal: Whether the golden clip raised and ended the same alarms within 1 s.
        point_px_maximum: Largest distance of a mesh's point from the reference's, in pixels of the crop.
        visibility_maximum: Largest |difference| of the probability that a region is visible, or that a crop shows a
            face.
        visibility_flips: Regions that became visible or hidden, and faces that came or went, although the reference lay
            outside the band around the monitor's threshold.
        contribution_maximum: Largest |difference| of what adds up to the log-odds, as `logit_maximum`.
        constants_scored: Answers that are the network's constant and would have become a score.
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
    faces_invented: int | None = None
    level_maximum: float | None = None
    timeline_equal: bool | None = None
    point_px_maximum: float | None = None
    visibility_maximum: float | None = None
    visibility_flips: int | None = None
    contribution_maximum: float | None = None
    constants_scored: int | None = None


def classifier_differences(
    reference: Answers,
    answer: Answers,
    *,
    threshold: float,
    band: float,
    constant: float | None = None,
    engine: str = "onnxruntime",
) -> Differences:
    """Compare two classifiers' answers in all that the monitor reads.

    Args:
        reference: `score` of shape (N,), and where the model has them, of M pictures, `logit` (M,), `contributions`
            (M, parts), `visible` (M, 4), `presence` (M,) and `points` (M, P, 3) in pixels of the crop.
        answer: The same from the model under test.
        threshold: Of the decision.
        band: Half width around a threshold in which a changed decision does not count.
        constant: Log-odds that are no answer, see `ClassifierContract.constant_logit`.
        engine: Name of what answered.
    """
    return Differences(
        pictures=len(reference["score"]),
        finite=_all_finite(answer),
        logit_maximum=_share_of_size(reference, answer, "logit"),
        contribution_maximum=_share_of_size(reference, answer, "contributions"),
        point_px_maximum=_point_difference(reference, answer, LEAST_PRESENCE) if "points" in reference else None,
        constants_scored=None if constant is None else _constants_scored(reference, answer, constant, engine),
        **_visibility_differences(reference, answer, band),
        **_score_differences(reference["score"], answer["score"]),
        flips=_flips(reference["score"], answer["score"], threshold, band),
    )


def detector_differences(
    reference: Answers, answer: Answers, *, threshold: float, band: float, suppression: float
) -> Differences:
    """Compare two detectors' answers by the faces of every picture.

    Args:
        reference: `boxes` (N, K, 4), `scores` (N, K), `landmarks` (N, K, 5, 2).
        answer: The same from the model under test.
        threshold: Score from which an answer is a face.
        band: Half width around the threshold in which a face found or lost does not count.
        suppression: Overlap from which the better of two boxes is the only one.
    """
    overlaps, errors, missed, invented = [], [], 0, 0
    best = reference["scores"][:, 0], answer["scores"][:, 0]
    pairs = [np.array(best, np.float64)]
    for index in range(len(reference["scores"])):
        known, found = ({name: answers[name][index] for name in answers} for answers in (reference, answer))
        pairs += [_scores_at_faces(known, found, suppression), _scores_at_faces(found, known, suppression)[::-1]]
        for face in _faces(known, threshold, suppression):
            box = known["boxes"][face]
            overlap = np.where(found["scores"] >= threshold - band, _iou(box, found["boxes"]), 0.0)
            nearest = int(np.argmax(overlap))
            if overlap[nearest] < _SAME_FACE:
                missed += 1
                continue
            distance = np.linalg.norm(found["landmarks"][nearest] - known["landmarks"][face], axis=1)
            overlaps.append(float(overlap[nearest]))
            errors.append(float(distance.max() / (box[2] - box[0])))
        possible = known["boxes"][known["scores"] >= threshold - band]
        for face in _faces(found, threshold, suppression):
            invented += not (_iou(found["boxes"][face], possible) >= _SAME_FACE).any()
    return Differences(
        pictures=len(reference["scores"]),
        finite=_all_finite(answer),
        minimum_iou=min(overlaps, default=0.0),
        landmark_error=max(errors, default=1.0),
        faces_missed=missed,
        faces_invented=invented,
        **_score_differences(*np.concatenate(pairs, axis=1)),
        flips=_flips(*best, threshold, band),
    )


def mesh_differences(reference: Answers, answer: Answers, *, threshold: float, band: float) -> Differences:
    """Compare two face meshes' answers.

    Args:
        reference: `points` (N, P, 3) in pixels of the crop, `presence` (N,).
        answer: The same from the model under test.
        threshold: Presence from which a crop shows a face.
        band: Half width around the threshold in which a face found or lost does not count.
    """
    return Differences(
        pictures=len(reference["presence"]),
        finite=_all_finite(answer),
        point_px_maximum=_point_difference(reference, answer, 0.0),
        **_score_differences(reference["presence"], answer["presence"]),
        flips=_flips(reference["presence"], answer["presence"], threshold, band),
    )


def _score_differences(reference: NDArray[Any], answer: NDArray[Any]) -> dict[str, Any]:
    difference = np.abs(np.asarray(answer, np.float64) - np.asarray(reference, np.float64))
    # A number that is not finite differs by everything there is, not by nothing.
    difference = np.where(np.isfinite(difference), difference, 1.0)
    return {
        "score_maximum": float(difference.max()),
        "score_p99": float(np.percentile(difference, 99)),
    }


def _flips(reference: NDArray[Any], answer: NDArray[Any], threshold: float, band: float) -> int:
    outside = np.abs(reference - threshold) > band
    return int((outside & ((answer >= threshold) != (reference >= threshold))).sum())


def _visibility_differences(reference: Answers, answer: Answers, band: float) -> dict[str, Any]:
    names = [name for name in ("visible", "presence") if name in reference]
    if not names:
        return {}
    flips = sum(_flips(reference[name], answer[name], VISIBLE_FROM, band) for name in names)
    if "presence" in names:
        # So low a threshold has a band of its own: half of it, or a crop without a face could come to show one.
        flips += _flips(reference["presence"], answer["presence"], LEAST_PRESENCE, min(band, LEAST_PRESENCE / 2))
    maximum = max(_score_differences(reference[name], answer[name])["score_maximum"] for name in names)
    return {"visibility_maximum": maximum, "visibility_flips": flips}


def _point_difference(reference: Answers, answer: Answers, least_presence: float) -> float:
    """Return the largest distance where the reference sees a face: elsewhere points are invented, and none is used."""
    rows = reference["presence"] >= least_presence
    distance = np.linalg.norm(answer["points"][rows, :, :2] - reference["points"][rows, :, :2], axis=-1)
    return float(min(np.where(np.isfinite(distance), distance, np.inf).max(initial=0.0), 1e6))


def _share_of_size(reference: Answers, answer: Answers, name: str) -> float | None:
    if name not in reference:
        return None
    wanted = np.asarray(reference[name], np.float64)
    share = np.abs(np.asarray(answer[name], np.float64) - wanted) / np.maximum(1.0, np.abs(wanted))
    return float(min(np.where(np.isfinite(share), share, np.inf).max(), 1e6))


def _constants_scored(reference: Answers, answer: Answers, constant: float, engine: str) -> int:
    silent = are_constant(reference["logit"], constant, "onnxruntime")
    return int((silent & ~are_constant(answer["logit"], constant, engine)).sum())


def _faces(answer: Answers, threshold: float, suppression: float) -> list[int]:
    """Return the indices of one picture's faces, as non-maximum suppression leaves them."""
    chosen: list[int] = []
    for index in np.argsort(-answer["scores"], kind="stable"):
        if not answer["scores"][index] >= threshold:
            break
        if not (_iou(answer["boxes"][index], answer["boxes"][chosen]) > suppression).any():
            chosen.append(int(index))
    return chosen


def _scores_at_faces(known: Answers, found: Answers, suppression: float) -> NDArray[np.float64]:
    """Return the scores of one answer's faces, down to hints, and of another in their place, shape (2, faces)."""
    faces = _faces(known, HINT_SCORE, suppression)
    places = [_iou(known["boxes"][face], found["boxes"]) >= _SAME_FACE for face in faces]
    return np.array([known["scores"][faces], [found["scores"][place].max(initial=0.0) for place in places]], np.float64)


def _all_finite(answer: Answers) -> bool:
    return all(bool(np.isfinite(values).all()) for values in answer.values())


def _iou(box: NDArray[Any], boxes: NDArray[Any]) -> NDArray[np.float64]:
    low, high = np.maximum(box[:2], boxes[:, :2]), np.minimum(box[2:], boxes[:, 2:])
    shared = np.prod(np.maximum(high - low, 0), axis=1)
    union = np.prod(box[2:] - box[:2]) + np.prod(np.maximum(boxes[:, 2:] - boxes[:, :2], 0), axis=1) - shared
    return np.asarray(shared / np.maximum(union, 1e-9), dtype=np.float64)
