"""The scores say what they should of maps whose quality is known."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from trainer.explanation import TargetClass, grad_cam
from trainer.explanation.faithfulness import deletion_insertion, map_agreement, random_map, randomised
from trainer.explanation.regions import landmark_regions
from trainer.explanation.scoring import energy_in, enrichment, points_into
from trainer.networks import NCNN, InputContract

RED = 0


def square(size, start, end):
    mask = np.zeros((size, size), bool)
    mask[start:end, start:end] = True
    return mask


@given(size=st.integers(8, 40), share=st.floats(0.2, 0.8), height=st.floats(0.1, 50.0))
def test_an_even_map_is_at_chance_in_every_region(size, share, height):
    mask = square(size, 1, 1 + max(1, int(share * (size - 1))))
    heat = np.full((size, size), height, np.float32)

    assert enrichment(heat, mask) == pytest.approx(1.0, rel=1e-5)
    assert energy_in(heat, mask) + energy_in(heat, ~mask) == pytest.approx(1.0, rel=1e-5)


def test_a_map_inside_a_region_has_all_its_energy_there():
    heat = square(56, 20, 30).astype(np.float32)
    mask = square(56, 16, 36)

    assert energy_in(heat, mask) == 1.0
    assert enrichment(heat, mask) == pytest.approx(56**2 / 20**2)
    assert points_into(heat, mask)
    assert not points_into(heat, square(56, 48, 56))


def test_the_pointing_game_tolerates_fifteen_pixels_of_224():
    heat = np.zeros((224, 224), np.float32)
    heat[100, 100] = 1.0

    assert points_into(heat, square(224, 80, 91))  # 10 px away on both axes: 14.1 px
    assert not points_into(heat, square(224, 80, 90))  # 11 px away on both axes: 15.6 px


def test_an_empty_map_has_no_score():
    empty = np.zeros((16, 16), np.float32)

    assert np.isnan(energy_in(empty, square(16, 2, 8)))
    assert points_into(empty, square(16, 2, 8)) is None


def test_the_right_map_deletes_faster_and_inserts_faster_than_random_ones(spot):
    crop = spot(50, 60, RED)
    right = spot(50, 60, RED)[0, RED].numpy()

    def answer(values):
        with torch.inference_mode():
            brightest = values[:, RED].amax(dim=(1, 2))  # the answer hangs on the spot alone
            return torch.sigmoid(20 * (brightest - 0.5)).double().numpy()

    best = deletion_insertion(answer, crop, right)
    control = [deletion_insertion(answer, crop, random_map(120, np.random.default_rng(seed))) for seed in range(5)]
    worst = deletion_insertion(answer, crop, -right)

    assert best.deletion < min(entry.deletion for entry in control)
    assert best.insertion > max(entry.insertion for entry in control)
    assert worst.deletion > best.deletion


def test_randomised_weights_change_the_copy_only_and_the_map_collapses(planted, spot):
    torch.manual_seed(0)
    network = NCNN().eval()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}

    changed = randomised(network, 1, seed=1)

    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, before[name])
        is_last = name == "head.4.weight"
        assert torch.equal(changed.state_dict()[name], tensor) is not is_last

    crop = spot(40, 60, RED) + 0.2
    learnt = grad_cam(planted, crop, TargetClass.PAIN)[0]
    assert map_agreement(learnt, learnt) == pytest.approx(1.0)
    others = [grad_cam(randomised(planted, 100, seed), crop, TargetClass.PAIN)[0] for seed in range(4)]
    assert np.mean([map_agreement(learnt, other) for other in others]) < 0.6


def test_landmarks_put_the_regions_where_they_belong():
    points = np.array([(40.0, 50.0), (80.0, 50.0), (60.0, 72.0), (45.0, 90.0), (75.0, 90.0)])

    regions = landmark_regions(points, InputContract(size_px=120))

    centres = {name: np.argwhere(mask).mean(axis=0)[::-1] for name, mask in regions.items()}
    assert centres["eyes"] == pytest.approx((60, 50), abs=0.6)
    assert centres["mouth"] == pytest.approx((60, 92), abs=0.6)
    assert centres["brows"][1] < centres["eyes"][1] < centres["nose"][1] < centres["mouth"][1] < centres["chin"][1]
    assert regions["face"].mean() == pytest.approx(np.pi / 4, abs=0.01)
    assert set(landmark_regions(None, InputContract(size_px=120, margin=0.1))) == {"face"}
