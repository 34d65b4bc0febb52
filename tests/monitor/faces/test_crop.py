"""The crop of a turned picture is the turned-back crop, whatever the margin and wherever the face lies."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.faces.crop import CropSpec, crop_face, crop_grey
from monitor.faces.geometry import OrientedBox, normalise_deg
from monitor.synthetic import SyntheticBed


def noise(seed: int = 0, height: int = 90, width: int = 120) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def smooth(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return a picture as a function of position: it can be rendered turned without any interpolation."""
    waves = [np.sin(x / 17 + 1) * np.cos(y / 23), np.sin((x + y) / 31), np.cos((x - 2 * y) / 41)]
    return np.clip(np.stack(waves, axis=-1) * 90 + 128, 0, 255).round().astype(np.uint8)


boxes = st.builds(
    OrientedBox,
    st.integers(-160, 560).map(lambda n: n / 4),
    st.integers(-160, 480).map(lambda n: n / 4),
    st.integers(8, 320).map(lambda n: n / 4),
    st.integers(8, 320).map(lambda n: n / 4),
    st.integers(-179, 180).map(float),
)


@given(boxes, st.integers(1, 3), st.sampled_from([0.0, 0.25, -0.1]), st.integers(1, 40))
def test_the_crop_of_a_picture_turned_by_quarters_is_the_very_same(box, quarters, margin, size):
    image = noise()
    x, y, height, width = box.center_x_px, box.center_y_px, *image.shape[:2]
    for _ in range(quarters):  # clockwise: what was at the bottom left comes to the top left
        x, y, height, width = height - 1 - y, x, width, height
    turned_box = OrientedBox(x, y, box.width_px, box.height_px, normalise_deg(box.orientation_deg - 90 * quarters))
    spec = CropSpec(size, margin)
    turned = np.ascontiguousarray(np.rot90(image, -quarters))
    assert np.array_equal(crop_face(turned, turned_box, spec), crop_face(image, box, spec))


@settings(max_examples=40)
@given(st.floats(-180, 180), st.floats(-180, 180), st.floats(-40, 40), st.floats(-40, 40), st.sampled_from([0.0, 0.3]))
def test_the_crop_of_a_picture_turned_by_any_angle_is_the_same_within_interpolation(turn, orientation, dx, dy, margin):
    side = 300
    grid_y, grid_x = np.mgrid[:side, :side].astype(float)
    middle = (side - 1) / 2
    cos, sin = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    # Where each pixel of the turned picture was.
    u, v = grid_x - middle, grid_y - middle
    image, turned = smooth(grid_x, grid_y), smooth(cos * u + sin * v + middle, -sin * u + cos * v + middle)
    box = OrientedBox(middle + dx, middle + dy, 60.0, 80.0, orientation)
    turned_box = OrientedBox(
        middle + cos * dx - sin * dy, middle + sin * dx + cos * dy, 60.0, 80.0, normalise_deg(orientation - turn)
    )
    spec = CropSpec(48, margin)
    difference = crop_face(turned, turned_box, spec).astype(int) - crop_face(image, box, spec)
    assert np.abs(difference).max() <= 3


def test_margin_zero_at_the_boxs_own_size_is_the_exact_box():
    image = noise(1)
    crop = crop_face(image, OrientedBox(40.5, 30.5, 32.0, 32.0, 0.0), CropSpec(32))
    assert np.array_equal(crop, image[15:47, 25:57])


def test_the_margin_is_added_on_every_side():
    image = noise(2)
    wide = crop_face(image, OrientedBox(40.5, 30.5, 16.0, 16.0, 0.0), CropSpec(32, margin=0.5))
    assert np.array_equal(wide, image[15:47, 25:57])


def test_width_and_height_are_stretched_to_the_square():
    image = np.zeros((60, 60, 3), np.uint8)
    image[20:40, 10:50] = 200
    crop = crop_face(image, OrientedBox(29.5, 29.5, 34.0, 14.0, 0.0), CropSpec(24))
    assert (crop == 200).all()


def test_beyond_the_picture_its_border_goes_on():
    image = np.zeros((40, 40, 3), np.uint8)
    image[:, 0] = (10, 20, 30)
    crop = crop_face(image, OrientedBox(-60.0, 20.0, 30.0, 30.0, 33.0), CropSpec(16))
    assert (crop == (10, 20, 30)).all()
    half = crop_face(image, OrientedBox(0.0, 20.0, 31.0, 31.0, 0.0), CropSpec(31))
    assert (half[:, :15] == (10, 20, 30)).all()
    assert (half[:, 18:] == 0).all()


def test_a_face_that_lies_on_its_side_is_cut_upright():
    upright = noise(3, 64, 64)
    lying = np.ascontiguousarray(np.rot90(upright, 1))  # the top goes to the left: orientation +90
    box = OrientedBox(31.5, 31.5, 64.0, 64.0, 90.0)
    assert np.array_equal(crop_face(lying, box, CropSpec(64)), upright)


def test_a_large_face_is_averaged_and_not_skipped_through():
    # A one-pixel checkerboard is grey from afar; picking single pixels would give black and white.
    board = (np.indices((1000, 1000)).sum(axis=0) % 2 * 255).astype(np.uint8)
    image = np.repeat(board[..., None], 3, axis=2)
    crop = crop_face(image, OrientedBox(500.0, 500.0, 800.0, 800.0, 0.0), CropSpec(40))
    assert crop.min() > 110
    assert crop.max() < 145


def test_a_view_of_a_decoders_buffer_is_left_as_it_is():
    image = noise(4)
    image.flags.writeable = False
    before = image.copy()
    crop = crop_face(image, OrientedBox(50.0, 40.0, 30.0, 30.0, 12.0), CropSpec(20))
    crop[:] = 0
    assert np.array_equal(image, before)


def test_the_bicubic_enlargement_is_opencvs_own():
    image = noise(5, 40, 40)
    crop = crop_face(image, OrientedBox(19.5, 19.5, 20.0, 20.0, 0.0), CropSpec(80))
    reference = cv2.resize(image, None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC)[40:120, 40:120]
    # The warp's coordinates are whole 32nds of a pixel, so noise may differ a little.
    assert np.abs(crop.astype(int) - reference).mean() < 3


@pytest.mark.parametrize(
    ("image", "box"),
    [
        (np.zeros((10, 10), np.uint8), OrientedBox(5, 5, 4, 4, 0)),
        (np.zeros((10, 10, 3), np.float32), OrientedBox(5, 5, 4, 4, 0)),
        (np.zeros((0, 10, 3), np.uint8), OrientedBox(5, 5, 4, 4, 0)),
        (np.zeros((10, 10, 3), np.uint8), OrientedBox(5, 5, 0, 4, 0)),
        (np.zeros((10, 10, 3), np.uint8), OrientedBox(float("nan"), 5, 4, 4, 0)),
        (np.zeros((10, 10, 3), np.uint8), OrientedBox(5, 5, 4, float("inf"), 0)),
    ],
)
def test_what_cannot_be_cut_is_refused(image, box):
    with pytest.raises(ValueError, match="a crop"):
        crop_face(image, box, CropSpec(8))


@pytest.mark.parametrize(("size", "margin"), [(0, 0.0), (8, -0.5), (8, float("nan")), (8, 9.0)])
def test_a_specification_that_leaves_nothing_is_refused(size, margin):
    with pytest.raises(ValueError, match="a crop"):
        CropSpec(size, margin)


@given(box=boxes, size=st.integers(4, 60))
@settings(max_examples=40)
def test_the_grey_crop_is_the_coloured_one_without_its_colour(box, size):
    y, x = np.mgrid[0:120, 0:160].astype(float)
    image, spec = smooth(x, y), CropSpec(size)
    grey = crop_grey(image, box, spec).astype(int)
    assert grey.shape == (size, size)
    assert np.abs(grey - cv2.cvtColor(crop_face(image, box, spec), cv2.COLOR_RGB2GRAY)).max() <= 3


def test_a_large_face_is_as_if_it_had_been_warped_with_the_finest_interpolation():
    y, x = np.mgrid[0:400, 0:500].astype(float)
    image = smooth(x, y)
    box = OrientedBox(250.0, 200.0, 210.0, 240.0, 17.0)
    finest = cv2.resize(crop_face(image, box, CropSpec(240)), (60, 60), interpolation=cv2.INTER_AREA)
    assert np.abs(crop_face(image, box, CropSpec(60)).astype(int) - finest).max() <= 2


@pytest.mark.parametrize("ratio", [1.6, 2.0, 2.4])
def test_an_averaged_crop_differs_from_a_bicubic_one_by_less_than_half_a_level(ratio, monkeypatch):
    image, truth = SyntheticBed(5, "pain", width_px=1280, height_px=720, fps=30).frame(8.0)
    assert truth.face is not None
    box = truth.face.box
    spec = CropSpec(round(max(box.width_px, box.height_px) / ratio))
    crop = crop_face(image, box, spec).astype(int)
    monkeypatch.setattr("monitor.faces.crop._BILINEAR_FROM", 3)
    difference = abs(crop - crop_face(image, box, spec))
    assert 0.0 < difference.mean() < 0.5
    assert np.percentile(difference, 99) <= 4
