import cv2
import numpy as np
import pytest

from monitor.faces.geometry import OrientedBox
from monitor.faces.quality import assess, is_cut_off

BOX = OrientedBox(150.0, 150.0, 100.0, 120.0, 20.0)


def textured() -> np.ndarray:
    """Return a picture with features at the scales of a face's."""
    random = np.random.default_rng(0)
    image = np.full((300, 300), 128.0)
    for sigma, weight in ((1.5, 60.0), (4.0, 150.0), (12.0, 300.0)):
        image += weight * cv2.GaussianBlur(random.normal(0, 1, image.shape), (0, 0), sigma) * sigma / 2
    return np.repeat(np.clip(image, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def test_a_sharp_bright_large_face_is_sufficient():
    quality = assess(textured(), BOX)
    assert quality.is_sufficient(40.0)
    assert quality.shorter_side_px == 100.0


def test_a_small_face_cannot():
    assert not assess(textured(), BOX).is_sufficient(101.0)


def test_blur_takes_the_sharpness_away_the_more_the_wider_it_is():
    values = [assess(cv2.GaussianBlur(textured(), (0, 0), sigma), BOX).sharpness for sigma in (0.5, 1.0, 2.0, 4.0)]
    assert values == sorted(values, reverse=True)
    assert not assess(cv2.GaussianBlur(textured(), (0, 0), 5.0), BOX).is_sufficient(40.0)


@pytest.mark.parametrize("grey", [0, 20, 128, 255])
def test_a_flat_patch_is_not_sufficient(grey):
    flat = np.full((300, 300, 3), grey, np.uint8)
    flat[::2, ::2] = min(grey + 1, 255)  # rounding noise is no detail
    assert not assess(flat, BOX).is_sufficient(40.0)


def test_a_dark_face_is_not_sufficient_however_sharp_it_is():
    dark = (textured() * 0.12).astype(np.uint8)
    quality = assess(dark, BOX)
    assert quality.brightness < 40.0
    assert not quality.is_sufficient(40.0)


def test_quality_does_not_depend_on_the_size_of_the_picture():
    image = textured()
    double = cv2.resize(image, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    twice = OrientedBox(BOX.center_x_px * 2, BOX.center_y_px * 2, BOX.width_px * 2, BOX.height_px * 2, 20.0)
    assert assess(double, twice).sharpness == pytest.approx(assess(image, BOX).sharpness, rel=0.25)


@pytest.mark.parametrize("index", range(5))
@pytest.mark.parametrize("outside", [(-1.0, 50.0), (50.0, -1.0), (200.0, 50.0), (50.0, 100.0)])
def test_a_face_is_cut_off_where_an_eye_or_a_corner_of_the_mouth_lies_outside(index, outside):
    image = np.zeros((100, 200, 3), np.uint8)
    points = np.array([[0.0, 0.0], [199.0, 0.0], [90.0, 50.0], [0.0, 99.0], [199.0, 99.0]])
    assert not is_cut_off(image, points)
    points[index] = outside
    assert is_cut_off(image, points) == (index != 2)  # the tip of the nose does not count
