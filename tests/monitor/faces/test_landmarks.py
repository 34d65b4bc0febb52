import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.faces.geometry import normalise_deg, turn_between_deg
from monitor.faces.landmarks import are_plausible, roll_deg

FRONTAL = np.array([[-22.0, -18.0], [22.0, -18.0], [0.0, 8.0], [-17.0, 32.0], [17.0, 32.0]])
BOX = np.array([-50.0, -60.0, 50.0, 60.0])


def turned(points: np.ndarray, angle_deg: float) -> np.ndarray:
    angle = np.radians(angle_deg)
    return points @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])


def seen_from_the_side(share: float) -> np.ndarray:
    points = FRONTAL.copy()
    points[:, 0] *= share
    points[2, 0] += 20 * (1 - share)
    return points


@given(st.floats(-180, 180))
def test_the_roll_follows_the_turn(angle):
    assert turn_between_deg(roll_deg(turned(FRONTAL, angle)), angle) == pytest.approx(0.0, abs=1e-6)


@given(st.floats(-180, 180), st.floats(0.02, 1.0))
def test_the_roll_holds_for_a_face_seen_from_the_side(angle, share):
    assert turn_between_deg(roll_deg(turned(seen_from_the_side(share), angle)), angle) < 1e-6


@given(st.floats(-180, 180), st.floats(0.1, 1.0))
def test_a_face_is_plausible_whichever_way_it_lies(angle, share):
    wide = np.array([-60.0, -60.0, 60.0, 60.0])
    assert are_plausible(turned(seen_from_the_side(share), angle), wide)


def test_points_that_all_coincide_have_no_roll_and_are_no_face():
    points = np.ones((5, 2))
    assert roll_deg(points) == 0.0
    assert not are_plausible(points, BOX)


@pytest.mark.parametrize(
    "change",
    [
        lambda p: p[[1, 0, 2, 4, 3]],  # left and right swapped: a mirrored face
        lambda p: p[[0, 1, 2, 4, 3]],  # the mouth alone swapped
        lambda p: p - [[0, 0], [0, 0], [0, 45], [0, 0], [0, 0]],  # the nose above the eyes
        lambda p: p - [[0, 0], [0, 0], [0, -45], [0, 0], [0, 0]],  # the nose below the mouth
        lambda p: p * 0.2,  # far too small for its box
        lambda p: p * 2.0,  # outside its box
        lambda p: p * [2.0, 0.4],  # eyes further apart than any face has them
        lambda p: np.where(p == 22.0, np.nan, p),
    ],
)
def test_what_cannot_be_a_face_is_not_plausible(change):
    assert are_plausible(FRONTAL, BOX)
    assert not are_plausible(change(FRONTAL), BOX)


def test_a_box_without_area_holds_no_face():
    assert not are_plausible(FRONTAL, np.array([10.0, 0.0, 10.0, 40.0]))


def test_an_upright_face_has_no_roll():
    assert normalise_deg(roll_deg(FRONTAL)) == 0.0
