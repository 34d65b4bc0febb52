import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.faces.geometry import OrientedBox, normalise_deg, turn_between_deg

angles = st.floats(-1e4, 1e4)


@given(angles, st.integers(-5, 5))
def test_an_angle_has_one_name(angle, rounds):
    normal = normalise_deg(angle)
    assert -180.0 < normal <= 180.0
    assert turn_between_deg(angle + 360.0 * rounds, normal) == pytest.approx(0.0, abs=1e-6)


@given(angles, angles)
def test_the_turn_between_two_directions_is_symmetric_and_at_most_a_half(first, second):
    turn = turn_between_deg(first, second)
    assert 0.0 <= turn <= 180.0
    assert turn == pytest.approx(turn_between_deg(second, first), abs=1e-6)


def test_a_half_turn_is_positive():
    assert normalise_deg(-180.0) == 180.0
    assert normalise_deg(540.0) == 180.0


def test_a_face_that_is_turned_left_has_its_own_top_on_the_left_of_the_picture():
    # Orientation +90: the forehead points to the left, turning the picture clockwise brings it up.
    corners = OrientedBox(100.0, 50.0, 20.0, 40.0, 90.0).corners()
    assert corners == pytest.approx(np.array([[80, 60], [80, 40], [120, 40], [120, 60]]))


@given(st.floats(-180, 180), st.floats(1, 500), st.floats(1, 500))
def test_bounds_hold_all_corners_and_no_more(orientation, width, height):
    box = OrientedBox(10.0, -20.0, width, height, orientation)
    x0, y0, x1, y1 = box.bounds()
    corners = box.corners()
    assert corners.min(axis=0) == pytest.approx([x0, y0])
    assert corners.max(axis=0) == pytest.approx([x1, y1])
    assert box.size_px == pytest.approx(np.sqrt(width * height))
