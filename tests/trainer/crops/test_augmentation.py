"""Variations are reproducible, change what they say, and leave the crop alone when nothing is asked."""

import numpy as np
import pytest

from trainer.crops import AUGMENTATION_PRESETS, AugmentationSettings, augment
from trainer.training.determinism import generator


@pytest.fixture
def wide():
    random = np.random.default_rng(1)
    return np.kron(random.integers(0, 255, (18, 18, 3)), np.ones((10, 10, 1))).astype(np.uint8)


def test_nothing_asked_nothing_changed(wide):
    assert np.array_equal(augment(wide, 120, AugmentationSettings(), generator(0)), wide[30:150, 30:150])


@pytest.mark.parametrize("preset", AUGMENTATION_PRESETS)
def test_every_preset_gives_an_rgb_crop_and_repeats_itself(wide, preset):
    settings = AUGMENTATION_PRESETS[preset]
    for draw in range(20):
        first = augment(wide, 120, settings, generator(7, draw))
        assert first.shape == (120, 120, 3)
        assert first.dtype == np.uint8
        assert np.array_equal(first, augment(wide, 120, settings, generator(7, draw)))


def test_a_certain_flip_mirrors_the_crop(wide):
    flipped = augment(wide, 120, AugmentationSettings(flip_probability=1.0), generator(0))

    assert np.array_equal(flipped, wide[30:150, 30:150][:, ::-1])


def test_a_larger_scale_shows_less_of_the_surroundings():
    wide = np.zeros((180, 180, 3), np.uint8)
    wide[30:150, 30:150] = 200  # the crop is bright, its surroundings black

    larger = augment(wide, 120, AugmentationSettings(scale=(1.25, 1.2500001)), generator(0))
    smaller = augment(wide, 120, AugmentationSettings(scale=(0.8, 0.8000001)), generator(0))

    assert larger.min() == 200
    assert smaller[0].max() == 0
    assert smaller[60, 60, 0] == 200


def test_replicated_surroundings_never_show_the_picture_around_the_crop():
    wide = np.zeros((180, 180, 3), np.uint8)
    wide[30:150, 30:150] = 200
    settings = AugmentationSettings(rotation_deg=45.0, scale=(0.6, 0.7), surroundings="replicate")

    assert augment(wide, 120, settings, generator(3)).min() == 200
