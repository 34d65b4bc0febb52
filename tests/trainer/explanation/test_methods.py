"""Every method finds planted evidence of both signs, and says only what it measured."""

import importlib

import numpy as np
import pytest
import torch

from trainer.explanation import (
    METHODS,
    TargetClass,
    grad_cam,
    heat_maps,
    integrated_gradients,
    perturbing,
    sampling,
    segmented,
)
from trainer.explanation.cells import spread_cells
from trainer.explanation.methods import heat_maps_of_both
from trainer.explanation.perturbing import blurred
from trainer.explanation.score_cam import score_cam
from trainer.networks import NCNN, Ensemble

RED, BLUE = 0, 2


def middle(heat):
    rows, columns = np.indices(heat.shape)
    return (heat * columns).sum() / heat.sum(), (heat * rows).sum() / heat.sum()


@pytest.mark.parametrize("method", METHODS)
def test_every_method_finds_the_planted_spots_by_sign(planted, spot, method, monkeypatch):
    monkeypatch.setattr(sampling, "_MASKS", 128)  # enough for two spots on black
    crop = spot(35, 50, RED) + spot(85, 70, BLUE)

    # The middle of the hottest tenth: the blurred baseline leaves a little heat everywhere.
    for target, position in ((TargetClass.PAIN, (35, 50)), (TargetClass.NO_PAIN, (85, 70))):
        heat = heat_maps(method, [planted], crop, target)[0]
        assert heat.shape == (120, 120)
        assert heat.min() >= 0
        assert middle(np.where(heat >= 0.6 * heat.max(), heat, 0)) == pytest.approx(position, abs=7)


@pytest.mark.parametrize("method", METHODS)
def test_both_answers_together_have_the_maps_of_each_and_cost_the_passes_of_one(planted, spot, method, monkeypatch):
    monkeypatch.setattr(sampling, "_MASKS", 32)  # few passes: every one is counted
    monkeypatch.setattr(sampling, "_NOISY_CROPS", 3)
    monkeypatch.setattr(perturbing, "_STEPS", 3)
    monkeypatch.setattr(perturbing, "_STRIDE_SHARE", 7)
    monkeypatch.setattr(importlib.import_module("trainer.explanation.score_cam"), "_MAPS", 8)
    crop, passes = spot(35, 50, RED) + spot(85, 70, BLUE), []
    handle = planted.register_forward_hook(lambda _network, inputs, _output: passes.append(len(inputs[0])))
    try:
        each = {target: heat_maps(method, [planted], crop, target) for target in TargetClass}
        of_two = sum(passes)
        passes.clear()
        both = heat_maps_of_both(method, [planted], crop)
    finally:
        handle.remove()

    assert 2 * sum(passes) == of_two
    for target, heat in both.items():
        np.testing.assert_allclose(heat, each[target], rtol=1e-5, atol=1e-6)


def test_integrated_gradients_account_for_the_whole_difference_of_the_logit():
    """Completeness: what speaks for an answer minus what speaks against it is the change from the baseline."""
    torch.manual_seed(2)
    network = NCNN().eval()
    crops = torch.rand(2, 3, 120, 120)
    with torch.no_grad():
        for layer in network.head[1], network.head[4]:
            layer.weight.abs_()  # keeps the small dense layer awake
        change = (network(crops) - network(blurred(crops))).numpy()

    pain, no_pain = (integrated_gradients(network, crops, target).sum(axis=(1, 2)) for target in TargetClass)

    assert np.abs(change).min() > 1e-3
    assert pain - no_pain == pytest.approx(change, rel=0.15)


def test_an_ensembles_map_is_the_mean_of_its_members_maps(planted, spot):
    torch.manual_seed(5)
    other = NCNN().eval()
    crop = spot(60, 60, RED)

    together = heat_maps("grad-cam", [Ensemble([planted, other])], crop, TargetClass.PAIN)

    mean = (grad_cam(planted, crop, TargetClass.PAIN) + grad_cam(other, crop, TargetClass.PAIN)) / 2
    np.testing.assert_allclose(together, mean, rtol=1e-5)


def test_the_baseline_keeps_an_even_crop_as_it_is():
    even = torch.full((1, 3, 48, 48), 0.4)

    torch.testing.assert_close(blurred(even), even)


def test_methods_that_draw_random_numbers_give_the_same_map_again_and_leave_torchs_numbers_alone(
    planted, spot, monkeypatch
):
    monkeypatch.setattr(sampling, "_MASKS", 48)  # as many as a good map needs take long, and are drawn no differently
    crop = spot(35, 50, RED)
    state = torch.random.get_rng_state()

    for method in ("rise", "smooth-grad"):
        first, second = (heat_maps(method, [planted], crop, TargetClass.PAIN) for _ in range(2))
        np.testing.assert_array_equal(first, second)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_score_cam_is_the_sum_of_the_maps_times_what_showing_each_alone_does_to_the_logit():
    """Recomputed with numpy from the definition, map by map; a map that is even everywhere adds nothing."""
    torch.manual_seed(8)
    network = NCNN().eval()
    with torch.no_grad():
        for layer in network.head[1], network.head[4]:
            layer.weight.abs_()  # keeps the small dense layer awake
        network.head[4].weight.mul_(100.0)
        network.merge_branch[0].weight[3:].zero_()  # three maps are left
    crop = torch.rand(1, 3, 120, 120)
    maps = []
    grid = network.cell_grid()
    handle = grid.layer.register_forward_hook(lambda _module, _inputs, output: maps.append(output.detach().numpy()[0]))
    with torch.no_grad():
        network(crop)
    handle.remove()

    expected = np.zeros((120, 120))
    for cells in maps[0][:3]:
        shares = (cells - cells.min()) / (cells.max() - cells.min())
        mask = torch.from_numpy(spread_cells(shares[None].astype(np.float32), grid, 120))
        with torch.no_grad():
            change = network(mask * crop + (1 - mask) * blurred(crop)) - network(blurred(crop))
        expected += float(change) * mask[0].numpy()

    assert np.abs(expected).max() > 0.01
    for target, sign in ((TargetClass.PAIN, 1), (TargetClass.NO_PAIN, -1)):
        positive = np.maximum(sign * expected, 0)
        found = score_cam(network, crop, target)[0]
        np.testing.assert_allclose(found, positive - positive.min(), atol=1e-4)


def test_score_cam_of_a_network_whose_maps_are_all_even_is_empty(planted):
    assert score_cam(planted, torch.zeros(1, 3, 120, 120), TargetClass.PAIN).max() == 0


def test_a_segment_is_the_crop_where_the_map_reaches_the_threshold():
    random = np.random.default_rng(4)
    crop = random.integers(0, 200, (16, 16, 3)).astype(np.uint8)
    heat = random.random((16, 16)).astype(np.float32)

    cut = segmented(crop, heat, 0.6)

    for y, x in np.ndindex(16, 16):
        expected = crop[y, x] if heat[y, x] >= 0.6 * heat.max() else (255, 255, 255)
        assert tuple(cut[y, x]) == tuple(expected)
    assert (segmented(crop, np.zeros_like(heat), 0.5) == 255).all()
