"""Fits the head of the facial actions' score on synthetic infants: `python -m export.actions.fitting > head.json`.

Takes about ten minutes on one core and no picture of an infant.
"""

import json
import math
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from export.actions.bundle import MARGIN
from export.actions.graph import Head, measures
from export.mesh.flatbuffer import read_graph
from export.mesh.network import SIDE_PX, MeshGraph
from export.mesh.package_file import PACKAGE
from monitor.faces import CropSpec, OrientedBox, crop_face
from trainer.synthetic import SessionView, StillsPlan, plan_stills, render_still

if TYPE_CHECKING:
    from monitor.faces import Face

__all__ = ["TrainingFace", "fit_head", "training_crops", "training_faces"]

_BLOCKS = 24
_FIRST_INFANT = 40_000
_SIDE_PX = 448
_FACE_PX = ((60.0, 110.0), (90.0, 160.0), (140.0, 260.0))
_INVERSE_PENALTY = 0.1
_DISTRESS = ("pain", "cry")
_YAWN = "yawn"
_BATCH = 16


class TrainingFace(NamedTuple):
    """A synthetic infant's picture as a camera might show it, and what is true of it.

    Attributes:
        image: Shape (H, W, 3), uint8, RGB.
        box: The face, with the errors of a detector.
        stimulus: What the infant's state comes from.
        intensities: The ten NFCS items, each in [0, 1].
    """

    image: NDArray[np.uint8]
    box: OrientedBox
    stimulus: str
    intensities: dict[str, float]


def training_faces(blocks: int = _BLOCKS, seed: int = 5, first_infant: int = _FIRST_INFANT) -> Iterator[TrainingFace]:
    """Yield synthetic infants in all states; a block has ten infants of eight pictures each."""
    rng = np.random.default_rng(seed)
    for block in range(blocks):
        view = SessionView(_SIDE_PX, _SIDE_PX, _FACE_PX[block % len(_FACE_PX)], "upright", seed=first_infant + block)
        plan = StillsPlan(view, infants=10, per_infant=8, first_infant=first_infant + 10 * block)
        for planned in plan_stills(plan):
            still = render_still(planned.still)
            if still.truth.face is not None:
                image, box = _varied(still.image, rng), _jittered(still.truth.face, rng)
                yield TrainingFace(image, box, planned.stimulus, still.truth.intensities)


def training_crops(blocks: int = _BLOCKS, seed: int = 5) -> Iterator[tuple[NDArray[np.uint8], str]]:
    """Yield crops of synthetic infants with their state; a block has ten infants of eight pictures each."""
    for face in training_faces(blocks, seed):
        yield crop_face(face.image, face.box, CropSpec(SIDE_PX, MARGIN)), face.stimulus


def fit_head(mesh: MeshGraph, crops: Iterator[tuple[NDArray[np.uint8], str]]) -> Head:
    """Fit a multinomial logistic regression (distress, yawn, anything else) in which every state weighs the same."""
    samples = list(crops)
    pictures, states = np.stack([crop for crop, _ in samples]), np.array([state for _, state in samples])
    found = []
    with torch.inference_mode():
        for start in range(0, len(pictures), _BATCH):
            points, _ = mesh.eval()(torch.from_numpy(pictures[start : start + _BATCH]))
            found.append(measures(points[..., :2]).numpy())
    values = np.concatenate(found).astype(np.float64)
    mean, scale = values.mean(axis=0), values.std(axis=0)
    _, inverse, counts = np.unique(states, return_inverse=True, return_counts=True)
    weights = len(states) / (len(counts) * counts[inverse])
    classes = np.where(np.isin(states, _DISTRESS), 1, np.where(states == _YAWN, 2, 0))
    regression = LogisticRegression(C=_INVERSE_PENALTY, max_iter=3000)
    regression.fit((values - mean) / scale, classes, sample_weight=weights)
    other, distress, yawn = regression.coef_
    bias = regression.intercept_ - regression.intercept_[0]
    share = float(weights[classes == 1].sum() / weights.sum())
    return Head(
        mean=_numbers(mean),
        scale=_numbers(scale),
        distress=_numbers(distress - other),
        distress_bias=round(float(bias[1]) - math.log(share / (1.0 - share)), 4),
        yawn=_numbers(yawn - other),
        yawn_bias=round(float(bias[2]), 4),
    )


def _varied(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return a picture with another exposure, tone, colour, sharpness and compression: grey, infrared, blue light."""
    light = image.astype(np.float32)
    gamma = rng.uniform(0.5, 1.6)
    light = 255.0 * (np.clip(light * rng.uniform(0.6, 1.3), 0, 255) / 255.0) ** gamma
    kind = rng.random()
    if kind < 0.25:
        light = np.repeat(light @ np.array([[0.3], [0.59], [0.11]], np.float32), 3, axis=2)
    elif kind < 0.4:
        light = np.repeat(light[:, :, :1] * 0.7 + 60.0, 3, axis=2)
    elif kind < 0.7:
        light = light * rng.uniform(0.75, 1.25, 3)
    elif kind < 0.75:
        light = light * np.array([0.35, 0.6, 1.3])
    varied = np.clip(light, 0, 255).astype(np.uint8)
    if rng.random() < 0.4:
        varied = np.asarray(cv2.GaussianBlur(varied, (0, 0), rng.uniform(0.5, 2.0)), np.uint8)
    if rng.random() < 0.5:
        _, encoded = cv2.imencode(".jpg", varied, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(20, 90))])
        varied = np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8)
    return np.ascontiguousarray(varied)


def _jittered(face: "Face", rng: np.random.Generator) -> OrientedBox:
    """Return the face's box with the errors of a detector."""
    box = face.box
    width, height = (side * (1.0 + rng.normal(0.0, 0.06)) for side in (box.width_px, box.height_px))
    turn = box.orientation_deg + rng.normal(0.0, 5.0)
    x, y = box.center_x_px + rng.normal(0.0, 0.04) * width, box.center_y_px + rng.normal(0.0, 0.04) * height
    return OrientedBox(float(x), float(y), float(width), float(height), float(turn))


def _numbers(values: NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(round(float(value), 5) for value in values)


if __name__ == "__main__":
    head = fit_head(MeshGraph(read_graph(PACKAGE.content())), training_crops())
    print(json.dumps(asdict(head), indent=2))  # noqa: T201 - its output
