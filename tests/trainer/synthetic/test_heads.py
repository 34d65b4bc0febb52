"""The cover of a synthetic head hides all of it and does not show what the face does."""

from dataclasses import replace

import numpy as np
import pytest

from monitor.synthetic.expression import Expression, State
from trainer.synthetic import REGIONS, SessionView, StillsPlan, head_cover, plan_stills, region_mask, render_still

PLANNED = plan_stills(StillsPlan(SessionView(200, 180, (50.0, 66.0), "any", 5), infants=4, per_infant=4))


@pytest.mark.parametrize("item", PLANNED[::2], ids=lambda item: item.name)
def test_it_is_the_same_whatever_the_face_does_and_hides_the_face(item):
    quiet, loud = (
        render_still(replace(item.still, expression=expression)).regions
        for expression in (Expression(), Expression(open_lips=1.0, vertical_stretch=1.0, brow_bulge=1.0))
    )

    covers = [head_cover(bits) for bits in (quiet, loud)]

    np.testing.assert_array_equal(*covers)
    for bits, cover in zip((quiet, loud), covers, strict=True):
        assert not (region_mask(bits, "face") & ~cover).any()
    assert (region_mask(quiet, "face") != region_mask(loud, "face")).any()


def test_beside_it_two_expressions_leave_the_same_picture():
    still = replace(next(item.still for item in PLANNED if item.still.state is State.REST), has_hand=False)
    quiet, loud = (
        render_still(replace(still, expression=expression))
        for expression in (Expression(), Expression(open_lips=1.0, vertical_stretch=1.0, flush=1.0))
    )

    cover = head_cover(quiet.regions)

    np.testing.assert_array_equal(quiet.image[~cover], loud.image[~cover])
    assert (quiet.image[cover] != loud.image[cover]).any()


def test_a_head_without_both_eyes_has_none():
    bits = np.zeros((60, 60), np.uint8)
    bits[20:24, 20:30] = REGIONS["eyes"]
    bits[30:36, 22:28] |= REGIONS["nose"]

    assert head_cover(bits) is None
