"""Networks that were trained with a cue beside the face: the stronger its link to the label, the more is found."""

import numpy as np
import pytest
import torch
from torch import nn

from trainer.explanation import TargetClass, heat_maps
from trainer.explanation.interventions import measure_interventions
from trainer.explanation.scoring import energy_in
from trainer.networks import CellGrid, PainNetwork

SIZE, COUNT, MAPS = 24, 480, 80
FACE = np.zeros((SIZE, SIZE), bool)
FACE[6:18, 6:18] = True


class Small(PainNetwork):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 6, 5, padding=2), nn.ReLU(), nn.AvgPool2d(4))
        self.head = nn.Linear(6 * 36, 1)

    def forward(self, crops):
        return self.head(self.features(crops).flatten(1)).squeeze(1)

    def cell_grid(self):
        return CellGrid(self.features, 4.0, 1.5)


def painted(correlation, seed):
    """Crops whose face shows the label by an unsure brightness, and whose corner shows it surely, if linked."""
    random = np.random.default_rng(seed)
    labels = (np.arange(COUNT) % 2).astype(np.float32)
    cue = labels.copy()
    for label in (0, 1):
        own = np.flatnonzero(labels == label)
        cue[random.permutation(own)[: round(len(own) * (1 - correlation) / 2)]] = 1 - label
    crops = random.normal(100, 25, (COUNT, SIZE, SIZE, 3))
    crops[:, 9:15, 9:15] += (20 * labels + random.normal(0, 14, COUNT))[:, None, None, None]
    crops[cue == 1, :6, :6] += 60
    subjects = np.array([f"S{index // 4:02d}" for index in range(COUNT)])
    return np.clip(crops, 0, 255).astype(np.uint8), labels, subjects


def prepared(crops):
    return torch.from_numpy(crops).permute(0, 3, 1, 2).float() / 255 - 0.4


def trained(correlation):
    crops, labels, _ = painted(correlation, seed=1)
    torch.manual_seed(1)
    network = Small()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(40):
        optimizer.zero_grad()
        loss = nn.functional.binary_cross_entropy_with_logits(network(prepared(crops)), torch.from_numpy(labels))
        loss.backward()
        optimizer.step()
    return network.eval()


def measured(correlation):
    """Return artefact score and interventions of a network, on new pictures as it was trained on."""
    network = trained(correlation)
    crops, labels, subjects = painted(correlation, seed=2)

    def scores(changed):
        with torch.inference_mode():
            return torch.sigmoid(network(prepared(changed))).double().numpy()

    shown = crops[labels == 1][:MAPS]
    maps = heat_maps("integrated-gradients", [network], prepared(shown), TargetClass.PAIN)
    artefact = float(np.mean([1 - energy_in(heat, FACE) for heat in maps]))
    parts = [(scores, np.arange(COUNT))]
    return artefact, measure_interventions(parts, crops, [{"face": FACE}] * COUNT, labels, subjects)


@pytest.fixture(scope="module")
def found():
    return [measured(correlation) for correlation in (0.0, 0.5, 1.0)]


def test_the_artefact_score_rises_with_the_cues_correlation(found):
    artefacts = [artefact for artefact, _ in found]

    assert artefacts[0] < artefacts[1] < artefacts[2]


def test_the_flip_rate_and_the_backgrounds_auc_rise_with_the_cues_correlation(found):
    flips = [results["background_swap"]["flip_rate"] for _, results in found]
    areas = [results["auc"]["background"]["value"] for _, results in found]

    assert flips[0] < flips[1] < flips[2]
    assert areas[0] < areas[1] < areas[2]
    assert found[0][1]["auc"]["background"]["low"] <= 0.5 <= found[0][1]["auc"]["background"]["high"]
    assert found[2][1]["auc"]["background"]["low"] > 0.9
