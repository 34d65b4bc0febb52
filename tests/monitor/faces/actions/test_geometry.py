"""Measures of the mesh do not depend on how a face lies, how large it is, and where."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from monitor.faces.actions.geometry import GEOMETRIC, geometric_measures, interocular_px

_POINTS = 468
_MOUTH_LOWER = (87, 14, 317)
_LEFT_LOWER_LID = (144, 145, 153)


def _face(seed: int) -> NDArray[np.float64]:
    """Return random points; only eyes and lips lie as in a face."""
    points = np.random.default_rng(seed).uniform(40.0, 150.0, (_POINTS, 3))
    points[[33, 133], 0] = 50.0, 80.0
    points[[263, 362], 0] = 140.0, 110.0
    points[[33, 133, 263, 362], 1] = 80.0
    points[[82, 13, 312], :2] = (95.0, 130.0)
    points[list(_MOUTH_LOWER), :2] = (95.0, 135.0)
    points[[160, 159, 158], :2] = (65.0, 76.0)
    points[list(_LEFT_LOWER_LID), :2] = (65.0, 84.0)
    return points


@given(
    seed=st.integers(0, 10_000),
    turn_deg=st.floats(-180.0, 180.0),
    scale=st.floats(0.1, 20.0),
    shift=st.tuples(st.floats(-500.0, 500.0), st.floats(-500.0, 500.0)),
)
def test_turn_size_and_position_do_not_count(
    seed: int, turn_deg: float, scale: float, shift: tuple[float, float]
) -> None:
    points = _face(seed)
    angle = np.deg2rad(turn_deg)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved = points.copy()
    moved[:, :2] = scale * points[:, :2] @ turn.T + shift
    expected, found = geometric_measures(points), geometric_measures(moved)
    assert set(found) == set(GEOMETRIC)
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, abs=1e-6), name


@given(seed=st.integers(0, 10_000), px=st.floats(0.5, 30.0))
def test_a_jaw_that_drops_opens_the_mouth(seed: int, px: float) -> None:
    points = _face(seed)
    dropped = points.copy()
    dropped[list(_MOUTH_LOWER), 1] += px
    grown = geometric_measures(dropped)["mouth_opening"] - geometric_measures(points)["mouth_opening"]
    assert grown == pytest.approx(px / interocular_px(points))


@given(seed=st.integers(0, 10_000), px=st.floats(0.5, 8.0))
def test_a_lower_lid_that_rises_closes_only_its_own_eye(seed: int, px: float) -> None:
    points = _face(seed)
    risen = points.copy()
    risen[list(_LEFT_LOWER_LID), 1] -= px
    before, after = geometric_measures(points), geometric_measures(risen)
    assert after["left_eye_closure"] > before["left_eye_closure"]
    assert after["right_eye_closure"] == before["right_eye_closure"]


def test_eyes_that_fall_together_give_no_number() -> None:
    assert all(np.isnan(value) for value in geometric_measures(np.zeros((_POINTS, 3))).values())
