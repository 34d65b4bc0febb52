import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.faces.geometry import OrientedBox
from monitor.faces.viewport import ImageRegion, Viewport

areas = st.builds(
    lambda x, y, w, h: ImageRegion(x, y, x + w, y + h),
    st.floats(-0.5, 900),
    st.floats(-0.5, 900),
    st.floats(40, 2000),
    st.floats(40, 2000),
)
turns = st.floats(-180, 180)


@given(areas, turns, st.sampled_from([320, 640]))
def test_the_whole_turned_area_fits_and_fills_one_direction(area, turn, size):
    view = Viewport.of_area(area, turn, size)
    corners = np.array([[x, y] for x in (area.x0_px, area.x1_px) for y in (area.y0_px, area.y1_px)])
    seen = corners @ view.matrix()[:, :2].T + view.matrix()[:, 2]
    assert seen.min() >= -0.5 - 1e-6
    assert seen.max() <= size - 0.5 + 1e-6
    if view.scale < 3.0:
        assert np.ptp(seen, axis=0).max() == pytest.approx(size)


@given(areas, turns, st.floats(-50, 700), st.floats(-50, 700))
def test_the_way_back_undoes_the_way_there(area, turn, x, y):
    view = Viewport.of_area(area, turn, 640)
    there = view.matrix()[:, :2] @ [x, y] + view.matrix()[:, 2]
    assert view.to_picture(there) == pytest.approx(np.array([x, y]), abs=1e-6)


@given(turns, st.sampled_from([(200, 150), (640, 480), (1920, 1080)]), st.floats(0.2, 0.8), st.floats(0.2, 0.8))
def test_a_spot_is_rendered_where_the_matrix_puts_it(turn, shape, across, down):
    # Also where the picture is averaged down first (1920 px to 320 px).
    width, height = shape
    image = np.zeros((height, width, 3), np.uint8)
    x, y = round(across * width), round(down * height)
    radius = width // 40
    image[y - radius : y + radius + 1, x - radius : x + radius + 1] = 255
    view = Viewport.of_area(ImageRegion.of_picture(image), turn, 320)
    square = view.render(image)[..., 0].astype(float)
    ys, xs = np.indices(square.shape)
    found = np.array([(square * xs).sum(), (square * ys).sum()]) / square.sum()
    assert np.abs(view.to_picture(found) - [x, y]).max() < 0.1 * max(1.0, 1 / view.scale)


def test_a_face_is_brought_to_the_wanted_size_but_not_blown_up_without_end():
    assert Viewport.around(OrientedBox(0, 0, 100, 225, 0), 0.0, 320, 130.0).scale == pytest.approx(130 / 150)
    assert Viewport.around(OrientedBox(0, 0, 10, 10, 0), 0.0, 320, 130.0).scale == 3.0


@given(turns, st.floats(-20, 20), st.floats(-20, 20), st.floats(20, 400))
def test_a_face_lies_as_far_beside_the_middle_as_wanted(turn, right, down, face_px):
    box = OrientedBox(310.0, 205.0, face_px, face_px, 0.0)
    view = Viewport.around(box, turn, 224, 112.0, (right, down))
    there = view.matrix()[:, :2] @ [310.0, 205.0] + view.matrix()[:, 2]
    assert there == pytest.approx([111.5 + right, 111.5 + down], abs=1e-6)


def test_a_view_beside_the_picture_is_black():
    image = np.full((2000, 2000, 3), 255, np.uint8)
    for scale in (0.1, 1.0):
        assert not Viewport(64, -2000.0, 5000.0, scale, 30.0).render(image).any()


def test_fine_detail_is_averaged_not_skipped():
    board = (np.indices((1280, 1280)).sum(axis=0) % 2 * 255).astype(np.uint8)
    image = np.repeat(board[..., None], 3, axis=2)
    square = Viewport.of_area(ImageRegion.of_picture(image), 0.0, 320).render(image)
    assert abs(int(square[80:240, 80:240].min()) - 128) <= 2


def test_an_area_contains_its_edges_and_some_slack():
    area = ImageRegion(0.0, 0.0, 10.0, 10.0)
    assert area.contains(10.0, 0.0)
    assert not area.contains(10.5, 5.0)
    assert area.contains(10.5, 5.0, slack_px=0.5)
