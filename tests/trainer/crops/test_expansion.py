"""The fixed copies are 37, all different, and the first one is the picture."""

import numpy as np
import pytest

from trainer.crops.expansion import EXPANSIONS, Variant, expand


@pytest.fixture
def crop():
    return np.kron(np.random.default_rng(2).integers(0, 255, (12, 12, 3)), np.ones((10, 10, 1))).astype(np.uint8)


@pytest.mark.parametrize("preset", [name for name in EXPANSIONS if name != "none"])
def test_every_preset_makes_the_picture_and_thirty_six_different_copies(crop, preset):
    copies = {expand(crop, variant).tobytes() for variant in EXPANSIONS[preset]}

    assert len(EXPANSIONS[preset]) == 37
    assert len(copies) == 37


@pytest.mark.parametrize("preset", EXPANSIONS)
def test_every_preset_begins_with_the_picture_itself(crop, preset):
    assert np.array_equal(expand(crop, EXPANSIONS[preset][0]), crop)


def test_a_rotation_is_clockwise(crop):
    assert np.array_equal(expand(crop, Variant(90.0)), np.rot90(crop, k=-1))
    assert np.array_equal(expand(crop, Variant(180.0)), crop[::-1, ::-1])


@pytest.mark.parametrize(
    ("inversion", "expected"), [("horizontal", (1, -1)), ("vertical", (-1, 1)), ("both", (-1, -1))]
)
def test_inversions_mirror(crop, inversion, expected):
    assert np.array_equal(expand(crop, Variant(0.0, inversion)), crop[:: expected[0], :: expected[1]])
