"""Tries a detector on the known face, so that wrong anchors or pixel scaling are found before anyone relies on it."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from export.known_face import KnownFace, draw_known_face
from monitor.errors import BundleError
from trainer.detector.graph import AnchorSpec, DetectorGraph, Normalisation
from trainer.detector.network import RetinaFace

__all__ = ["validate_detector"]

_SIZE_PX = 320
# One face for each stride of the network.
_FACES_PX = (40.0, 100.0, 260.0)
_MINIMUM_SCORE = 0.5
_MINIMUM_IOU = 0.6
_MAXIMUM_POINT_ERROR = 0.35
# Anchors of other training codes whose checkpoints have the same names and shapes.
_KNOWN_ANCHORS = (
    AnchorSpec(),
    AnchorSpec(sizes_px=((10.0, 20.0), (32.0, 64.0), (128.0, 256.0))),
)


@dataclass(frozen=True, slots=True)
class _Answer:
    """What a detector says of one known face.

    Attributes:
        score: Of the best candidate.
        iou: Overlap of its box with the true one.
        scale: Its box's side over the true one's (geometric mean of width and height).
        point_error: Mean distance of its points from the true ones, in distances between the eyes.
    """

    score: float
    iou: float
    scale: float
    point_error: float

    def is_right(self) -> bool:
        return self.score >= _MINIMUM_SCORE and self.iou >= _MINIMUM_IOU and self.point_error <= _MAXIMUM_POINT_ERROR


def validate_detector(network: RetinaFace, normalisation: Normalisation, anchors: AnchorSpec, *, label: str) -> None:
    """Run a network on the known face in three sizes.

    Args:
        network: RetinaFace with the weights to be tried.
        normalisation: How pixels become its input.
        anchors: The prior boxes that are assumed.
        label: What to call the weights in the error.

    Raises:
        BundleError: It does not find the face where it is; the sentence says what is wrong with its answer.
    """
    answers = _answers(network, normalisation, anchors)
    if all(answer.is_right() for answer in answers):
        return
    if not any(answer.score >= _MINIMUM_SCORE for answer in answers):
        best = max(answer.score for answer in answers)
        raise BundleError(
            f"{label} does not see a synthetic face that a RetinaFace sees (best score {best:.2f}): its weights or its "
            f"pixel scaling are others than expected, so it was not imported"
        )
    seen = [answer for answer in answers if answer.score >= _MINIMUM_SCORE]
    worst = min(seen, key=lambda answer: answer.iou)
    raise BundleError(
        f"{label} finds a synthetic face at the wrong position: its box has {worst.scale:.1f} times the true size and "
        f"its points lie {worst.point_error:.1f} eye distances beside, so it was trained with other anchors than "
        f"{_anchor_summary(anchors)} px{_hint(network, normalisation, anchors)} and was not imported"
    )


def _answers(network: RetinaFace, normalisation: Normalisation, anchors: AnchorSpec) -> list[_Answer]:
    graph = DetectorGraph(network, size_px=_SIZE_PX, normalisation=normalisation, anchors=anchors, top_k=1).eval()
    faces = [draw_known_face(_SIZE_PX, face_px) for face_px in _FACES_PX]
    with torch.inference_mode():
        boxes, scores, landmarks = graph(torch.from_numpy(np.stack([face.image for face in faces])))
    return [
        _answer(face, boxes[index, 0].numpy(), float(scores[index, 0]), landmarks[index, 0].numpy())
        for index, face in enumerate(faces)
    ]


def _answer(face: KnownFace, box: NDArray[np.float32], score: float, points: NDArray[np.float32]) -> _Answer:
    true = np.array(face.box)
    overlap = _area(np.concatenate([np.maximum(box[:2], true[:2]), np.minimum(box[2:], true[2:])]))
    eye_distance = float(np.linalg.norm(face.landmarks[1] - face.landmarks[0]))
    return _Answer(
        score=score,
        iou=overlap / (_area(box) + _area(true) - overlap),
        scale=float(np.sqrt(_area(box) / _area(true))),
        point_error=float(np.linalg.norm(points - face.landmarks, axis=1).mean()) / eye_distance,
    )


def _area(box: NDArray[np.floating]) -> float:
    width, height = np.maximum(box[2:] - box[:2], 0.0)
    return float(width * height)


def _hint(network: RetinaFace, normalisation: Normalisation, anchors: AnchorSpec) -> str:
    """Return which of the known anchors would fit better, where that is plain to see."""

    def overlap(spec: AnchorSpec) -> float:
        return float(np.mean([answer.iou for answer in _answers(network, normalisation, spec)]))

    best = max(_KNOWN_ANCHORS, key=overlap)
    if best == anchors or overlap(best) < overlap(anchors) + 0.2:
        return ""
    return f" ({_anchor_summary(best)} px would fit better)"


def _anchor_summary(anchors: AnchorSpec) -> str:
    return ", ".join("[" + ", ".join(f"{size:g}" for size in level) + "]" for level in anchors.sizes_px)
