"""Fits which regions of a face are visible, on synthetic infants with pasted covers.

`python -m export.actions.region_fitting` writes region_head.npz beside this file. It takes about six minutes on one
core and no picture of an infant. The file that is there was fitted by an earlier draft, as docs/actions.md says.
"""

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression

from export.actions.bundle import MARGIN
from export.actions.covers import REGIONS, cover
from export.actions.fitting import training_crops
from export.actions.region_head import RegionHead, write_region_head
from export.expression import package_file as expression_package
from export.expression.network import ExpressionGraph
from export.mesh import package_file as mesh_package
from export.mesh.flatbuffer import read_graph
from export.mesh.network import SIDE_PX, MeshGraph

__all__ = ["covered_features", "fit_region_head"]

_COVERS_PER_CROP = 2
_COMPONENTS = 150
_INVERSE_PENALTY = 0.01
_BATCH = 16
_SEED = 11


def covered_features(
    mesh: MeshGraph, expression: ExpressionGraph, crops: Iterable[NDArray[np.uint8]], seed: int = _SEED
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return the expression network's features of covered crops, shape (N, 2048), and what is visible, shape (N, 4).

    Args:
        mesh: Says where a crop's regions lie.
        expression: Gives the features.
        crops: Of uncovered faces, shape (192, 192, 3), uint8, RGB; each gets several covers.
        seed: Of the covers.
    """
    rng = np.random.default_rng(seed)
    features, visible = [], []
    pictures = np.stack(list(crops))
    with torch.inference_mode():
        for start in range(0, len(pictures), _BATCH):
            batch = pictures[start : start + _BATCH]
            points = mesh.eval()(torch.from_numpy(batch))[0][..., :2].numpy().astype(np.float64)
            for _ in range(_COVERS_PER_CROP):
                covered = [cover(crop, face, rng) for crop, face in zip(batch, points, strict=True)]
                stack = torch.from_numpy(np.stack([_as_detected(one.crop, rng) for one in covered]))
                features.append(expression.eval().with_features(stack)[1].numpy())
                visible.append(np.stack([one.visible for one in covered]))
    return np.concatenate(features), np.concatenate(visible)


def fit_region_head(features: NDArray[np.float32], visible: NDArray[np.bool_]) -> RegionHead:
    """Fit one logistic regression a region on the features' principal components, written as weights of the features.

    Args:
        features: Shape (N, 2048).
        visible: Shape (N, 4).
    """
    mean, scale = features.mean(axis=0), features.std(axis=0) + 1e-3
    components = PCA(min(_COMPONENTS, len(features)), random_state=0).fit((features - mean) / scale)
    compact = components.transform((features - mean) / scale)
    weights, bias = [], []
    for column in range(len(REGIONS)):
        regression = LogisticRegression(C=_INVERSE_PENALTY, max_iter=2000).fit(compact, visible[:, column])
        direction = regression.coef_[0] @ components.components_
        weights.append(direction / scale)
        bias.append(regression.intercept_[0] - direction @ (components.mean_ + mean / scale))
    return RegionHead(np.asarray(weights, np.float16), np.asarray(bias, np.float32))


def _as_detected(crop: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return a covered crop as a detector's box shows it, which a cover shifts and stretches, through a camera."""
    side_px = crop.shape[0]
    wide, high = np.exp(rng.normal(0.0, 0.07, 2))
    shift = rng.normal(0.0, 0.04 * side_px, 2)
    turn = np.radians(rng.normal(0.0, 4.0))
    matrix = np.array([[wide * np.cos(turn), -np.sin(turn), 0.0], [np.sin(turn), high * np.cos(turn), 0.0]])
    middle = np.full(2, (side_px - 1) / 2)
    matrix[:, 2] = middle + shift - matrix[:, :2] @ middle
    moved = cv2.warpAffine(crop, matrix, (side_px, side_px), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    if rng.random() < 0.4:
        moved = cv2.GaussianBlur(moved, (0, 0), rng.uniform(0.5, 2.0))
    return np.asarray(moved, np.uint8)


if __name__ == "__main__":
    torch.set_num_threads(1)
    mesh_graph = MeshGraph(read_graph(mesh_package.PACKAGE.content()))
    expression_graph = ExpressionGraph(read_graph(expression_package.PACKAGE.content()), SIDE_PX, MARGIN)
    fitted = fit_region_head(*covered_features(mesh_graph, expression_graph, (crop for crop, _ in training_crops())))
    write_region_head(fitted, Path(__file__).parent / "region_head.npz")
