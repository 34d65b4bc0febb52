"""Networks whose evidence is known because it was planted."""

import pytest
import torch

from trainer.networks import NCNN

RED, BLUE = 0, 2


@pytest.fixture
def planted():
    """An N-CNN that says pain for red spots and no pain for blue ones, by both of its branches."""
    network = NCNN().eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
        for channel, colour in ((0, RED), (1, BLUE)):
            for first in (network.center_branch[0], network.right_branch[0]):
                first.weight[channel, colour] = 1 / 25
            network.center_branch[3].weight[channel, channel] = 1 / 4
            merged = network.merge_branch[0].weight
            merged[channel, 3 + channel] = 1 / 4  # the centre branch
            merged[channel, 3 + 64 + channel] = 1 / 4  # the right branch
            network.head[1].weight[channel, 25 * channel : 25 * (channel + 1)] = 1.0
        network.head[4].weight[0, 0], network.head[4].weight[0, 1] = 1.0, -1.0
    return network


@pytest.fixture(scope="session")
def spot():
    """Crops of 120 px that are black but for a spot of 5 px."""

    def draw(x, y, colour):
        crop = torch.zeros(1, 3, 120, 120)
        crop[0, colour, y - 2 : y + 3, x - 2 : x + 3] = 1.0
        return crop

    return draw
