"""Drawing stills: reproducible, with masks where the drawing has the features."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from monitor.synthetic.setting import Cue
from trainer.synthetic import REGIONS, SessionView, StillsPlan, plan_stills, region_mask, render_still

VIEW = SessionView(320, 240, (90.0, 110.0), "any", 5)


@pytest.fixture(scope="module")
def stills():
    return [item.still for item in plan_stills(StillsPlan(VIEW, infants=2, per_infant=6, cue_correlation=1.0))]


def test_a_still_is_the_same_every_time(stills):
    one, two = render_still(stills[0]), render_still(stills[0])
    assert np.array_equal(one.image, two.image)
    assert np.array_equal(one.regions, two.regions)
    assert one.truth.as_json() == two.truth.as_json()


def test_every_point_lies_in_the_mask_of_its_feature(stills):
    for still in stills:
        rendered = render_still(still)
        columns, rows = np.rint(rendered.truth.face.landmarks).astype(int).T
        bits = rendered.regions[rows, columns]
        for bit, regions in zip(bits, ("eyes", "eyes", "nose"), strict=False):
            assert bit & REGIONS[regions]
        assert (bits & REGIONS["face"]).all()


def test_the_masks_of_the_regions_are_small_parts_of_the_face(stills):
    regions = render_still(stills[0]).regions
    face = region_mask(regions, "face").sum()
    for name in ("brows", "eyes", "nose", "nasolabial", "mouth", "chin"):
        assert 0.005 * face < region_mask(regions, name).sum() < 0.35 * face


def test_swapping_the_cue_changes_the_picture_only_where_the_cue_lies(stills):
    still = stills[0]
    quiet = replace(still, setting=replace(still.setting, camera=replace(still.setting.camera, blur_px=0.0)))
    other = Cue.TEAL if still.setting.cue is Cue.ORANGE else Cue.ORANGE
    one = render_still(quiet)
    two = render_still(replace(quiet, setting=quiet.setting.with_cue(other)))
    moved = np.abs(one.image.astype(int) - two.image).max(axis=2) > 12
    cue = region_mask(one.regions, "cue")
    assert cue.any()
    assert np.array_equal(one.regions, two.regions)
    assert moved[cue].mean() > 0.9
    # The face's soft edge lets a pixel or two of what lies behind it through.
    inside = cv2.erode(region_mask(one.regions, "face").astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    assert not (moved & inside).any()
    # The cue must be seen in the crop of the face's box to be a shortcut at all.
    left, top, right, bottom = (round(value) for value in one.truth.face.box.bounds())
    assert cue[top:bottom, left:right].sum() > 0.1 * cue.sum()


def test_a_hand_hides_a_part_of_the_face_and_a_carer_is_a_second_face(stills):
    still = replace(stills[0], has_hand=True, has_carer=True)
    truth = render_still(still).truth
    assert truth.visible_share < 0.7
    assert truth.carer is not None
    assert render_still(stills[0]).truth.visible_share == 1.0
