"""Grad-CAM finds a planted feature where it was planted; naive stretching of the map does not."""

import cv2
import numpy as np
import pytest
import torch
from captum.attr import LayerGradCam
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from trainer.explanation import TargetClass, grad_cam, spread_cells
from trainer.networks import CellGrid, EfficientNetLite0, ResNet50, ResNet50Settings

RED, BLUE = 0, 2


def centroid(heat):
    """x, y of the heat's centre of mass."""
    total = heat.sum()
    return (heat.sum(axis=0) @ np.arange(heat.shape[1])) / total, (heat.sum(axis=1) @ np.arange(len(heat))) / total


def naive(network, inputs):
    """The map stretched over the crop, as most programs draw it."""
    cells = LayerGradCam(network, network.cell_grid().layer).attribute(inputs.requires_grad_(), relu_attributions=True)
    return cv2.resize(cells.detach().numpy()[0, 0], (120, 120), interpolation=cv2.INTER_LINEAR)


@pytest.mark.parametrize(("positions", "outwards"), [(range(20, 39), -1), (range(74, 93), 1)])
def test_a_planted_feature_is_drawn_where_it_is_and_naive_stretching_pushes_it_outwards(
    planted, spot, positions, outwards
):
    right, stretched = [], []
    for position in positions:  # sweeping over more than two cells averages the cells' coarseness out
        crop = spot(position, position, RED)
        right.append(np.mean(centroid(grad_cam(planted, crop, TargetClass.PAIN)[0])) - position)
        stretched.append(np.mean(centroid(naive(planted, crop))) - position)

    assert abs(np.mean(right)) < 1.5
    assert outwards * np.mean(stretched) > 3.0


def test_each_sign_shows_its_own_evidence(planted, spot):
    crop = spot(40, 60, RED) + spot(90, 60, BLUE)

    pain = centroid(grad_cam(planted, crop, TargetClass.PAIN)[0])
    no_pain = centroid(grad_cam(planted, crop, TargetClass.NO_PAIN)[0])

    assert pain[0] == pytest.approx(40, abs=6)
    assert no_pain[0] == pytest.approx(90, abs=6)


def test_without_evidence_for_an_answer_its_map_is_empty(planted, spot):
    assert grad_cam(planted, spot(60, 60, RED), TargetClass.PAIN).max() > 0
    assert grad_cam(planted, spot(60, 60, RED), TargetClass.NO_PAIN).max() == 0


@given(cells=st.integers(2, 14), scale=st.floats(2.0, 32.0), offset=st.floats(0.0, 16.0), index=st.integers(0, 13))
def test_a_cell_is_drawn_at_its_centre(cells, scale, offset, index):
    index = min(index, cells - 1)
    hot = np.zeros((1, cells, cells), np.float32)
    hot[0, index, index] = 1.0

    heat = spread_cells(hot, CellGrid(nn.Identity(), scale, offset), int(scale * cells + 2 * offset) + 1)[0]

    centre = scale * index + offset
    if 0 < index < cells - 1:  # beyond the outermost centres the heat stays constant
        top = np.flatnonzero(heat.max(axis=0) >= heat.max() - 1e-6)
        assert abs(top.mean() - centre) <= 0.5 + 1e-6
    assert heat.max() <= 1.0
    assert heat.min() >= 0.0


def test_maps_of_another_shape_are_refused():
    with pytest.raises(ValueError, match="not \\(N, cells, cells\\)"):
        spread_cells(np.zeros((3, 4), np.float32), CellGrid(nn.Identity(), 1.0, 0.0), 8)


def test_resnet50s_cells_look_where_its_grid_says():
    """With weights that only add, the gradient of a cell is a hill around the position that it looks at."""
    network = ResNet50().eval()
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.Conv2d):
                module.weight.fill_(1.0 / module.weight[0].numel())
    network.maxpool = nn.AvgPool2d(3, 2, 1)  # of equal values the maximum passes its gradient to the first one only
    grid = network.cell_grid()
    outputs = []
    handle = grid.layer.register_forward_hook(lambda _module, _inputs, output: outputs.append(output))
    crop = torch.ones(1, 3, 320, 320, requires_grad=True)
    network(crop)
    handle.remove()

    outputs[0][0, 0, 5, 5].backward()

    position = centroid(crop.grad[0].sum(dim=0).numpy())
    assert position == pytest.approx((grid.scale_px * 5 + grid.offset_px,) * 2, abs=1.5)  # stretching would say 175.5


def test_efficientnet_lite0s_cells_look_where_its_grid_says():
    """As above; every block only adds, and the bound of the activations at 6 is never reached."""
    network = EfficientNetLite0().eval()
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.Conv2d):
                module.weight.fill_(0.1 / module.weight[0].numel())
    grid = network.cell_grid()
    crop = torch.ones(1, 3, 320, 320, requires_grad=True)

    network.trunk(crop)[0, 0, 5, 5].backward()

    position = centroid(crop.grad[0].sum(dim=0).numpy())
    assert position == pytest.approx((grid.scale_px * 5 + grid.offset_px,) * 2, abs=1.5)


def test_resnet50_with_a_frozen_trunk_has_maps_of_both_signs():
    torch.manual_seed(3)
    network = ResNet50(ResNet50Settings(train="head")).eval()
    crops = torch.rand(2, 3, 96, 96)

    pain, no_pain = (grad_cam(network, crops, target) for target in TargetClass)

    assert pain.shape == no_pain.shape == (2, 96, 96)
    assert pain.max() + no_pain.max() > 0
    assert not np.array_equal(pain, no_pain)
    assert all(parameter.grad is None for parameter in network.parameters())
