"""The visibility of a face's regions holds probabilities, or says that it does not know."""

import math

import pytest

from monitor.faces.region_visibility import RegionVisibility


def test_nothing_is_known_by_default():
    assert RegionVisibility() == RegionVisibility(None, None, None, None)


@pytest.mark.parametrize("value", [-0.01, 1.01, math.nan, math.inf])
def test_what_is_no_probability_is_refused(value):
    with pytest.raises(ValueError, match="the visibility of the left eye is"):
        RegionVisibility(left_eye=value)
