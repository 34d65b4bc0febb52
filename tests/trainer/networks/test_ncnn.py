"""N-CNN has the published shape, and the cheap order of its layers changes no number."""

import pytest
import torch
from torch.nn import functional

from trainer.networks import NCNN, NCNNSettings


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


def test_it_has_exactly_the_published_number_of_parameters():
    network = NCNN()

    assert count(network) == 72_593
    assert count(network.center_branch[0]) == 4_864
    assert count(network.center_branch[3]) == 16_448
    assert count(network.right_branch) == 4_864
    assert count(network.merge_branch) == 33_600
    assert count(network.head) == 12_808 + 9


def in_the_papers_order(network, crops):
    """The same weights, with every activation before its pooling, as the paper draws it."""
    leaky = torch.nn.LeakyReLU(0.01)
    center = functional.max_pool2d(leaky(network.center_branch[0](crops)), 3)
    center = functional.max_pool2d(leaky(network.center_branch[3](center)), 3)
    right = functional.max_pool2d(leaky(network.right_branch[0](crops)), 10)
    merged = torch.cat([functional.max_pool2d(crops, 10), center, right], dim=1)
    merged = functional.max_pool2d(torch.relu(network.merge_branch[0](merged)), 2)
    return network.head(merged).squeeze(1)


def test_pooling_before_the_activation_gives_the_same_logits_and_gradients():
    torch.manual_seed(4)
    network = NCNN().eval()
    crops = torch.rand(3, 3, 120, 120)

    cheap, paper = network(crops), in_the_papers_order(network, crops)
    cheap_gradients = torch.autograd.grad(cheap.sum(), list(network.parameters()))
    paper_gradients = torch.autograd.grad(paper.sum(), list(network.parameters()))

    torch.testing.assert_close(cheap, paper, rtol=0.0, atol=1e-6)
    for ours, theirs in zip(cheap_gradients, paper_gradients, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)


def test_the_branches_meet_at_twelve_by_twelve():
    network = NCNN().eval()
    crops = torch.rand(1, 3, 120, 120)

    assert network.left_branch(crops).shape == (1, 3, 12, 12)
    assert network.center_branch(crops).shape == (1, 64, 12, 12)
    assert network.right_branch(crops).shape == (1, 64, 12, 12)
    assert network.merge_branch[0](torch.rand(1, 131, 12, 12)).shape == (1, 64, 11, 11)


def test_a_crop_of_another_size_is_refused_with_both_sizes():
    with pytest.raises(ValueError, match=r"3 x 120 x 120, not \(3, 96, 96\)"):
        NCNN()(torch.rand(1, 3, 96, 96))


def test_the_second_dropout_acts_only_while_training():
    torch.manual_seed(0)
    network = NCNN(NCNNSettings(branch_dropout=0.0, merge_dropout=0.5, head_dropout=0.0))
    crops = torch.rand(4, 3, 120, 120)
    network.head[1].bias.data.fill_(5.0)  # keep the small dense layer awake

    assert not torch.equal(network.train()(crops), network.train()(crops))
    assert torch.equal(network.eval()(crops), network.eval()(crops))


@pytest.mark.parametrize("cell", [0, 3, 10])
def test_the_cell_grid_is_the_mean_of_the_branches_receptive_field_centres(cell):
    """The gradient of one merged cell says where that cell looks; its support's centre is the truth."""
    torch.manual_seed(1)
    network = NCNN().eval()
    crops = torch.rand(1, 3, 120, 120)

    def support_centre(branch):
        # Replacing max by mean pooling spreads the gradient over the whole receptive field.
        values = crops.clone().requires_grad_()
        output = branch(values)
        window = output[..., cell : cell + 2, cell : cell + 2]  # what the valid 2 x 2 kernel of cell i sees
        window.sum().backward()
        columns = values.grad.abs().sum(dim=(0, 1, 2)).nonzero().flatten()
        return (columns.min() + columns.max()).item() / 2

    conv_center, second_center = network.center_branch[0], network.center_branch[3]

    def center(values):
        return functional.avg_pool2d(second_center(functional.avg_pool2d(conv_center(values), 3)), 3)

    def right(values):
        return functional.avg_pool2d(network.right_branch[0](values), 10)

    grid = network.cell_grid()
    truth = (support_centre(center) + support_centre(right)) / 2

    assert support_centre(center) == pytest.approx(9 * cell + 12, abs=0.6)
    assert grid.scale_px * cell + grid.offset_px == pytest.approx(truth, abs=1.1)
