"""A band across nose and upper lip is noticed by its colour; a tube, a shadow and a blush are none."""

import cv2
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from monitor.faces import band_cover
from monitor.faces.band_cover import contrast_of_band, has_band

SIDE_PX = 192
skins = st.sampled_from([(224, 172, 150), (198, 134, 110), (141, 85, 66), (92, 56, 44), (180, 180, 180), (90, 90, 90)])


def mesh():
    """The points that matter: two rows of skin above, one below, and what lies between nose and upper lip."""
    points = np.zeros((468, 3), np.float32)
    skin = list(band_cover._SKIN)
    for n, number in enumerate(skin):
        above = n < len(skin) // 2 + 1
        points[number, :2] = 30 + 17 * (n % 8), (25 + 4 * (n % 3) if above else 160 + 4 * (n % 3))
    for n, number in enumerate(band_cover._BETWEEN):
        points[number, :2] = 40 + 14 * n, 100 + 8 * (n % 2)
    for n, number in enumerate(band_cover._ABOVE_LIP):
        points[number, :2] = 60 + 18 * n, 114
    return points


def face(skin, seed=0):
    """Skin under a light from one side, with a little noise."""
    rng = np.random.default_rng(seed)
    light = np.linspace(0.85, 1.1, SIDE_PX)[None, :, None] * np.array(skin, float)
    return np.clip(light + rng.normal(0, 3, (SIDE_PX, SIDE_PX, 3)), 0, 255).astype(np.uint8)


def lab_distance(first, second):
    lab = cv2.cvtColor(np.array([[first, second]], np.uint8), cv2.COLOR_RGB2LAB)[0].astype(float) * [0.5, 1, 1]
    return float(np.linalg.norm(lab[0] - lab[1]))


@given(skins, st.tuples(*[st.integers(0, 255)] * 3))
def test_a_band_of_another_colour_is_noticed_and_bare_skin_is_none(skin, colour):
    crop = face(skin)
    assert not has_band(crop, mesh())
    crop[88:120] = colour
    if lab_distance(skin, colour) > 25:
        assert has_band(crop, mesh())


@given(skins, st.integers(0, 7), st.tuples(*[st.integers(0, 255)] * 3))
def test_what_leaves_skin_free_on_both_sides_is_no_band(skin, spot, colour):
    """A tube, a blush or a highlight at one point; tape on one cheek that covers six of eight."""
    crop = face(skin)
    x, y = mesh()[band_cover._BETWEEN[spot], :2].astype(int)
    cv2.circle(crop, (int(x), int(y)), 5, colour, -1)
    assert not has_band(crop, mesh())
    taped = face(skin)
    taped[88:120, :118] = colour
    assert not has_band(taped, mesh())


@given(skins, st.tuples(*[st.integers(0, 255)] * 3))
def test_tape_across_the_nose_that_leaves_the_upper_lip_free_is_no_band(skin, colour):
    crop = face(skin)
    crop[88:110] = colour
    assert not has_band(crop, mesh())


@given(skins, st.floats(0.6, 1.3))
def test_a_brighter_or_darker_picture_is_no_band(skin, light):
    assert not has_band(np.clip(face(skin) * light, 0, 255).astype(np.uint8), mesh())


def test_points_outside_the_crop_are_taken_at_its_edge():
    points = mesh() * 3.0 - 100.0
    assert np.isfinite(contrast_of_band(face((198, 134, 110)), points))
