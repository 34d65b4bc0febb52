"""A network that looks at a crop and at its mirror image is explained on the crop."""

import numpy as np
import pytest
import torch
from torch import nn

from trainer.errors import SettingsError
from trainer.explanation import METHODS, TargetClass, grad_cam
from trainer.networks import CellGrid, Mimic, MimicSettings, PainNetwork
from trainer.reporting import explaining

SIDE = 128


@pytest.fixture
def one_sided():
    """A crop with content at the left only."""
    crop = torch.zeros(1, 3, SIDE, SIDE)
    crop[:, :, 48:80, 10:34] = 2 * torch.rand(3, 32, 24, generator=torch.Generator().manual_seed(0)) - 1
    return crop


def mimic(*, mirror):
    torch.manual_seed(0)
    return Mimic(MimicSettings(mirror=mirror)).eval()


@pytest.mark.parametrize("method", ["grad-cam", "score-cam", "occlusion"])
def test_what_lies_at_the_left_of_a_crop_is_shown_at_the_left(method, one_sided):
    network = mimic(mirror=True)
    maps = [METHODS[method](network, one_sided, target)[0] for target in TargetClass]
    heat = max(maps, key=np.sum)

    assert heat[:, : SIDE // 2].sum() > 0.7 * heat.sum()


def test_the_map_is_that_of_the_crop_and_that_of_its_mirror_image_flipped_back(one_sided):
    """Both networks have the same weights; one only does not look at the mirror image."""
    both, single = mimic(mirror=True), mimic(mirror=False)

    heat = {target: grad_cam(both, one_sided, target) for target in TargetClass}
    tolerance = 1e-4 * max(found.max() for found in heat.values())
    assert tolerance > 0.0
    for target, found in heat.items():
        direct = grad_cam(single, one_sided, target)
        mirrored = grad_cam(single, one_sided.flip(-1), target)[..., ::-1]
        of_the_mirror_image = grad_cam(both, one_sided.flip(-1), target)[..., ::-1]
        assert found == pytest.approx((direct + mirrored) / 2, abs=tolerance)
        assert found == pytest.approx(of_the_mirror_image, abs=tolerance)


class Twice(PainNetwork):
    """Calls its layer twice and does not say so."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Conv2d(3, 2, 3)

    def forward(self, crops):
        return (self.layer(crops) + self.layer(crops.flip(-2))).mean(dim=(1, 2, 3))

    def cell_grid(self):
        return CellGrid(self.layer, 1.0, 1.0)


@pytest.mark.parametrize("method", ["grad-cam", "score-cam"])
def test_a_layer_that_is_called_more_often_than_its_grid_says_is_refused(method, one_sided):
    with pytest.raises(SettingsError, match="Twice calls the layer of its cell grid 2 times in one pass, and the grid"):
        METHODS[method](Twice().eval(), one_sided, TargetClass.PAIN)


def test_stored_explanations_are_not_kept_when_a_network_looks_elsewhere(monkeypatch, tmp_path):
    (tmp_path / "mimic.py").write_text("offset = 0")
    monkeypatch.setattr(explaining.trainer.networks, "__file__", str(tmp_path / "__init__.py"))
    before = explaining._code_sha256()
    (tmp_path / "mimic.py").write_text("offset = 8")

    assert explaining._code_sha256() != before
