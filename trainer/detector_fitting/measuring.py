"""What a detector finds of synthetic infants that it never learnt from, in single passes as the monitor makes them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from monitor.inference.manifest import Metric
from trainer.detector.bundle_weights import PretrainedDetector
from trainer.detector.graph import DetectorGraph
from trainer.detector_fitting.pictures import Scene, View, draw_views
from trainer.training.determinism import derive_seed

__all__ = ["Finding", "measure", "metrics_of", "unseen_views"]

# The monitor's limit for a face, and when a found face is the synthetic one.
_MINIMUM_SCORE = 0.8
_LEAST_OVERLAP = 0.4
_LARGEST_POINT_ERROR_IOD = 0.3
_TOP_K = 128
_UNSEEN = 1
# The seed does not change who an infant is: these numbers lie above every one that a fine-tuning can reach.
_FIRST_UNSEEN_INFANT = 100_000_000


@dataclass(frozen=True, slots=True)
class Finding:
    """Shares in [0, 1] of views, each with one infant that lies roughly upright in it.

    Attributes:
        infants: How many infants.
        bare: Views of bare faces in which the infant's face is found; a visiting carer's does not count.
        devices: Likewise with devices.
        goggles: Views of faces under goggles in which a face is found all the same.
        beside: Views in which something is found where no face is, not even one under goggles.
    """

    infants: int
    bare: float
    devices: float
    goggles: float
    beside: float


def unseen_views(seed: int, infants: int, size_px: int, progress: Callable[[int], None] = lambda _: None) -> list[View]:
    """Return two views of each of some infants that no fine-tuning learns from.

    Args:
        seed: Of the fine-tuning; states, beds and views are of another seed than its own.
        infants: How many.
        size_px: Side of the square.
        progress: Called with the number of infants drawn so far.
    """
    views = []
    for number in range(infants):
        views += draw_views(derive_seed(seed, _UNSEEN) % 2**31, _FIRST_UNSEEN_INFANT + number, 2, size_px)
        progress(number + 1)
    return views


def measure(detector: PretrainedDetector, views: Sequence[View]) -> Finding:
    """Run a detector on views, at the monitor's limit for a score."""
    size_px = views[0].bare.image.shape[0]
    graph = DetectorGraph(
        detector.network,
        size_px=size_px,
        normalisation=detector.normalisation,
        anchors=detector.anchors,
        top_k=_TOP_K,
    ).eval()
    bare: list[bool] = []
    devices: list[bool] = []
    goggles: list[bool] = []
    beside: list[bool] = []
    for view in views:
        for scene, is_covered in ((view.bare, False), (view.covered, True)):
            under_goggles = is_covered and view.has_goggles
            # Both pictures show the same view: under goggles the face lies where the bare one does.
            hidden = view.bare.boxes[view.bare.is_patient] if under_goggles else scene.boxes[:0]
            answer = _answer(graph, scene, hidden)
            beside.append(answer.has_other)
            if under_goggles:
                if len(hidden):
                    goggles.append(answer.has_hidden)
            elif (scene.is_certain & scene.is_patient).any():
                (devices if is_covered else bare).append(answer.found)
    return Finding(len(views) // 2, _share(bare), _share(devices), _share(goggles), _share(beside))


@dataclass(frozen=True, slots=True)
class _Answer:
    found: bool
    has_hidden: bool
    has_other: bool


def _answer(graph: DetectorGraph, scene: Scene, hidden: NDArray[np.float32]) -> _Answer:
    """Return whether the infant's face is found where it must be, whether one under goggles is, and what is no face.

    Args:
        graph: The detector.
        scene: The picture with the faces that count.
        hidden: Shape (H, 4): boxes of faces under goggles.
    """
    with torch.inference_mode():
        boxes, scores, points = graph(torch.from_numpy(scene.image[None]))
    likely = scores[0] >= _MINIMUM_SCORE
    found, under, other = False, False, False
    for box, landmarks in zip(boxes[0][likely].numpy(), points[0][likely].numpy(), strict=True):
        overlaps = [_overlap(box, face) for face in scene.boxes]
        if not overlaps or max(overlaps) < _LEAST_OVERLAP:
            is_hidden = any(_overlap(box, face) >= _LEAST_OVERLAP for face in hidden)
            under, other = under or is_hidden, other or not is_hidden
            continue
        face = int(np.argmax(overlaps))
        iod = float(np.linalg.norm(scene.points[face][1] - scene.points[face][0]))
        error = float(np.linalg.norm(landmarks - scene.points[face], axis=1).mean()) / iod
        must_be_found = bool(scene.is_certain[face] and scene.is_patient[face])
        found = found or (must_be_found and error <= _LARGEST_POINT_ERROR_IOD)
    return _Answer(found, under, other)


def _overlap(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    inner = np.minimum(first[2:], second[2:]) - np.maximum(first[:2], second[:2])
    shared = float(np.prod(np.clip(inner, 0.0, None)))
    return shared / (float(np.prod(first[2:] - first[:2])) + float(np.prod(second[2:] - second[:2])) - shared)


def _share(outcomes: list[bool]) -> float:
    return float(np.mean(outcomes)) if outcomes else float("nan")


def metrics_of(finding: Finding) -> tuple[Metric, ...]:
    """Return a finding as the metrics of a model card."""
    data = "views of synthetic infants that were not trained on; says nothing about real ones"
    values = {
        "share of bare faces found": finding.bare,
        "share of faces with devices found": finding.devices,
        "share of faces under goggles found": finding.goggles,
        "share of views with a false box": finding.beside,
    }
    return tuple(
        Metric(name=name, value=value, subjects=finding.infants, data=data)
        for name, value in values.items()
        if np.isfinite(value)
    )
