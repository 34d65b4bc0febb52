"""Networks are found by name, also those of other distributions."""

import importlib

import pytest
import torch
from pydantic import BaseModel

from trainer.errors import SettingsError
from trainer.networks import Architecture, CellGrid, InputContract, PainNetwork, Registry, architectures
from trainer.networks.builtin import BUILTIN
from trainer.networks.registry import ENTRY_POINT_GROUP


class BrightnessSettings(BaseModel, extra="forbid"):
    gain: float = 1.0


class Brightness(PainNetwork):
    def __init__(self, settings):
        super().__init__()
        self.gain = torch.nn.Parameter(torch.tensor(settings.gain))

    def forward(self, crops):
        return self.gain * crops.mean(dim=(1, 2, 3))

    def cell_grid(self):
        return CellGrid(self, 1.0, 0.0)


BRIGHTNESS = Architecture("brightness", "mean of all pixels", BrightnessSettings, Brightness, InputContract(size_px=32))


@pytest.mark.parametrize("name", architectures().names)
def test_every_network_scores_crops_of_its_contract(name):
    architecture = architectures()[name]
    network = architecture.create({"member": "ncnn", "count": 2} if name == "ensemble" else {}).eval()
    size = architecture.contract.size_px

    with torch.inference_mode():
        logits = network(torch.rand(2, 3, size, size))

    assert logits.shape == (2,)
    assert torch.isfinite(logits).all()


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(SettingsError, match=r"unknown network 'nccn'.*ncnn"):
        architectures()["nccn"]


def test_a_wrong_setting_is_named_together_with_the_right_ones():
    with pytest.raises(SettingsError, match=r"'dropuot'.*branch_dropout"):
        architectures()["ncnn"].create({"dropuot": 0.5})


def test_another_distribution_adds_a_network_through_its_entry_point(tmp_path, monkeypatch):
    package = tmp_path / "third_party-1.0.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: third-party\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text(f"[{ENTRY_POINT_GROUP}]\nbrightness = third_party_net:ARCHITECTURE\n")
    (tmp_path / "third_party_net.py").write_text(
        "from trainer.networks import Architecture, InputContract\n"
        "from trainer.networks.builtin import BUILTIN\n"
        "import dataclasses\n"
        "ARCHITECTURE = dataclasses.replace(BUILTIN[0], name='brightness', summary='third party')\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()

    registry = Registry(BUILTIN)

    assert registry["brightness"].summary == "third party"


def test_two_networks_cannot_share_a_name():
    registry = Registry((BRIGHTNESS,), group=None)

    with pytest.raises(SettingsError, match="two networks with the name 'brightness'"):
        registry.register(BRIGHTNESS)
