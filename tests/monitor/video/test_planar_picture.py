"""Pictures that stay in planes: their parts have the pixels of the whole, in the colours that the stream says."""

import weakref

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from monitor.faces.crop import CropSpec, crop_face, crop_grey
from monitor.faces.geometry import OrientedBox
from monitor.faces.viewport import Viewport
from monitor.video.planar_picture import PlanarPicture, YuvColours, grey_means, grey_part, reduced_part

COLOURS = [
    YuvColours(red, blue, is_full_range)
    for red, blue in ((0.2126, 0.0722), (0.299, 0.114))
    for is_full_range in (False, True)
]


def planar(image: np.ndarray, colours: YuvColours) -> PlanarPicture:
    """Take an RGB picture apart, by the formula of ITU-T H.273; each chroma sample is the mean of its pixels."""
    red, green, blue = (image[..., channel].astype(float) for channel in range(3))
    luma = colours.red * red + (1.0 - colours.red - colours.blue) * green + colours.blue * blue
    chroma = (blue - luma) / (2 * (1 - colours.blue)), (red - luma) / (2 * (1 - colours.red))
    luma_scale, chroma_scale, black = (1.0, 1.0, 0.0) if colours.is_full_range else (219 / 255, 224 / 255, 16.0)
    rows, columns = luma.shape
    padded = [np.pad(plane, ((0, rows % 2), (0, columns % 2)), mode="edge") for plane in chroma]
    halves = [plane.reshape(-(-rows // 2), 2, -(-columns // 2), 2).mean(axis=(1, 3)) for plane in padded]
    planes = [luma * luma_scale + black, *(128.0 + half * chroma_scale for half in halves)]
    return PlanarPicture(*(np.clip(np.round(plane), 0, 255).astype(np.uint8) for plane in planes), colours)


@st.composite
def pictures(draw, largest=24):
    height, width = draw(st.integers(1, largest)), draw(st.integers(1, largest))
    half = -(-height // 2), -(-width // 2)
    planes = [draw(arrays(np.uint8, shape, elements=st.integers(0, 255))) for shape in ((height, width), half, half)]
    return PlanarPicture(*planes, draw(st.sampled_from(COLOURS)))


def parts(length):
    return st.builds(slice, st.integers(0, length), st.integers(0, length), st.integers(1, 4))


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_part_has_the_pixels_of_the_whole(data):
    picture = data.draw(pictures())
    whole = np.asarray(picture)
    assert whole.shape == picture.shape
    assert whole.dtype == np.uint8
    rows, columns = (
        slice(*sorted((data.draw(st.integers(0, length)), data.draw(st.integers(0, length)))))
        for length in picture.shape[:2]
    )
    assert np.array_equal(picture[rows, columns], whole[rows, columns])
    assert np.array_equal(picture.grey((rows, columns)), picture.grey((slice(None), slice(None)))[rows, columns])


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_single_pixels_have_the_nearest_chroma(data):
    picture = data.draw(pictures())
    rows, columns = (data.draw(parts(length)) for length in picture.shape[:2])
    luma, blue, red = picture.planes
    shown = picture[rows, columns]
    assert shown.shape[:2] == luma[rows, columns].shape == picture.grey((rows, columns)).shape
    if rows.step == columns.step == 1 or not shown.size:
        return
    nearest = [
        np.repeat(np.repeat(plane, 2, axis=0), 2, axis=1)[: luma.shape[0], : luma.shape[1]] for plane in (blue, red)
    ]
    flat = [np.ascontiguousarray(plane[rows, columns]).reshape(1, -1) for plane in (luma, *nearest)]
    for column in range(flat[0].shape[1]):
        one = [np.full((2, 2), plane[0, column]) for plane in flat]
        alone = PlanarPicture(one[0], one[1][:1, :1], one[2][:1, :1], picture.colours)
        assert np.array_equal(np.asarray(alone)[0, 0], shown.reshape(-1, 3)[column])


@pytest.mark.parametrize("colours", COLOURS)
@pytest.mark.parametrize("size", [(64, 48), (65, 49)])
def test_colours_are_those_that_were_taken_apart(colours, size):
    """Also what lies beside the grey axis, where the matrices of HD and SD differ by tens of levels."""
    across, down = np.meshgrid(np.linspace(0, 1, size[0]), np.linspace(0, 1, size[1]))
    image = np.stack([40 + 180 * across, 200 - 150 * down, 60 + 120 * across * down], axis=-1).round().astype(np.uint8)
    picture = planar(image, colours)
    assert np.abs(np.asarray(picture).astype(int) - image).max() <= 4
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(int)
    whole = slice(None), slice(None)
    assert np.abs(grey_part(picture, whole).astype(int) - grey).max() <= 2
    assert np.abs(grey_part(image, whole).astype(int) - grey).max() == 0
    assert np.abs(grey_means(picture, 6, 8) - grey_means(image, 6, 8)).max() < 2.0
    assert grey_means(picture, 6, 8).shape == (6, 8)


@pytest.mark.parametrize("colours", COLOURS)
@pytest.mark.parametrize("shrink", [2, 3, 5])
def test_a_reduced_part_is_that_of_the_rgb_picture(colours, shrink):
    rng = np.random.default_rng(shrink)
    soft = cv2.GaussianBlur(rng.integers(0, 256, (90, 120, 3), dtype=np.uint8), (0, 0), 4.0)
    image = cv2.normalize(soft, None, 30, 220, cv2.NORM_MINMAX)
    found = reduced_part(planar(image, colours), 11, 7, 20, 15, shrink)
    wanted = reduced_part(image, 11, 7, 20, 15, shrink)
    assert found.shape == wanted.shape == (15, 20, 3)
    assert np.abs(found.astype(int) - wanted).mean() < 2.5


@pytest.mark.parametrize("colours", COLOURS)
@pytest.mark.parametrize("turn_deg", [0.0, 30.0, 90.0, 200.0])
@pytest.mark.parametrize("size_px", [12.0, 70.0])
def test_crops_and_views_are_those_of_the_rgb_picture(colours, turn_deg, size_px):
    rng = np.random.default_rng(1)
    picture = planar(cv2.GaussianBlur(rng.integers(0, 256, (120, 160, 3), dtype=np.uint8), (0, 0), 2.0), colours)
    image = np.asarray(picture)
    box = OrientedBox(130.0, 60.0, size_px, 1.2 * size_px, turn_deg)
    assert np.array_equal(crop_face(picture, box, CropSpec(32, 0.1)), crop_face(image, box, CropSpec(32, 0.1)))
    grey = crop_grey(picture, box, CropSpec(32)).astype(int) - crop_grey(image, box, CropSpec(32))
    assert np.abs(grey).max() <= 2
    view = Viewport.around(box, turn_deg, 48, 30.0)
    difference = np.abs(view.render(picture).astype(int) - view.render(image))
    assert difference.mean() < 1.5


def test_a_picture_is_one_to_those_who_ask_for_its_form():
    picture = PlanarPicture.of_bytes(np.arange(16, dtype=np.uint8), (5, 2), COLOURS[0])
    assert picture.shape == (2, 5, 3)
    assert (picture.ndim, picture.dtype, picture.nbytes) == (3, np.uint8, 16)
    assert weakref.ref(picture)() is picture
    assert np.array(picture).flags.writeable
    assert picture[0:0, :].shape == (0, 5, 3)


def test_planes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="hold no picture of 5 x 2 px"):
        PlanarPicture.of_bytes(np.zeros(15, np.uint8), (5, 2), COLOURS[0])
    whole, half = np.zeros((4, 4), np.uint8), np.zeros((2, 2), np.uint8)
    with pytest.raises(ValueError, match="does not belong"):
        PlanarPicture(whole, half, whole, COLOURS[0])
