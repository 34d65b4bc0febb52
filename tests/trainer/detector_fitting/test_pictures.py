"""Devices leave the eyes free, goggles do not, and a view shows the same infant twice with the faces where they are."""

import numpy as np
import pytest

from monitor.synthetic.expression import Expression
from monitor.synthetic.identity import infant
from monitor.synthetic.layout import Turn, lay_out
from trainer.detector_fitting.devices import draw_devices, draw_goggles
from trainer.detector_fitting.pictures import draw_views

SEEDS = range(24)
SIZE_PX = 160


def hidden(sprite, points):
    """How opaque a sprite is at points in face units, in [0, 1]."""
    pixels = np.rint(sprite.grid.pixels(points)).astype(int)
    height, width = sprite.opacity.shape
    inside = (pixels >= 0).all(axis=1) & (pixels < (width, height)).all(axis=1)
    opacity = np.zeros(len(points))
    opacity[inside] = sprite.opacity[pixels[inside, 1], pixels[inside, 0]] / 255.0
    return opacity


def layout_of(seed):
    return lay_out(infant(seed), Expression(open_lips=0.5 * (seed % 2)), Turn(0.1 * (seed % 3 - 1)))


def test_devices_leave_the_eyes_free_and_a_part_of_the_mouth():
    covered = []
    for seed in SEEDS:
        layout = layout_of(seed)
        sprite = draw_devices(layout, 24.0, np.random.default_rng(seed))
        assert hidden(sprite, layout.eyes).max() < 0.5, seed
        mouth = np.linspace(layout.mouth_left, layout.mouth_right, 9)
        assert hidden(sprite, mouth).min() < 0.5, seed
        covered.append((sprite.opacity > 127).sum())
    assert min(covered) > 0


def test_goggles_cover_both_eyes():
    for seed in SEEDS:
        layout = layout_of(seed)
        assert hidden(draw_goggles(layout, 24.0, np.random.default_rng(seed)), layout.eyes).min() > 0.9, seed


def test_the_same_number_gives_the_same_views_and_another_seed_another_infant():
    first, again, other = (draw_views(seed, 3, 1, SIZE_PX)[0] for seed in (0, 0, 1))
    assert np.array_equal(first.covered.image, again.covered.image)
    assert np.array_equal(first.bare.boxes, again.bare.boxes)
    assert not np.array_equal(first.bare.image, other.bare.image)


@pytest.fixture(scope="module")
def views():
    return [view for number in range(8) for view in draw_views(0, number, 2, SIZE_PX)]


def test_both_pictures_of_a_view_show_the_same_faces_but_those_under_goggles(views):
    assert {view.has_goggles for view in views} == {True, False}
    for view in views:
        assert not np.array_equal(view.bare.image, view.covered.image)
        missing = len(view.bare.boxes) - len(view.covered.boxes)
        assert missing in ((0, 1) if view.has_goggles else (0,))


def test_a_face_that_must_be_found_lies_in_the_picture_and_upright(views):
    certain = [
        (box, points)
        for view in views
        for box, points, is_certain in zip(view.bare.boxes, view.bare.points, view.bare.is_certain, strict=True)
        if is_certain
    ]
    assert len(certain) >= len(views) // 3
    for box, points in certain:
        assert (points >= 0).all()
        assert (points <= SIZE_PX - 1).all()
        assert (points >= box[:2] - 0.2 * (box[2:] - box[:2])).all()
        eyes, mouth = points[:2].mean(axis=0), points[3:].mean(axis=0)
        assert mouth[1] > eyes[1]
        assert points[1, 0] > points[0, 0]
