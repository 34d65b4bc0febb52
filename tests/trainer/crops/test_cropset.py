"""A wide crop continues the exact crop: its middle is what the monitor would cut."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.faces.crop import CropSpec, crop_face
from monitor.faces.geometry import OrientedBox
from trainer.crops import CropSet, cut_wide, pad_px
from trainer.networks import InputContract


@settings(max_examples=40, deadline=None)
@given(
    side=st.floats(20, 190),
    ratio=st.floats(0.8, 1.3),
    orientation=st.floats(-179, 180),
    margin=st.sampled_from([0.0, 0.1, 0.25]),
    size=st.sampled_from([48, 120]),
)
def test_the_middle_of_the_wide_crop_is_the_monitors_crop(side, ratio, orientation, margin, size):
    random = np.random.default_rng(0)
    image = np.kron(random.integers(0, 255, (30, 40, 3)), np.ones((10, 10, 1))).astype(np.uint8)
    box = OrientedBox(210.3, 140.7, side, side * ratio, orientation)
    contract = InputContract(size_px=size, margin=margin)

    wide = cut_wide(image, box, contract)
    crops = CropSet(wide[np.newaxis], np.zeros(1, np.float32), np.array(["S01"]), contract)

    exact = crop_face(image, box, CropSpec(size, margin)).astype(int)
    # Interpolation rounds its coordinates to 1/32 pixel, so edges may differ by a little.
    difference = np.abs(crops.exact(np.array([0]))[0].astype(int) - exact)
    assert difference.mean() < 0.5
    assert np.percentile(difference, 99) <= 8


def test_arrays_that_do_not_belong_together_are_refused():
    contract = InputContract(size_px=120)
    side = 120 + 2 * pad_px(contract)

    with pytest.raises(ValueError, match="not \\(n, 180, 180, 3\\)"):
        CropSet(np.zeros((2, 120, 120, 3), np.uint8), np.zeros(2, np.float32), np.array(["a", "b"]), contract)
    with pytest.raises(ValueError, match="one label and one subject"):
        CropSet(np.zeros((2, side, side, 3), np.uint8), np.zeros(1, np.float32), np.array(["a", "b"]), contract)
